"""Streamlit's own JavaScript and styles, compressed: a phone's first page is a third as large.

Streamlit sends them as they are, because compressing them again for every visitor would cost more than it brings. Each
is compressed once here, and kept. They hold no secret, so that nothing can be guessed from their length.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FOLDER = "/static/"
SUFFIXES = frozenset((".js", ".css", ".json", ".svg", ".txt", ".wasm"))
LEVEL = 7
# Smaller files gain nothing; all that is kept together stays below MAX_KEPT_BYTES.
MIN_BYTES, MAX_KEPT_BYTES = 1000, 32_000_000


@dataclass(frozen=True)
class Compressed:
    """A file's body and the headers that it is sent with."""

    body: bytes
    headers: list[tuple[bytes, bytes]]


class CompressedStatic:
    """ASGI middleware: gzip for Streamlit's static files, which never change while a server runs."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: dict[str, Compressed] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the compressed file, or let the app answer."""
        if scope["type"] != "http" or not _may_be_compressed(scope):
            await self._app(scope, receive, send)
            return
        compressed = self._kept.get(scope["path"])
        if compressed is None:
            compressed = await self._compress(scope, receive, send)
        if compressed is not None:
            await send({"type": "http.response.start", "status": 200, "headers": compressed.headers})
            await send({"type": "http.response.body", "body": compressed.body})

    async def _compress(self, scope: Scope, receive: Receive, send: Send) -> Compressed | None:
        """Ask the app, and return its answer compressed; None if it was sent as it is, not being worth it."""
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, collect)
        start = next(message for message in messages if message["type"] == "http.response.start")
        body = b"".join(message.get("body", b"") for message in messages)
        found = Headers(raw=start["headers"])
        # For an address that it does not have, Streamlit sends its page. That must not fill what is kept.
        is_page = found.get("content-type", "").startswith("text/html")
        if start["status"] != 200 or len(body) < MIN_BYTES or is_page or "content-encoding" in found:
            for message in messages:
                await send(message)
            return None
        smaller = await run_in_threadpool(gzip.compress, body, LEVEL, mtime=0)
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["content-encoding"] = "gzip"
        headers["content-length"] = str(len(smaller))
        headers.add_vary_header("Accept-Encoding")
        if "etag" in headers:  # it named the file as it is
            headers["etag"] = headers["etag"].rstrip('"') + '-gzip"'
        compressed = Compressed(smaller, headers.raw)
        if sum(len(one.body) for one in self._kept.values()) + len(smaller) <= MAX_KEPT_BYTES:
            self._kept[scope["path"]] = compressed
        return compressed


def _may_be_compressed(scope: Mapping[str, object]) -> bool:
    """Return whether a request asks for the whole of a static file of text, from a browser that takes gzip."""
    path, headers = str(scope["path"]), Headers(scope=dict(scope))
    return (
        scope["method"] == "GET"
        and FOLDER in path
        and PurePosixPath(path).suffix in SUFFIXES
        and "gzip" in headers.get("accept-encoding", "").lower()
        and not any(name in headers for name in ("range", "if-none-match", "if-modified-since"))
    )
