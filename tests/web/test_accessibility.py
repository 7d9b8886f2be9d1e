"""axe-core finds nothing serious on the start page, among the results, in the filters and in “Why?”."""

import pytest
from playwright.sync_api import expect

from lookalike.web import texts
from tests.support.browser import SIZES, button, cards, expect_answer, product_path, wait_for_start

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install -r tests/requirements.txt")


@pytest.fixture(params=[(size, scheme) for size in SIZES for scheme in ("light", "dark")], ids="-".join)
def open_page(request, visit):
    size, scheme = request.param
    return lambda path="": visit(size, path, color_scheme=scheme, reduced_motion="reduce")


def findings(page):
    """Return what axe calls serious or critical, each as (rule, the element's HTML)."""
    violations = axe.Axe().run(page).response["violations"]
    serious = [violation for violation in violations if violation["impact"] in ("serious", "critical")]
    return [(violation["id"], node["html"]) for violation in serious for node in violation["nodes"]]


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
