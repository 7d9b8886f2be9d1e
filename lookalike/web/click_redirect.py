"""The way to a product's page in the shop by this server, which counts the click: /go/ID?rank=N.

It leads to the addresses that the index has for its products, and nowhere else.
"""

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from lookalike.errors import LookalikeError
from lookalike.index.offers import offer_of
from lookalike.search.clicks import MAX_RANK
from lookalike.serving.admission import network_of
from lookalike.serving.state import ServerState
from lookalike.web import texts
from lookalike.web.clicks import GO

# The option of Streamlit that says where the app lies on its host.
BASE_PATH = "server.baseUrlPath"
METHODS = ("GET", "HEAD")


class ClickRedirect:
    """ASGI middleware that answers the addresses /go/… and leaves all others to the app."""

    def __init__(self, app: ASGIApp, state: ServerState) -> None:
        self._app, self._state = app, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead to a product's page, or let the app answer."""
        base = str(st.get_option(BASE_PATH)).strip("/")
        prefix = f"/{base}/{GO}/" if base else f"/{GO}/"
        if scope["type"] != "http" or not scope["path"].startswith(prefix) or scope["method"] not in METHODS:
            await self._app(scope, receive, send)
            return
        # ASGI's path is decoded already.
        response = await run_in_threadpool(self._respond, Request(scope), scope["path"].removeprefix(prefix))
        await response(scope, receive, send)

    def _respond(self, request: Request, identity: str) -> Response:
        try:
            recommender = self._state.live(self._state.settings.index).current()[0]
            row = recommender.row(identity)
            link = None if row is None else offer_of(recommender.index.product(row).attributes).link
        except LookalikeError as error:
            return PlainTextResponse(str(error), 503, {"Retry-After": "10"})
        if link is None:
            return PlainTextResponse(texts.NO_LINK.format(id=identity), 404)
        if self._state.clicks and self._is_a_click(request):
            self._state.clicks.count("link", identity, _rank(request.query_params.get("rank", "")))
        # 303 and no-store: the next click must ask again.
        return RedirectResponse(link, 303, {"Cache-Control": "no-store"})

    def _is_a_click(self, request: Request) -> bool:
        """Return whether somebody clicked on our page, as far as the browser says, and not too often."""
        headers = request.headers
        if request.method != "GET" or headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return False
        if "prefetch" in headers.get("Sec-Purpose", ""):
            return False
        who = network_of(request.client.host if request.client else None)
        return not self._state.click_limit.allow(who)


def _rank(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 and int(text) <= MAX_RANK else 0
