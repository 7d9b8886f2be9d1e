"""The garments of an outfit in a real browser: named on the photo, one asked for already, each a tap away."""

import re

import pytest
from playwright.sync_api import Page, expect

from lookalike.web import texts
from tests.support.browser import (
    SIZES,
    button,
    choose,
    expect_answer,
    expect_names,
    expect_other_names,
    names,
    product,
    wait_for_start,
)
from tests.support.outfit import drawn_outfit


def dots(page: Page):
    return page.locator(".dots button")


def pressed(page: Page):
    return page.locator(".dots button[aria-pressed=true]")


@pytest.fixture
def outfit_photo(tmp_path):
    path = tmp_path / "outfit.jpg"
    drawn_outfit().save(path, quality=95)
    return path


@pytest.mark.parametrize("size", SIZES)
def test_one_garment_of_an_outfit_is_asked_for_and_another_is_a_tap_away(visit, size, outfit_photo):
    page = wait_for_start(visit(size))
    choose(page, outfit_photo)
    first = names(page)
    expect(pressed(page)).to_have_count(1)
    meant = pressed(page).inner_text()
    assert dots(page).count() >= 2 and "part=" not in page.url
    other = dots(page).filter(has_not_text=meant).first
    name = other.inner_text()
    other.click()
    page.wait_for_url(re.compile(r"[?&]part=\d+\.\d+\.\d+\.\d+"))
    expect(pressed(page)).to_have_text([name])
    second = expect_other_names(page, first)
    page.reload()
    expect_names(page, second)
    expect(pressed(page)).to_have_text([name])
    button(page, texts.WHOLE_PHOTO).click()
    page.wait_for_url(re.compile("[?&]part=whole"))
    expect(pressed(page)).to_have_count(0)
    expect_answer(page)
    page.go_back()
    expect(pressed(page)).to_have_text([name])
    expect_names(page, second)


def test_garments_are_named_for_the_keyboard_and_large_enough_for_a_finger(visit, outfit_photo):
    page = wait_for_start(visit("phone"))
    choose(page, outfit_photo)
    first = names(page)
    expect(page.get_by_role("group", name=texts.REGION_WORDS["garments_label"])).to_be_visible()
    boxes = [dot.bounding_box() for dot in dots(page).all()]
    assert all(box["width"] >= 24 and box["height"] >= 24 for box in boxes)
    photo = page.locator(".photo").bounding_box()
    assert all(
        photo["x"] - 1 <= box["x"] and box["x"] + box["width"] <= photo["x"] + photo["width"] + 1 for box in boxes
    )
    page.locator(".dots button[aria-pressed=false]").first.focus()
    page.keyboard.press("Enter")
    expect_other_names(page, first)


def test_a_photo_of_one_thing_has_no_names_on_it(visit):
    page = wait_for_start(visit("desktop"))
    choose(page, product())
    expect_answer(page)
    expect(dots(page)).to_have_count(0)
    expect(page.get_by_text(texts.REGION_HINT)).to_be_visible()
