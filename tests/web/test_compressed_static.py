"""A real server sends Streamlit's own files compressed, byte for byte the same, and nothing else."""

import asyncio
import gzip
import re
import urllib.error
import urllib.request

import pytest

from lookalike.web import compressed_static
from lookalike.web.compressed_static import CompressedStatic

BODY = b"const answer = 42;\n" * 200


@pytest.fixture(scope="module")
def shop(serve, demo_index):
    return serve(demo_index, script="lookalike/web/server.py")


def fetch(address, **headers):
    """Return the status, the headers and the body as they are sent."""
    asked = urllib.request.Request(address, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def first_files(shop):
    """Return the addresses of the scripts and styles that the first page asks for."""
    page = fetch(shop)[2].decode()
    return [
        f"{shop}/{path.removeprefix('./').lstrip('/')}"
        for path in re.findall(r'(?:src|href)="(\.?/?static/[^"]+)"', page)
    ]


def test_the_first_pages_files_are_a_third_as_large_and_the_same(shop):
    plain = compressed = 0
    for address in first_files(shop):
        _, headers, whole = fetch(address, Accept_Encoding="identity")
        assert headers["Content-Encoding"] is None
        for _ in range(2):  # made, then kept
            status, headers, body = fetch(address, Accept_Encoding="gzip, deflate, br")
            assert status == 200 and int(headers["Content-Length"]) == len(body)
            if headers["Content-Encoding"]:
                assert headers["Content-Encoding"] == "gzip" and "Accept-Encoding" in headers["Vary"]
                assert gzip.decompress(body) == whole
            else:
                assert body == whole
        plain, compressed = plain + len(whole), compressed + len(body)
    assert plain > 500_000 and compressed < 0.4 * plain


def test_parts_of_files_and_missing_ones_are_left_alone(shop):
    script = next(address for address in first_files(shop) if address.endswith(".js"))
    status, headers, body = fetch(script, Accept_Encoding="gzip", Range="bytes=0-99")
    assert status == 206 and len(body) == 100 and headers["Content-Encoding"] is None
    assert fetch(f"{shop}/static/js/nothing.js", Accept_Encoding="gzip")[1]["Content-Type"].startswith("text/html")


def ask(middleware, path="/static/js/one.js", accept=b"gzip"):
    """Return the messages that the middleware sends for a GET."""
    sent = []
    scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"accept-encoding", accept)]}

    async def send(message):
        sent.append(message)

    asyncio.run(middleware(scope, None, send))
    return sent


def app_of(body, asked, headers=()):
    async def app(scope, receive, send):
        asked.append(scope["path"])
        start = [(b"content-type", b"text/javascript"), (b"etag", b'"abc"'), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": [*start, *headers]})
        await send({"type": "http.response.body", "body": body[:10], "more_body": True})
        await send({"type": "http.response.body", "body": body[10:]})

    return app


def test_a_file_is_asked_for_once_and_named_anew():
    asked = []
    middleware = CompressedStatic(app_of(BODY, asked))
    first, again = ask(middleware), ask(middleware)
    assert asked == ["/static/js/one.js"] and first == again
    assert gzip.decompress(first[1]["body"]) == BODY and dict(first[0]["headers"])[b"etag"] == b'"abc-gzip"'
    assert ask(middleware, accept=b"br")[1]["body"] == BODY[:10]


@pytest.mark.parametrize("body, headers", [(BODY[:300], ()), (BODY, [(b"content-encoding", b"br")])])
def test_small_and_compressed_files_are_sent_as_they_are(body, headers):
    sent = ask(CompressedStatic(app_of(body, [], headers)))
    assert b"".join(message.get("body", b"") for message in sent) == body
    assert dict(sent[0]["headers"])[b"content-length"] == b"%d" % len(body)


def test_the_page_sent_for_an_unknown_address_is_not_kept():
    asked = []

    async def app(scope, receive, send):
        asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
        await send({"type": "http.response.body", "body": BODY})

    middleware = CompressedStatic(app)
    assert ask(middleware)[1]["body"] == BODY and ask(middleware)[1]["body"] == BODY and len(asked) == 2


def test_no_more_is_kept_than_allowed(monkeypatch):
    monkeypatch.setattr(compressed_static, "MAX_KEPT_BYTES", 100)
    asked = []
    middleware = CompressedStatic(app_of(BODY, asked))
    ask(middleware)
    assert len(asked) == 1 and ask(middleware, "/static/js/two.js")
    ask(middleware, "/static/js/two.js")
    assert asked[1:] == ["/static/js/two.js"] * (len(asked) - 1)
