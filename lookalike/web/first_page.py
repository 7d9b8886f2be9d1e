"""The HTML that a browser gets first: with the page's style and outline in it, and the names of what it needs next.

Streamlit's own page is white until 700 kB of scripts have come and run, and shows what st.html holds only after one
more. From this one the browser draws at once. `streamlit run app.py` serves Streamlit's own; it looks the same in the
end.
"""

import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.web import missing_scripts, outline, small_fonts
from lookalike.web.streamlit_scripts import scripts_of

HEAD_END, BODY = b"</head>", b"<body>"
LEVEL = 9
CONDITIONS = frozenset((b"if-none-match", b"if-modified-since", b"range"))
# What Streamlit would have a browser fetch first, and what stands in for it here.
FONT_PRELOAD = re.compile(rb'<link\s+rel="preload"\s[^>]*as="font"[^>]*>\s*')
# The elements of the start page, and those that an answer adds, which may come once the page stands.
ELEMENTS = ("BidiComponent", "FileUploader", "TextInput", "Html", "ImageList", "Button")
# An address that has one of these asks something.
QUESTIONS = frozenset(("product", "photo"))
# What the page's policy has to let run.
SCRIPTS = (missing_scripts.SCRIPT, outline.SCRIPT, small_fonts.SCRIPT)


@dataclass(frozen=True)
class Written:
    """A page as it is sent: what Streamlit's was, and this one, as it is and compressed."""

    source: bytes
    body: bytes
    compressed: bytes


class FirstPage:
    """ASGI middleware: adds styles, an outline and hints to Streamlit's HTML page, once for each kind of page."""

    def __init__(self, app: ASGIApp, style: str, elements: Sequence[str] = ELEMENTS) -> None:
        self._app = app
        rules = "\n".join(font.rule for font in small_fonts.fonts())
        self._style = f"<script>{missing_scripts.SCRIPT}</script>\n"
        self._style += f"<style>\n{rules}\n{style}{missing_scripts.STYLE}</style>\n<style>{outline.STYLE}</style>\n"
        if small_fonts.has_icons_of(st.__version__):
            self._style += f"<script>{small_fonts.SCRIPT}</script>\n"
        self._outlines = {"start": outline.start_page(), "answer": outline.answer_page(), "other": ""}
        self._scripts = scripts_of(elements)
        self._written: dict[str, Written] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the page that has all this; let everything else pass."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        if "text/html" in asked.get("accept", ""):
            # What a browser kept from a server without this is not the page as it is now.
            scope = {**scope, "headers": [header for header in scope["headers"] if header[0] not in CONDITIONS]}
        start: Message | None = None
        body = b""

        async def add(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
            elif start is None:
                await send(message)
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await self._send_page(kind_of(scope), start, body, "gzip" in asked.get("accept-encoding", ""), send)

        await self._app(scope, receive, add)

    async def _send_page(self, kind: str, start: Message, source: bytes, takes_gzip: bool, send: Send) -> None:
        headers = MutableHeaders(raw=list(start["headers"]))
        written = self._written.get(kind)
        if written is None or written.source != source:
            page = gzip.decompress(source) if "content-encoding" in headers else source
            body = self._write(kind, page)
            # It is the same for everybody and holds no secret, so that nothing can be guessed from its length.
            written = self._written[kind] = Written(source, body, gzip.compress(body, LEVEL, mtime=0))
        # They are about the file as it is.
        for name in ("etag", "last-modified", "accept-ranges", "content-encoding"):
            del headers[name]
        headers.add_vary_header("Accept-Encoding")
        sent = written.body
        if takes_gzip:
            headers["content-encoding"], sent = "gzip", written.compressed
        headers["content-length"] = str(len(sent))
        await send({**start, "headers": headers.raw})
        await send({"type": "http.response.body", "body": sent})

    def _write(self, kind: str, page: bytes) -> bytes:
        """Return Streamlit's page with everything added; as it is if it is not a whole page."""
        head, body, rest = page.partition(BODY)
        head, head_end, after = head.partition(HEAD_END)
        if not body or not head_end:
            return page
        fonts = [_hint("preload", font.address, ' as="font" type="font/woff2"') for font in small_fonts.fonts()]
        # They come first: until the first of them is there, no text is drawn.
        head = FONT_PRELOAD.sub("".join(fonts).encode(), head)
        hints = [_hint("modulepreload", f"static/js/{name}") for name in self._scripts if name.encode() not in head]
        # In the body, where it counts more than the styles that Streamlit adds to the head.
        first = f"\n{self._style}{self._outlines[kind]}"
        return b"".join((head, "".join(hints).encode(), head_end, after, body, first.encode(), rest))


def kind_of(scope: Scope) -> str:
    """Return which outline a page has: start, answer or other, which has none."""
    base = "/" + str(st.get_option("server.baseUrlPath") or "").strip("/")
    if scope["path"].rstrip("/") != base.rstrip("/"):
        return "other"
    params = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return "answer" if QUESTIONS & params.keys() else "start"


def _hint(rel: str, address: str, more: str = "") -> str:
    return f'<link rel="{rel}" crossorigin href="./{address}"{more}>\n'


def _is_page(start: Message) -> bool:
    """Return whether a response begins that is a whole HTML page, in a form that can be read here."""
    headers = Headers(raw=start["headers"])
    is_html = headers.get("content-type", "").startswith("text/html")
    return bool(start["status"] == 200 and is_html and headers.get("content-encoding", "gzip") == "gzip")
