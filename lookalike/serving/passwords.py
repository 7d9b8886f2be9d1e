"""A password of which the server keeps a digest alone: scrypt, salted, slow for whoever guesses.

A digest is scrypt:SALT:HASH in hexadecimal; deploy/README.md has the command that makes one.
"""

import hashlib
import hmac

KIND = "scrypt"
# OWASP's parameters for 16 MB: 0.1 to 0.3 s on one core.
COST, BLOCK_SIZE, PARALLELISM = 2**14, 8, 5
MIN_SALT_BYTES, HASH_BYTES = 16, 64
# A longer one is no password.
MAX_LETTERS = 200


def is_digest(text: str) -> bool:
    """Return whether a text is the digest of a password."""
    return _read(text) is not None


def is_password(password: str, digest: str) -> bool:
    """Return whether a digest is this password's; a text that is no digest is nobody's. The time does not tell."""
    parts = _read(digest)
    if parts is None or not 0 < len(password) <= MAX_LETTERS:
        return False
    salt, expected = parts
    own = hashlib.scrypt(password.encode(errors="replace"), salt=salt, n=COST, r=BLOCK_SIZE, p=PARALLELISM)
    return hmac.compare_digest(own, expected)


def _read(text: str) -> tuple[bytes, bytes] | None:
    kind, *parts = text.strip().split(":")
    try:
        salt, expected = map(bytes.fromhex, parts)
    except ValueError:
        return None
    return (salt, expected) if kind == KIND and len(salt) >= MIN_SALT_BYTES and len(expected) == HASH_BYTES else None
