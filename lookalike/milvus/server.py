"""A Milvus client that retries transient failures with exponential backoff, and the address of an index."""

from __future__ import annotations

import logging
import re
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lookalike.errors import IndexFileError, ServerError
from lookalike.settings import Settings

if TYPE_CHECKING:
    from pymilvus import MilvusClient

# Seconds for which a call is retried: a visitor waits no longer; a server needs about a minute after a crash.
SHORT_PATIENCE, LONG_PATIENCE = 8.0, 300.0

# Seconds between two attempts.
FIRST_PAUSE, MAX_PAUSE = 0.1, 5.0

# Milvus' codes for errors that another attempt cannot change.
COLLECTION_NOT_FOUND = 100
INVALID_PARAMETER = 1100
ALIAS_NOT_FOUND = 1600
NAME_IN_USE = 1601
FIELD_NOT_FOUND = 1700
FINAL_CODES = {COLLECTION_NOT_FOUND, INVALID_PARAMETER, ALIAS_NOT_FOUND, NAME_IN_USE, FIELD_NOT_FOUND}

PACKAGE = "pymilvus>=3.0.2,<4"
SCHEMES = {"milvus": "http", "milvus+tls": "https"}
DEFAULT_PORT = 19530

# Milvus takes 255 characters, and the name of a version is longer than that of its index.
INDEX_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}", re.ASCII)
ADDRESS_FORM = (
    "Write it as milvus://HOST:PORT/NAME. NAME has at most 200 letters, digits and underscores, and no digit first."
)

# The process's connections by address and patience; see shared_server.
_shared: dict[tuple[str, float], Milvus] = {}
_sharing = threading.Lock()


class Refused(ServerError):
    """An error that another attempt cannot change; code is Milvus' number for it."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Address:
    """A server's URI, as pymilvus takes it, and the name of an index there."""

    uri: str
    name: str

    @property
    def server(self) -> str:
        """The server, to name it in a sentence."""
        return f"Milvus at {self.uri.partition('://')[2]}"


class Milvus:
    """A connection to the server at an Address, for any number of threads; it is made at the first call.

    Args:
        address: the server, and the index that a caller works on.
        patience: for how many seconds a call is retried. Until the server has answered once, this is at most
            SHORT_PATIENCE, because the address may be wrong.
        token: user:password or an API key, "" for none; None for the one of the settings.

    Raises ServerError if pymilvus is not installed.
    """

    def __init__(self, address: Address, patience: float = SHORT_PATIENCE, token: str | None = None) -> None:
        self.address = address
        self.patience = patience
        self._token = Settings.from_environment().milvus_token if token is None else token
        self._client_class = _import_client()
        self._client: MilvusClient | None = None
        self._has_answered = False
        self._connecting = threading.Lock()

    def call(self, method: str, *arguments: Any, seconds: float | None = None, **options: Any) -> Any:
        """Call a method of MilvusClient and return its result.

        seconds is how long one attempt may take if that is longer than the patience. Raises ServerError when the
        patience runs out, and Refused at once.
        """
        patience = self.patience if self._has_answered else min(self.patience, SHORT_PATIENCE)
        ends, pause = time.monotonic() + patience, FIRST_PAUSE
        while True:
            left = max(ends - time.monotonic(), 1.0)
            try:
                result = getattr(self._connect(left), method)(*arguments, timeout=seconds or left, **options)
                self._has_answered = True
                return result
            except _client_errors() as error:
                if (code := getattr(error, "code", None)) in FINAL_CODES:
                    self._has_answered = True
                    raise Refused(f"{self.address.server} refuses: {_summary(error)}.", code) from None
                if time.monotonic() + pause > ends:
                    raise ServerError(
                        f"{self.address.server} gave no answer for {patience:.0f} s ({_summary(error)}). After a crash "
                        "it needs about a minute: try again then, or check the address and that the server runs."
                    ) from None
            time.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE)

    def create_collection(self, collection: str, **options: Any) -> None:
        """Create a collection if it does not exist: Milvus refuses to create it twice, even with equal options."""
        if not self.call("has_collection", collection):
            self.call("create_collection", collection, **options)

    def close(self) -> None:
        """Close the connection. The next call opens a new one."""
        with self._connecting:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connect(self, seconds: float) -> MilvusClient:
        with self._connecting:
            if self._client is None:
                self._client = self._client_class(self.address.uri, token=self._token, timeout=seconds, dedicated=True)
            return self._client


def shared_server(text: str, patience: float = SHORT_PATIENCE) -> Milvus:
    """Return this process's connection to the server at an address, made at the first request for it.

    These connections are one per process, address and patience: whatever searches an index shares them, also after
    it was published again. close_shared_servers closes them. Raises IndexFileError or ServerError.
    """
    with _sharing:
        if (text, patience) not in _shared:
            _shared[text, patience] = Milvus(parse_address(text), patience)
        return _shared[text, patience]


def close_shared_servers() -> None:
    """Close and forget this process's connections, such as when a server process shuts down."""
    with _sharing:
        servers = list(_shared.values())
        _shared.clear()
    for server in servers:
        server.close()


def _summary(error: Exception) -> str:
    """Return what an error of the client says in one short line."""
    return " ".join(str(getattr(error, "message", "") or type(error).__name__).split())[:200]


def _client_errors() -> tuple[type[Exception], ...]:
    import grpc
    from pymilvus import MilvusException

    return MilvusException, grpc.RpcError


def _import_client() -> type[MilvusClient]:
    try:
        from pymilvus import MilvusClient
    except ImportError:
        raise ServerError(f'An index in Milvus needs one more package. Run: pip install "{PACKAGE}"') from None
    # It logs tracebacks of calls that are retried here, with the request's text, which may be a visitor's.
    for name in list(logging.root.manager.loggerDict):
        if name == "pymilvus" or name.startswith("pymilvus."):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return MilvusClient


def is_address(place: object) -> bool:
    """Return whether the place of an index is an address in Milvus rather than a folder."""
    scheme, separator, _ = str(place).partition("://")
    return bool(separator) and scheme in SCHEMES


def parse_address(text: object) -> Address:
    """Return the Address that a text names; raises IndexFileError."""
    error = IndexFileError(f"{text} is not the address of an index. {ADDRESS_FORM}")
    try:
        parts = urlsplit(str(text))
        port, name = parts.port or DEFAULT_PORT, parts.path.removeprefix("/").removesuffix("/")
    except ValueError:
        raise error from None
    is_plain = parts.username is None and not parts.query and not parts.fragment
    if parts.scheme not in SCHEMES or not parts.hostname or not is_plain or not INDEX_NAME.fullmatch(name):
        raise error
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Address(f"{SCHEMES[parts.scheme]}://{host}:{port}", name)
