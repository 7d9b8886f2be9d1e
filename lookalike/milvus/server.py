"""A Milvus server, asked with patience: what fails for a moment is asked again, with longer and longer pauses."""

import logging
import os
import re
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from lookalike.errors import IndexFileError, ServerError

# Of an operator's own cluster: "user:password", or an API key.
TOKEN = "LOOKALIKE_MILVUS_TOKEN"  # noqa: S105 # nosec B105 - a variable's name

# A visitor waits no longer; a server takes about a minute to be back after a crash.
SHORT_PATIENCE, LONG_PATIENCE = 8.0, 300.0

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

# What asking again cannot mend; Milvus' numbers for: no such collection, field or alias, a name in use, a bad request.
NOT_FOUND, NO_ALIAS, NAME_IN_USE = 100, 1600, 1601

FINAL = {NOT_FOUND, NO_ALIAS, NAME_IN_USE, 1100, 1700}

PACKAGE = "pymilvus>=3.0.2,<4"


SCHEMES = {"milvus": "http", "milvus+tls": "https"}

PORT = 19530

# Milvus takes 255 letters; a version's name is longer than its index's.
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}", re.ASCII)

FORM = "An index in Milvus is named as milvus://HOST:PORT/NAME, its name of letters, digits and _, at most 200."


class Refused(ServerError):
    """What asking again cannot mend; code is Milvus' number for it."""

    def __init__(self, sentence, code):
        super().__init__(sentence)
        self.code = code


class Milvus:
    """A server at an Address, asked by any number of threads; patience, in seconds, is how long a call is retried.

    Until it has answered for the first time that is not long: its address may be wrong.
    """

    def __init__(self, address, patience=SHORT_PATIENCE):
        self.address = address
        self.patience = patience
        self._make, self._client, self._known = _client_class(), None, False
        self._connecting = threading.Lock()

    def ask(self, method, *given, seconds=None, **named):
        """What a method of MilvusClient gives; raises ServerError once patience has run out, or Refused at once.

        seconds is how long it may work where that is longer than patience.
        """
        patience = self.patience if self._known else min(self.patience, SHORT_PATIENCE)
        ends, pause = time.monotonic() + patience, FIRST_PAUSE
        while True:
            left = max(ends - time.monotonic(), 1.0)
            try:
                answer = getattr(self._connected(left), method)(*given, timeout=seconds or left, **named)
                self._known = True
                return answer
            except _failures() as error:
                if getattr(error, "code", None) in FINAL:
                    self._known = True
                    raise Refused(f"{self.address.server} refuses: {_said(error)}.", error.code) from None
                if time.monotonic() + pause > ends:
                    raise ServerError(self._sentence(error, patience)) from None
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def create(self, collection, **options):
        """Create a collection that is not there yet: created twice, even alike, it is refused."""
        if not self.ask("has_collection", collection):
            self.ask("create_collection", collection, **options)

    def _connected(self, seconds):
        with self._connecting:
            if self._client is None:
                self._client = self._make(
                    self.address.uri, token=os.environ.get(TOKEN, ""), timeout=seconds, dedicated=True
                )
            return self._client

    def _sentence(self, error, patience):
        return (
            f"{self.address.server} gave no answer for {patience:.0f} s ({_said(error)}). After a crash it needs about "
            "a minute: try again then, or check the address and that the server runs."
        )


def _said(error):
    """An error of the client in one short line."""
    return " ".join(str(getattr(error, "message", "") or type(error).__name__).split())[:200]


def _failures():
    import grpc
    from pymilvus import MilvusException

    return MilvusException, grpc.RpcError


def _client_class():
    try:
        from pymilvus import MilvusClient
    except ImportError:
        raise ServerError(f'An index in Milvus needs one more package. Run: pip install "{PACKAGE}"') from None
    # It prints tracebacks of what is asked again here, with the request's text, which may be a visitor's.
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("pymilvus."):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return MilvusClient


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
