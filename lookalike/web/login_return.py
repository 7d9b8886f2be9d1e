"""The way back from a login: to the page Catalogue, where it began, with a sentence if nobody is logged in after it.

Streamlit leads everybody to the start page, and says nothing of what went wrong.
"""

import logging
from http.cookies import SimpleCookie
from typing import Literal, TypeAlias
from urllib.parse import parse_qs

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookalike.serving import telemetry
from lookalike.web.click_redirect import BASE_PATH

Outcome: TypeAlias = Literal["in", "out", "failed", "unreachable"]

# Streamlit's addresses where a login begins and where the provider sends people back to, and the cookie of a login.
BEGIN, BACK = "/auth/login", "/oauth2callback"
USER_COOKIE = "_streamlit_user"
# Our page, and the query parameter that says what became of a login.
PAGE, PARAMETER = "/catalogue", "login"


class LoginReturn:
    """ASGI middleware that leads people from Streamlit's addresses of a login to the page that asked for it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer, and change where the answer leads."""
        base = "/".join(("", *filter(None, str(st.get_option(BASE_PATH)).split("/"))))
        if scope["type"] != "http" or scope["path"] not in (base + BEGIN, base + BACK):
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        try:
            await self._app(scope, receive, keep)
        except Exception as error:  # whatever fails there, somebody waits for a page
            telemetry.count_error(error)
            messages.clear()
        outcome = outcome_of(scope, messages[0] if messages else None, base)
        if outcome == "out":  # on the way to the provider, or back from logging out there
            for message in messages:
                await send(message)
            return
        target = base + PAGE
        if outcome != "in":
            telemetry.log("staff", logging.WARNING, outcome=f"login-{outcome}")
            target += f"?{PARAMETER}={outcome}"
        answer = RedirectResponse(target, 303, {"Cache-Control": "no-store"})
        # The cookies that it sets or clears stay.
        for cookie in Headers(raw=messages[0]["headers"]).getlist("set-cookie") if messages else ():
            answer.headers.append("set-cookie", cookie)
        await answer(scope, receive, send)


def outcome_of(scope: Scope, start: Message | None, base: str) -> Outcome:
    """Return what became of a login by how the app's answer begins; None stands for an app that fails.

    base is the path that the app lies at, "" for a host's own. "out" stands for a way that leads where it should:
    to the provider, or back from logging out there.
    """
    has_begun = scope["path"] == base + BACK
    if start is None or not 300 <= start["status"] < 400:
        return "failed" if has_begun else "unreachable"
    headers = Headers(raw=start["headers"])
    if not has_begun:
        return "failed" if headers.get("location") == f"{base}/" else "out"
    for header in headers.getlist("set-cookie"):
        cookie = SimpleCookie(header).get(USER_COOKIE)
        if cookie and cookie.value:
            return "in"
    asked = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return "failed" if {"code", "error", "state"} & asked.keys() else "out"
