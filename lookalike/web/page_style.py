"""The page's style in the HTML that a browser gets first, so that nothing moves once it is applied.

Streamlit shows what st.html holds only after it has loaded one more script, and by then much of the page is drawn. What
`streamlit run app.py` serves has its style from there alone; it looks the same in the end.
"""

import gzip

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# At the end of the body, where it counts more than the styles that Streamlit adds to the head.
END = b"</body>"
LEVEL = 6
CONDITIONS = frozenset((b"if-none-match", b"if-modified-since", b"range"))


class PageStyle:
    """ASGI middleware: adds a style sheet to Streamlit's HTML page."""

    def __init__(self, app: ASGIApp, style: str) -> None:
        self._app = app
        self._element = f"<style>\n{style}</style>\n".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the page that has the style; let everything else pass."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        if "text/html" in Headers(scope=scope).get("accept", ""):
            # What a browser kept from a server without this is not the page as it is now.
            scope = {**scope, "headers": [header for header in scope["headers"] if header[0] not in CONDITIONS]}
        start: Message | None = None
        body = b""

        async def add_style(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_page(message):
                start = message
            elif start is None:
                await send(message)
            elif message["type"] == "http.response.body":
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await self._send_page(start, body, send)

        await self._app(scope, receive, add_style)

    async def _send_page(self, start: Message, body: bytes, send: Send) -> None:
        headers = MutableHeaders(raw=list(start["headers"]))
        is_compressed = "content-encoding" in headers
        if is_compressed:
            body = gzip.decompress(body)
        before, end, after = body.rpartition(END)
        styled = before + self._element + end + after if end else body
        if is_compressed:
            styled = gzip.compress(styled, LEVEL, mtime=0)
        for name in ("etag", "last-modified", "accept-ranges"):  # they are about the file as it is
            del headers[name]
        headers["content-length"] = str(len(styled))
        await send({**start, "headers": headers.raw})
        await send({"type": "http.response.body", "body": styled})


def _is_page(start: Message) -> bool:
    """Return whether a response begins that is a whole HTML page, in a form that can be read here."""
    headers = Headers(raw=start["headers"])
    is_html = headers.get("content-type", "").startswith("text/html")
    return bool(start["status"] == 200 and is_html and headers.get("content-encoding", "gzip") == "gzip")
