"""Words that join a photo in a real browser: a chip appears, the results change, and taken off they are as before."""

import re

import pytest
from playwright.sync_api import expect

from lookalike.web import texts
from tests.support.browser import (
    SIZES,
    button,
    cards,
    choose,
    expect_answer,
    expect_names,
    expect_other_names,
    names,
    product,
    wait_for_start,
)
from tests.support.outfit import drawn_outfit
from tests.web.test_browser_phone import paste, wait_for_listener


@pytest.mark.parametrize("size", SIZES)
def test_a_photo_is_asked_for_in_white_and_the_chip_taken_off_again(visit, size):
    page = wait_for_start(visit(size))
    choose(page, product())
    before = names(page)
    field, chips = page.get_by_label(texts.WORDS_LABEL), page.locator("[class*=st-key-chip-words]")
    field.fill("in white")
    field.press("Enter")
    page.wait_for_url(re.compile("words=in"))
    white = expect_other_names(page, before)
    expect(chips).to_have_count(1)
    expect(chips).to_contain_text("white")
    expect(field).to_have_value("")
    page.reload()
    expect_names(page, white)
    expect(chips).to_contain_text("white")
    chips.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(chips).to_have_count(0)
    expect_names(page, before)
    page.wait_for_url(lambda url: "words=" not in url)
    page.go_back()
    expect_names(page, white)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_one_field_takes_a_pasted_photo(visit):
    page = wait_for_start(visit())
    wait_for_listener(page)
    page.get_by_label(texts.FIELD_LABEL).focus()
    assert not paste(page, product().read_bytes(), kind="image/jpeg")
    expect_answer(page)
    expect(page.get_by_role("heading", name=texts.YOUR_PHOTO)).to_be_visible()


def test_words_that_mean_nothing_get_a_sentence_and_a_way_on(visit):
    page = wait_for_start(visit("phone"))
    page.get_by_label(texts.FIELD_LABEL).fill("red frobnicator")
    button(page, texts.FIELD_GO, exact=True).click()
    expect(page.get_by_text("We understood “red”, but not “frobnicator”.")).to_be_visible()
    page.locator(".st-key-found .stButton button").first.click()
    expect_answer(page)


@pytest.mark.parametrize("size", SIZES)
def test_a_visit_points_says_and_steers_and_is_the_same_when_opened_anew(visit, size, tmp_path):
    page = wait_for_start(visit(size))
    drawn_outfit().save(tmp_path / "outfit.jpg", quality=95)
    choose(page, tmp_path / "outfit.jpg")
    first = names(page)
    page.locator(".dots button[aria-pressed=false]").first.click()
    tapped = expect_other_names(page, first)
    field = page.get_by_label(texts.WORDS_LABEL)
    field.fill("in white")
    field.press("Enter")
    page.wait_for_url(re.compile("words=in"))
    white = expect_other_names(page, tapped)
    cards(page).first.get_by_role("button", name=texts.DISLIKE, exact=True).click()
    page.wait_for_url(re.compile("disliked="))
    last = expect_other_names(page, white)
    assert white[0] not in last
    cards(page).first.get_by_role("button", name=texts.KEEP, exact=True).click()
    expect(cards(page).first.get_by_role("button", name=texts.KEPT, exact=True)).to_be_visible()
    page.reload()
    expect_names(page, last)
    expect(page.locator("[class*=st-key-chip-words]")).to_contain_text("white")
    expect(page.locator(".st-key-judged")).to_contain_text(white[0])
    expect(page.locator(".dots button[aria-pressed=true]")).to_have_count(1)
    expect(cards(page).first.get_by_role("button", name=texts.KEPT, exact=True)).to_be_visible()
