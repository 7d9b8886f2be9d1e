"""A shop's page on another origin, in a real Chromium: look-alikes of a product and of a photo, and links to each."""

import pytest
from playwright.sync_api import expect

from lookalike.web.api.application import EMBED
from tests.support.browser import TIMEOUT_MS
from tests.support.shop_page import running_shop
from tests.web.api.test_api import PICTURE

POLICY = "default-src 'none'; script-src {api}; connect-src {api}; img-src {api}"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<script src="{api}/embed.js" data-link="{shop}/p/{{id}}" data-text-similar="Ähnliches" defer></script></head>
<body><h1>Shop</h1><lookalike-similar product="{product}" count="4"></lookalike-similar>
<lookalike-photo count="3"></lookalike-photo></body></html>"""


@pytest.fixture(scope="module")
def shop(start):  # noqa: F811
    """The address of a shop whose page has the script tag, on an origin of its own with a strict policy."""
    with running_shop() as running:
        api = start(LOOKALIKE_API_ORIGINS=running.address)
        running.page = PAGE.format(api=api, shop=running.address, product=PICTURE.stem)
        running.headers["Content-Security-Policy"] = POLICY.format(api=api)
        yield running.address


@pytest.fixture
def page(browser, shop):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page, problems = context.new_page(), []
    page.set_default_timeout(TIMEOUT_MS)
    page.on("console", lambda message: message.type == "error" and problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(shop)
    yield page
    context.close()
    # Chromium logs every answer that is no success, wanted or not.
    assert [text for text in problems if "favicon" not in text and "a status of 4" not in text] == []


def expect_pictures(element, count):
    """Expect so many results whose pictures are drawn."""
    expect(element.locator("li")).to_have_count(count)
    element.page.wait_for_function(
        "element => [...element.shadowRoot.querySelectorAll('img')].every(img => img.complete && img.naturalWidth)",
        arg=element.element_handle(),
    )


def test_a_products_look_alikes_lead_to_their_own_pages(page, shop):
    similar = page.locator("lookalike-similar")
    expect_pictures(similar, 4)
    expect(similar.get_by_role("heading", name="Ähnliches")).to_be_visible()
    first = similar.get_by_role("link").first
    name = first.inner_text().strip()
    assert name and first.get_attribute("href").startswith(f"{shop}/p/")
    page.evaluate("addEventListener('lookalike-pick', (event) => window.picked = event.detail.product.id)")
    first.click()
    page.wait_for_url(f"{shop}/p/*")


def test_a_photo_gets_look_alikes_and_the_answer_can_be_closed(page):
    photo = page.locator("lookalike-photo")
    with page.expect_file_chooser() as chosen:
        photo.get_by_role("button", name="Search with a photo").click()
    chosen.value.set_files(PICTURE)
    expect_pictures(photo, 3)
    assert photo.get_by_role("link").first.get_attribute("href").endswith(f"/p/{PICTURE.stem}")
    photo.get_by_role("button", name="Close").click()
    expect(photo.locator("section")).to_be_hidden()
    expect(photo.get_by_role("button", name="Search with a photo")).to_be_focused()


def test_a_file_that_is_no_image_gets_a_sentence(page, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"no image at all")
    photo = page.locator("lookalike-photo")
    photo.locator("input").set_input_files(tmp_path / "photo.jpg")
    expect(photo.get_by_role("status")).to_contain_text("not an image")


def test_another_product_replaces_the_first_ones_look_alikes(page):
    similar = page.locator("lookalike-similar")
    expect_pictures(similar, 4)
    before = similar.get_by_role("link").first.get_attribute("href")
    similar.evaluate("element => element.setAttribute('product', '10002')")
    expect(similar.get_by_role("link").first).not_to_have_attribute("href", before)
    similar.evaluate("element => element.setAttribute('product', 'nobody')")
    expect(similar.get_by_role("status")).to_contain_text("no product nobody")


def test_the_script_is_small():
    assert len(EMBED.read_bytes()) < 20_000
