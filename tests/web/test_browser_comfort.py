"""Why, more results, addresses, favorites, and the query in sight."""

import csv

from playwright.sync_api import expect

from lookalike.web import texts
from tests.support.browser import SECONDS, about, button, cards, choose, expect_answer, names, product, starts


def test_why_shows_where_both_are_alike_and_what_is_seen(page):
    button(page, texts.WHY).first.click()
    dialog = page.get_by_role("dialog")
    pictures = dialog.locator("img")
    expect(pictures).to_have_count(2, timeout=SECONDS)
    one, other = (picture.bounding_box() for picture in pictures.all())
    assert abs(one["y"] - other["y"]) < 2 and one["x"] < other["x"]
    expect(dialog.locator(".swatches li").first).to_be_visible()
    expect(dialog.get_by_text(texts.WHY_BELIEVED)).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_more_results_on_demand_and_the_query_stays_in_sight(page):
    first = names(page)
    button(page, texts.MORE_RESULTS).click()
    expect_answer(page, 10)
    assert cards(page).locator("strong").all_inner_texts()[:5] == first
    cards(page).last.scroll_into_view_if_needed()
    query = page.locator(".st-key-thumb img" if page.viewport_size["width"] < 641 else ".photo img")
    expect(query).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_an_address_opens_the_same_answer_for_someone_else(visit, page):
    button(page, texts.MORE_RESULTS).click()
    expect_answer(page, 10)
    address = page.url
    other = visit("desktop", address[address.index("/?") :])
    expect_answer(other, 10)
    assert cards(other).locator("strong").all_inner_texts() == cards(page).locator("strong").all_inner_texts()


def test_favorites_stay_and_can_be_downloaded(page):
    kept = names(page)[1]
    button(page, texts.KEEP, exact=True).nth(1).click()
    expect(button(page, texts.favorites(1))).to_be_visible()
    button(page, texts.MORE_LIKE_THIS).first.click()
    expect_answer(page)
    button(page, texts.favorites(1)).click()
    expect(page.locator("[class*=st-key-favorite-]").get_by_text(kept)).to_be_visible()
    with page.expect_download() as download:
        button(page, texts.DOWNLOAD_FAVORITES).click()
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        assert [row["productDisplayName"] for row in csv.DictReader(file)] == [kept]


def test_the_results_can_be_downloaded(visit):
    page = visit("desktop", about())
    shown = names(page)
    with page.expect_download() as download:
        button(page, texts.DOWNLOAD).click()
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    first_of_each = {row["rank"]: row["productDisplayName"] for row in reversed(rows)}
    assert [first_of_each[str(rank)] for rank in range(1, 6)] == shown


def test_the_catalogue_and_back_keeps_the_query(visit):
    page = starts(visit())
    choose(page, product())
    before = names(page)
    page.get_by_role("link", name=texts.CATALOGUE_PAGE).click()
    expect(cards(page)).to_have_count(0, timeout=SECONDS)
    page.get_by_role("link", name=texts.LOOK_UP_PAGE).click()
    expect_answer(page)
    assert names(page) == before


def test_the_first_visit_is_painted_quickly(visit):
    page = starts(visit())
    page.reload()
    starts(page)
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert painted < 2000
