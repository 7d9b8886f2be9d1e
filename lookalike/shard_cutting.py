"""Where one shard ends and the next begins."""

import hashlib

# No shard has more than this many times the files that it should have on average.
LONGEST = 4


def cut(files, size):
    """Yield runs of Files, of about size each. Ends hang on the names there, so that a new file moves no others."""
    part = []
    for file in files:
        part.append(file)
        if _ends(file.name, size) or len(part) == LONGEST * size:
            yield tuple(part)
            part = []
    if part:
        yield tuple(part)


def _ends(name, size):
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % size == 0
