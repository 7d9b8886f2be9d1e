"""axe-core finds nothing serious in what we draw: at first, with results, with filters and the reasons open."""

import pytest
from playwright.sync_api import expect

from lookalike.web import texts
from tests.support.browser import SIZES, about, button, cards, expect_answer, starts

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install -r tests/requirements.txt")


@pytest.fixture(params=[(size, scheme) for size in SIZES for scheme in ("light", "dark")], ids="-".join)
def open_page(request, visit):
    size, scheme = request.param
    return lambda path="": visit(size, path, color_scheme=scheme, reduced_motion="reduce")


def findings(page):
    """What axe calls serious or critical, each as (rule, the element's HTML)."""
    violations = axe.Axe().run(page).response["violations"]
    grave = [violation for violation in violations if violation["impact"] in ("serious", "critical")]
    return [(violation["id"], node["html"]) for violation in grave for node in violation["nodes"]]


def test_the_first_page(open_page):
    page = starts(open_page())
    expect(button(page, texts.PASTE)).to_be_visible()
    assert findings(page) == []


def test_the_results(open_page):
    page = open_page(about())
    expect_answer(page)
    assert findings(page) == []


def test_the_filters_and_the_reasons(open_page):
    page = open_page(about())
    expect_answer(page)
    button(page, texts.FILTERS).click()
    expect(page.get_by_text(texts.FILTERS_TITLE)).to_be_visible()
    in_filters = findings(page)
    page.keyboard.press("Escape")
    cards(page).first.get_by_role("button", name=texts.WHY).click()
    expect(page.get_by_role("dialog").locator("img")).to_have_count(2)
    assert in_filters + findings(page) == []
