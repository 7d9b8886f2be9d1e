"""Regions of a photo: cells tapped, a rectangle dragged, the keyboard, and back to the whole photo."""

from playwright.sync_api import expect

from lookalike.web import texts
from tests.support.browser import (
    button,
    cell,
    choose,
    expect_answer,
    expect_marked,
    expect_other_names,
    middle,
    names,
    product,
    product_path,
    wait_for_start,
)


def test_tapped_cells_are_the_query_and_one_tap_restores_the_whole_photo(visit):
    page = wait_for_start(visit("phone"))
    choose(page, product())
    before = names(page)
    for row, column in ((1, 3), (1, 4), (1, 5)):
        cell(page, row, column).tap(force=True)
    other = expect_other_names(page, before)
    expect_marked(page, 3)
    button(page, texts.WHOLE_PHOTO).click()
    assert expect_other_names(page, other) == before
    expect_marked(page, 0)


def test_a_dragged_rectangle_is_the_query_and_part_of_the_address(visit):
    page = visit("desktop", product_path())
    before = names(page)
    page.mouse.move(*middle(cell(page, 1, 2)))
    page.mouse.down()
    page.mouse.move(*middle(cell(page, 2, 4)), steps=4)
    page.mouse.move(*middle(cell(page, 2, 6)), steps=4)
    page.mouse.up()
    expect_other_names(page, before)
    expect_marked(page, 10)
    page.wait_for_url("**part=01**")
    page.reload()
    expect_answer(page)
    expect_marked(page, 10)


def test_the_keyboard_can_mark_cells(visit):
    page = visit("desktop", product_path())
    before = names(page)
    cell(page, 1, 1).focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Space"):
        page.keyboard.press(key)
    expect(cell(page, 2, 3)).to_be_focused()
    other = expect_other_names(page, before)
    assert cell(page, 2, 3).get_attribute("aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert expect_other_names(page, other) == before


def test_each_of_several_photos_has_its_own_region(visit):
    page = wait_for_start(visit())
    choose(page, product(0), product(60))
    before = names(page)
    page.get_by_role("button", name="Row 4, column 4", exact=True).nth(1).click(force=True)
    expect_other_names(page, before)
    expect_marked(page, 1)
