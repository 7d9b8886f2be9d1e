"""Where Streamlit's addresses of a login lead to: the page Catalogue, whatever becomes of the login."""

import asyncio

import pytest
import streamlit as st

from lookalike.web import login_return

USER = login_return.USER_COOKIE


async def fail(*_):
    raise RuntimeError("out of order")


def answering(status, *headers):
    async def app(scope, receive, send):
        raw = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": b"its own"})

    return app


def way(app, path, query=""):
    """The status that LoginReturn answers with, where it leads, and its body."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
    asyncio.run(login_return.LoginReturn(app)(scope, None, send))
    return sent[0]["status"], dict(sent[0]["headers"]).get(b"location", b"").decode(), sent[1]["body"]


def test_an_address_of_a_login_that_fails_leads_to_the_page_with_a_sentence():
    assert way(fail, "/auth/login") == (303, "/catalogue?login=unreachable", b"")
    assert way(answering(400), "/auth/login") == (303, "/catalogue?login=unreachable", b"")
    assert way(answering(302, ("location", "/")), "/auth/login") == (303, "/catalogue?login=failed", b"")
    assert way(fail, "/oauth2callback", "code=1") == (303, "/catalogue?login=failed", b"")
    assert way(answering(302, ("location", "/")), "/oauth2callback", "error=denied")[1] == "/catalogue?login=failed"
    cleared = ("set-cookie", f'{USER}=""; Max-Age=0')
    assert way(answering(302, cleared), "/oauth2callback", "state=1")[1] == "/catalogue?login=failed"


def test_other_ways_stay_as_they_are():
    provider = ("location", "https://provider.example/authorize")
    assert way(answering(302, provider), "/auth/login") == (302, provider[1], b"its own")
    assert way(answering(302, ("location", "/")), "/oauth2callback") == (302, "/", b"its own")
    assert way(answering(404), "/auth/logout") == (404, "", b"its own")
    with pytest.raises(RuntimeError):
        way(fail, "/")


def test_an_app_below_a_path_leads_to_its_own_page():
    before = st.get_option("server.baseUrlPath")
    st.config.set_option("server.baseUrlPath", "shop/look")
    try:
        assert way(fail, "/shop/look/auth/login")[1] == "/shop/look/catalogue?login=unreachable"
        assert (
            way(answering(302, ("set-cookie", f"{USER}=x")), "/shop/look/oauth2callback")[1] == "/shop/look/catalogue"
        )
        assert way(answering(302, ("location", "/shop/look/")), "/shop/look/auth/login")[1].endswith("login=failed")
        assert way(answering(404), "/auth/login") == (404, "", b"its own")
    finally:
        st.config.set_option("server.baseUrlPath", before)
