"""The API on the page's own server: requests for its addresses go to it, all others to Streamlit."""

from starlette.types import ASGIApp, Receive, Scope, Send

ADDRESSES = ("/docs", "/embed.js", "/openapi.json", "/healthz", "/readyz")
PREFIX = "/v1/"


class ApiBeside:
    """ASGI middleware that hands an API its own requests."""

    def __init__(self, app: ASGIApp, api: ASGIApp) -> None:
        self._app, self._api = app, api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the API or by the app."""
        is_for_api = scope["type"] == "http" and (scope["path"] in ADDRESSES or scope["path"].startswith(PREFIX))
        await (self._api if is_for_api else self._app)(scope, receive, send)
