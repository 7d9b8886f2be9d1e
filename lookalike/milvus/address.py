"""Where an index in Milvus is: milvus://HOST:PORT/NAME, or milvus+tls:// where the server wants TLS."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..errors import IndexFileError

SCHEMES = {"milvus": "http", "milvus+tls": "https"}
PORT = 19530
# Milvus takes 255 letters; a version's name is longer than its index's.
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}", re.ASCII)
FORM = "An index in Milvus is named as milvus://HOST:PORT/NAME, its name of letters, digits and _, at most 200."


@dataclass(frozen=True)
class Address:
    """A server, as pymilvus takes it, and the name of an index there."""

    uri: str
    name: str

    @property
    def server(self):
        """The server for a sentence."""
        return f"Milvus at {self.uri.partition('://')[2]}"


def is_address(text):
    """Whether an index's place is an address of this kind rather than a folder."""
    return str(text).partition("://")[0] in SCHEMES and "://" in str(text)


def parse_address(text):
    """The Address in a text; raises IndexFileError."""
    try:
        parts = urlsplit(str(text))
        port, name = parts.port or PORT, parts.path.removeprefix("/").removesuffix("/")
    except ValueError:
        raise IndexFileError(f"{text} is no address of an index. {FORM}") from None
    plain = parts.username is None and not parts.query and not parts.fragment
    if parts.scheme not in SCHEMES or not parts.hostname or not plain or not NAME.fullmatch(name):
        raise IndexFileError(f"{text} is no address of an index. {FORM}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Address(f"{SCHEMES[parts.scheme]}://{host}:{port}", name)
