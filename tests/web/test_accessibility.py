"""axe-core finds nothing that matters on any page: start, results, filters, “Why?”, nothing found, catalogue."""

import pytest
from playwright.sync_api import expect

from lookalike.web import texts
from tests.support.browser import (
    NO_MATCH,
    SIZES,
    button,
    cards,
    expect_answer,
    open_catalogue,
    product,
    product_path,
    wait_for_start,
    wait_until_calm,
)

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install -r tests/requirements.txt")


@pytest.fixture(params=[(size, scheme) for size in SIZES for scheme in ("light", "dark")], ids="-".join)
def open_page(request, visit):
    size, scheme = request.param
    return lambda path="": visit(size, path, color_scheme=scheme, reduced_motion="reduce")


def findings(page):
    """Return what axe calls moderate or worse, each as (rule, the element's HTML).

    It looks twice: a run that begins while it looks makes the page pale until it ends.
    """
    again = look(page) if (found := look(page)) else []
    return [finding for finding in found if finding in again]


def look(page):
    wait_until_calm(page)
    options = {"rules": {"target-size": {"enabled": True}}}
    violations = axe.Axe().run(page, options=options).response["violations"]
    found = [violation for violation in violations if violation["impact"] in ("moderate", "serious", "critical")]
    return [(violation["id"], node["html"]) for violation in found for node in violation["nodes"]]


def test_the_start_page_is_accessible(open_page):
    page = wait_for_start(open_page())
    expect(button(page, texts.PASTE)).to_be_visible()
    assert findings(page) == []


def test_the_results_are_accessible(open_page):
    page = open_page(product_path())
    expect_answer(page)
    assert findings(page) == []


def test_the_filters_and_why_are_accessible(open_page):
    page = open_page(product_path())
    expect_answer(page)
    button(page, texts.FILTERS).click()
    expect(page.get_by_text(texts.FILTERS_TITLE)).to_be_visible()
    in_filters = findings(page)
    page.keyboard.press("Escape")
    cards(page).first.get_by_role("button", name=texts.WHY).click()
    expect(page.get_by_role("dialog").locator("img")).to_have_count(2)
    assert in_filters + findings(page) == []


def test_a_new_search_and_the_favorites_are_accessible(open_page):
    page = open_page(product_path())
    expect_answer(page)
    button(page, texts.KEEP, exact=True).first.click()
    button(page, texts.favorites_label(1)).click()
    expect(button(page, texts.DOWNLOAD_FAVORITES)).to_be_visible()
    in_favorites = findings(page)
    page.keyboard.press("Escape")
    button(page, texts.NEW_SEARCH).click()
    expect(page.get_by_label(texts.FIELD_LABEL)).to_be_visible()
    assert in_favorites + findings(page) == []


def test_a_page_without_results_is_accessible(open_page):
    page = open_page(product_path(**NO_MATCH))
    expect(page.get_by_text(texts.NONE_LEFT)).to_be_visible()
    assert findings(page) == []


def test_likes_and_dislikes_are_accessible(open_page):
    page = open_page(product_path(2, liked=product(5).stem, disliked=product(6).stem))
    expect_answer(page)
    expect(page.locator(".st-key-judged .stButton")).to_have_count(2)
    assert findings(page) == []


def test_the_catalogue_is_accessible(open_page):
    assert findings(open_catalogue(open_page())) == []
