"""The headers that tell a browser what the pages may do: a Content-Security-Policy, and who may show them in a frame.

The policy is as tight as Streamlit lets it be: scripts are the server's own files, the one that its page begins with
(by its digest), and what it makes of the components here (blob:). Styles are written into the page.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DOCS = "/docs"
# FastAPI's description of the API is drawn by Swagger UI, which comes from there.
SWAGGER = "https://cdn.jsdelivr.net"
SAME_FOR_ALL = {
    "X-Content-Type-Options": "nosniff",
    # The address of a question says what somebody looked for.
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.S)


class SecurityHeaders:
    """ASGI middleware that adds these headers to every answer.

    frame_ancestors are the origins whose pages may show the page in a frame, besides its own. scripts are those that
    the server adds to the page itself.
    """

    def __init__(self, app: ASGIApp, frame_ancestors: Sequence[str] = (), scripts: Sequence[str] = ()) -> None:
        self._app = app
        ancestors = " ".join(("'self'", *frame_ancestors))
        # The older header knows no list of origins; with one, browsers would disagree.
        common = SAME_FOR_ALL if frame_ancestors else {**SAME_FOR_ALL, "X-Frame-Options": "SAMEORIGIN"}
        self._headers = {**common, "Content-Security-Policy": page_policy(ancestors, scripts)}
        self._docs_headers = {**common, "Content-Security-Policy": docs_policy(ancestors)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer, with the headers that it has not set itself."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (self._docs_headers if scope["path"] == DOCS else self._headers).items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def page_policy(ancestors: str, scripts: Sequence[str] = ()) -> str:
    """Return the policy of everything but the API's description. scripts are those that stand in the page."""
    digests = " ".join(f"'{digest}'" for digest in (*inline_digests(), *map(digest_of, scripts)))
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' blob: {digests}".rstrip(),
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self' blob:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            f"frame-ancestors {ancestors}",
        )
    )


def docs_policy(ancestors: str) -> str:
    """Return the policy of the API's description, which shows nothing that anybody sends."""
    return (
        f"default-src 'none'; script-src {SWAGGER} 'unsafe-inline'; style-src {SWAGGER} 'unsafe-inline'; "
        f"img-src 'self' data: https://fastapi.tiangolo.com; connect-src 'self'; object-src 'none'; "
        f"base-uri 'none'; form-action 'none'; "
        f"frame-ancestors {ancestors}"
    )


def inline_digests() -> list[str]:
    """Return the digests of the scripts that stand in Streamlit's page itself, as a policy names them."""
    page = Path(st.__file__).with_name("static") / "index.html"
    return [digest_of(script) for script in INLINE_SCRIPT.findall(page.read_text(encoding="utf-8"))]


def digest_of(script: str) -> str:
    """Return the digest of a script as a policy names it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
