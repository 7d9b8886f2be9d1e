"""A real server sends its page with the style in it, and nothing moves on that page while it is drawn."""

import asyncio
import gzip
import urllib.request
from email.utils import formatdate

import pytest

from lookalike.web.app import STYLE
from lookalike.web.page_style import PageStyle
from tests.support.browser import SIZES, choose, expect_answer, product, product_path, wait_for_start, wait_until_calm

# What browsers call good is 0.1.
MAX_SHIFT = 0.05
NOTE_SHIFTS = """
    window.shift = 0;
    new PerformanceObserver(list => list.getEntries().forEach(entry => {
        if (!entry.hadRecentInput) window.shift += entry.value;
    })).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def shop(serve, demo_index):
    return serve(demo_index, script="lookalike/web/server.py", LOOKALIKE_STAFF_PAGE="")


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("path", ["/", "/?product=1", "/catalogue"])
def test_every_page_has_the_style(shop, path, encoding):
    headers = {"Accept-Encoding": encoding, "Accept": "text/html", "If-Modified-Since": formatdate(usegmt=True)}
    asked = urllib.request.Request(shop + path, headers=headers)
    with urllib.request.urlopen(asked) as answer:
        body = answer.read()
        assert int(answer.headers["Content-Length"]) == len(body) and answer.headers["ETag"] is None
        if answer.headers["Content-Encoding"] == "gzip":
            assert encoding == "gzip"
            body = gzip.decompress(body)
    assert STYLE.read_bytes() in body and body.count(b"</body>") == 1


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {"content-type": "application/json"}),
        (304, {"etag": "1"}),
        (404, {"content-type": "text/html"}),
        (200, {"content-type": "text/html", "content-encoding": "br"}),
    ],
)
def test_everything_else_passes_as_it_is(status, headers):
    sent = []
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    messages = [
        {"type": "http.response.start", "status": status, "headers": raw},
        {"type": "http.response.body", "body": b"<body></body>"},
    ]

    async def answer(scope, receive, send):
        for message in messages:
            await send(message)

    async def note(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(PageStyle(answer, "p {}")(scope, None, note))
    assert sent == messages


@pytest.mark.parametrize("size", SIZES)
def test_nothing_moves_while_the_start_page_is_drawn(visit, shop, size):
    page = visit(size, address=shop)
    page.add_init_script(NOTE_SHIFTS)
    page.reload()
    wait_for_start(page)
    wait_until_calm(page)
    assert page.evaluate("shift") <= MAX_SHIFT


@pytest.mark.parametrize("size", SIZES)
def test_nothing_moves_while_an_answer_is_drawn(visit, shop, size):
    page = visit(size, address=shop)
    page.add_init_script(NOTE_SHIFTS)
    page.goto(shop + product_path())
    expect_answer(page)
    wait_until_calm(page)
    assert page.evaluate("shift") <= MAX_SHIFT
    page.goto(shop)
    choose(wait_for_start(page), product())
    expect_answer(page)
    wait_until_calm(page)
    assert page.evaluate("shift") <= MAX_SHIFT
