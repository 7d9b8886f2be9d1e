"""Scripts that do not come, as on a phone in a tunnel: once the server can be reached again, the page starts anew."""

import pytest
from playwright.sync_api import Page, expect

from lookalike.web import texts
from tests.support.browser import SIZES, button, cards, expect_answer, product_path, wait_for_start

RESTARTING = "html[data-restarts]"


@pytest.fixture(scope="module")
def shop(serve, demo_index):
    return serve(demo_index, script="lookalike/web/server.py")


@pytest.fixture
def open_page(browser, shop):
    """open_page(size) is an empty page of a new visitor; whatever it logs is no failure."""
    pages = []

    def open_page(size="phone"):
        pages.append(browser.new_context(viewport=SIZES[size]).new_page())
        return pages[-1]

    yield open_page
    for page in pages:
        page.context.close()


def cut_off(page: Page, pattern: str = "**/*") -> None:
    page.route(pattern, lambda route: route.abort())


@pytest.mark.parametrize("size", SIZES)
def test_an_answer_comes_back_after_a_script_did_not_come(open_page, shop, size):
    page = open_page(size)
    page.goto(shop + product_path(count=10))
    expect_answer(page, 10)
    before = cards(page).locator("strong").all_inner_texts()
    cut_off(page)
    button(page, texts.FILTERS).click()
    expect(page.locator(RESTARTING)).to_have_count(1)
    errors = page.get_by_text("TypeError")
    expect(errors).not_to_have_count(0)
    assert not any(error.is_visible() for error in errors.all())
    page.unroute("**/*")
    expect(page.locator(RESTARTING)).to_have_count(0)
    expect_answer(page, 10)
    assert cards(page).locator("strong").all_inner_texts() == before
    button(page, texts.FILTERS).click()
    expect(page.locator(".st-key-facet-gender button").first).to_be_visible()


def test_a_page_whose_first_script_did_not_come_starts_anew(open_page, shop):
    page = open_page()
    cut_off(page, "**/static/js/index.*.js")
    cut_off(page, "**/_stcore/health")
    page.goto(shop)
    expect(page.locator(RESTARTING)).to_have_count(1)
    expect(page.get_by_text(texts.LEAD)).to_be_visible()  # of the outline
    page.unroute_all()
    wait_for_start(page)
    expect(page.locator(RESTARTING)).to_have_count(0)


def test_a_script_that_never_comes_does_not_start_the_page_for_ever(open_page, shop):
    page, opened = open_page(), []
    page.on("framenavigated", lambda frame: opened.append(frame.url))
    cut_off(page, "**/static/js/ImageList.*.js")
    page.goto(shop)
    expect(page.get_by_text("TypeError").first).to_be_visible()
    page.wait_for_timeout(3000)
    assert len(opened) == 4
    expect(page.get_by_text("TypeError").first).to_be_visible()
    wait_for_start(page)
