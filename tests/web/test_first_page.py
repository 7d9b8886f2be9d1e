"""A real server sends a page that a browser draws at once, takes a photo on it, and moves nothing of it later."""

import asyncio
import gzip
import re
import urllib.request
from email.utils import formatdate

import pytest
import streamlit as st
from playwright.sync_api import expect

from lookalike.web import small_fonts, texts
from lookalike.web.app import STYLE
from lookalike.web.first_page import FirstPage, kind_of
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
        assert answer.headers["Content-Encoding"] == ("gzip" if encoding == "gzip" else None)
        if encoding == "gzip":
            assert len(body) < 15_000
            body = gzip.decompress(body)
    assert STYLE.read_bytes() in body and body.count(b"</body>") == 1
    assert (b'id="outline"' in body) == (path != "/catalogue")


def test_every_address_that_the_page_names_is_there(shop):
    with urllib.request.urlopen(shop) as answer:
        page = answer.read().decode()
    addresses = re.findall(r'(?:href|src)="\./(static/[^"]+)"', page) + re.findall(r'url\("\./([^"]+)"\)', page)
    assert any("FileUploader" in address for address in addresses)
    for font in small_fonts.fonts():
        assert addresses.count(font.address) == 2  # to be fetched first, and to be used
    for address in set(addresses):
        with urllib.request.urlopen(f"{shop}/{address}") as answer:
            assert "html" not in answer.headers["Content-Type"] and "immutable" in answer.headers["Cache-Control"]


def test_every_icon_of_the_pages_is_in_the_small_font():
    icon = re.compile(r":material/([a-z0-9_]+)")
    used = {name for path in STYLE.parent.rglob("*.py") for name in icon.findall(path.read_text(encoding="utf-8"))}
    assert len(used) > 10 and used <= set(small_fonts.icon_names()), "run deploy/subset_fonts.py"


def test_the_fonts_fit_this_version_of_streamlit_and_no_other():
    assert small_fonts.has_icons_of(st.__version__), "run deploy/subset_fonts.py"
    assert not small_fonts.has_icons_of("1.0")


@pytest.mark.parametrize(
    ("path", "query", "kind"),
    [("/", b"", "start"), ("/", b"product=1", "answer"), ("/", b"photo=a", "answer"), ("/", b"count=9", "start")]
    + [("/catalogue", b"", "other"), ("/shop", b"", "other")],
)
def test_which_outline_a_page_has(path, query, kind):
    assert kind_of({"path": path, "query_string": query}) == kind


def test_a_page_that_is_not_whole_stays_as_it_is():
    page = FirstPage(None, "p {}")._write("start", b"<p>no head")
    assert page == b"<p>no head"


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
    asyncio.run(FirstPage(answer, "p {}")(scope, None, note))
    assert sent == messages


def test_the_page_is_drawn_before_any_script_has_come(visit, shop):
    page = visit("phone", address="about:blank")
    page.route("**/*.js", lambda route: None)  # none of them ever comes
    page.goto(shop, wait_until="commit")
    expect(page.get_by_text(texts.LEAD)).to_be_visible()
    expect(page.get_by_role("heading", name=texts.TITLE)).to_be_visible()
    page.goto(shop + "/?product=1", wait_until="commit")
    expect(page.get_by_text(texts.SEARCHING)).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
def test_the_outline_lies_where_the_page_will_be(visit, shop, size):
    page = visit(size, address="about:blank")
    held = []
    page.route("**/index.*.js", lambda route: held.append(route))
    page.goto(shop, wait_until="commit")
    expect(page.locator("#outline .lead")).to_be_visible()
    page.wait_for_function("() => document.fonts.status === 'loaded'")
    outlined = [page.locator(f"#outline {part}").bounding_box() for part in ("h1", ".lead", "label")]
    for route in held:
        route.continue_()
    page.unroute("**/index.*.js")
    wait_for_start(page)
    expect(page.locator("#outline")).to_have_count(0)
    wait_until_calm(page)
    drawn = [".st-key-header h1", ".st-key-start p >> nth=0", "[data-testid=stFileUploaderDropzone]"]
    for before, selector in zip(outlined, drawn, strict=True):
        after = page.locator(selector).bounding_box()
        assert abs(before["x"] - after["x"]) < 1.5
        assert abs(before["y"] + before["height"] / 2 - after["y"] - after["height"] / 2) < 1.5


def test_a_photo_chosen_before_the_app_has_started_is_answered(visit, shop):
    page = visit("phone", address="about:blank")
    held = []
    page.route("**/index.*.js", lambda route: held.append(route))
    page.goto(shop, wait_until="commit")
    page.set_input_files("#outline input", product())
    expect(page.locator("#outline label")).to_have_text(texts.SEARCHING)
    for route in held:
        route.continue_()
    expect_answer(page)
    expect(page.locator("#outline")).to_have_count(0)


def test_the_icons_are_drawn_from_the_small_font_alone(visit, shop):
    page = visit("phone", address="about:blank")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(shop)
    wait_for_start(page)
    wait_until_calm(page)
    fonts = [address for address in asked if "woff2" in address]
    assert len(fonts) == 2 and all("/lookalike-" in address for address in fonts), fonts
    page.evaluate("document.fonts.ready")
    widths = page.evaluate(
        """names => names.map(name => {
          const span = document.createElement("span");
          span.style.font = '24px "Material Symbols Rounded"';
          span.textContent = name;
          document.body.append(span);
          return [name, span.getBoundingClientRect().width];
        })""",
        small_fonts.icon_names()[1:],
    )
    assert [one for one in widths if not 20 < one[1] < 28] == []


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
