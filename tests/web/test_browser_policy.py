"""The server's Content-Security-Policy in a real Chromium: the pages survive it, and few may frame them."""

import http.server
import threading
import urllib.request

import pytest
from playwright.sync_api import expect

from lookalike.web import texts
from lookalike.web.catalogue import texts as catalogue_texts
from tests.support.browser import (
    SIZES,
    TIMEOUT_MS,
    button,
    cell,
    choose,
    expect_answer,
    middle,
    product,
    wait_for_start,
)
from tests.web.test_staff import DIGEST, PASSWORD

SERVER = "lookalike/web/server.py"


@pytest.fixture(scope="module")
def shop_page():
    """Start a shop's own page, on an origin of its own, that shows an address in a frame."""
    servers = []

    def start(framed):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(f'<iframe src="{framed()}" width="900" height="900"></iframe>'.encode())

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://localhost:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()


@pytest.fixture(scope="module")
def shop(serve, demo_index, shop_page):
    """The app's own server with the API beside it, and the address of a page that may show it in a frame."""
    addresses = []
    framing = shop_page(lambda: addresses[0])
    addresses.append(
        serve(
            demo_index,
            script=SERVER,
            LOOKALIKE_API="1",
            LOOKALIKE_STAFF_PAGE="password",
            LOOKALIKE_STAFF_PASSWORD=DIGEST,
            LOOKALIKE_FRAME_ANCESTORS=f"{framing}, javascript:, https://a.example; script-src *",
        )
    )
    return addresses[0], framing


def test_both_pages_survive_the_policy_and_the_staffs_is_hidden_until_the_password(browser, shop):
    context = browser.new_context(viewport=SIZES["desktop"])
    page, said = context.new_page(), []
    page.set_default_timeout(TIMEOUT_MS)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(shop[0])
    choose(wait_for_start(page), product(3))
    expect_answer(page)
    page.mouse.click(*middle(cell(page, 2, 3)))
    expect(page.get_by_text(texts.WHOLE_PHOTO)).to_be_visible()
    expect_answer(page)
    button(page, texts.WHY).first.click()
    expect(page.get_by_role("dialog").get_by_text(texts.WHY_COLORS)).to_be_visible()
    expect(page.get_by_role("link", name=texts.CATALOGUE_PAGE)).to_have_count(0)
    page.goto(f"{shop[0]}/catalogue")
    page.get_by_label(texts.PASSWORD).fill(PASSWORD)
    button(page, texts.ENTER).click()
    expect(page.get_by_role("link", name=texts.CATALOGUE_PAGE)).to_be_visible()
    page.get_by_role("tab", name=catalogue_texts.MAP).click()
    expect(page.locator("[data-testid=stVegaLiteChart] .mark-symbol path").first).to_be_visible()
    button(page, texts.LEAVE).click()
    expect(page.get_by_label(texts.PASSWORD)).to_be_visible()
    expect(page.get_by_role("link", name=texts.CATALOGUE_PAGE)).to_have_count(0)
    page.evaluate("document.body.append(Object.assign(new Image(), {src: 'https://elsewhere.example/a.png'}))")
    page.wait_for_function("document.images.length && [...document.images].every(image => image.complete)")
    context.close()
    # What the policy refuses is said in the console: the picture from elsewhere, and nothing before it.
    refused = [text for text in said if "Content Security Policy" in text]
    assert len(refused) == 1 and "elsewhere.example" in refused[0]


def test_only_an_origin_that_is_named_may_show_the_page_in_a_frame(visit, browser, shop, shop_page):
    address, framing = shop
    page = visit(address=framing)
    expect(page.frame_locator("iframe").get_by_test_id("stFileUploader")).to_be_visible()
    context = browser.new_context()
    stranger, refused = context.new_page(), []
    stranger.on("console", lambda message: refused.append(message.text))
    with stranger.expect_event("console", lambda message: "frame-ancestors" in message.text):
        stranger.goto(shop_page(lambda: address))
    context.close()


def test_every_answer_has_the_headers_and_no_setting_adds_to_the_policy(shop):
    for path in ("/", "/catalogue", "/v1/index", "/v1/products/nobody", "/_stcore/health", "/docs"):
        try:
            headers = urllib.request.urlopen(shop[0] + path).headers
        except urllib.error.HTTPError as error:
            headers = error.headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'") and policy.endswith(f"frame-ancestors 'self' {shop[1]}"), path
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
        assert "unsafe-eval" not in policy and ("'unsafe-inline'" in policy.split("style-src")[0]) is (path == "/docs")
        assert "X-Frame-Options" not in headers
