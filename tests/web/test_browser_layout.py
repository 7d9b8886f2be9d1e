"""Things stand in line, whatever their texts and the photo's shape, on a phone, a narrow window and a desktop."""

import pytest
from PIL import Image

from lookalike.web import texts
from tests.support.browser import (
    button,
    cards,
    choose,
    expect_answer,
    product,
    product_path,
    wait_for_start,
    wait_until_calm,
)

# WCAG 2.2, 2.5.8.
MIN_TARGET = 24


def box(locator):
    return locator.bounding_box()


@pytest.mark.parametrize("width", [390, 640, 1280])
def test_the_ways_to_start_stand_in_one_line(visit, width):
    page = visit()
    page.set_viewport_size({"width": width, "height": 900})
    wait_until_calm(wait_for_start(page))
    boxes = [
        box(button(page, label, exact=True)) for label in (texts.CAMERA, texts.SURPRISE, texts.PASTE_WORDS["label"])
    ]
    assert len({round(one["y"]) for one in boxes}) == 1 and len({round(one["height"]) for one in boxes}) == 1
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_no_way_to_start_is_cut_on_the_narrowest_window(visit):
    page = visit()
    page.set_viewport_size({"width": 320, "height": 640})
    wait_until_calm(wait_for_start(page))
    for label in (texts.CAMERA, texts.SURPRISE):
        assert button(page, label, exact=True).locator("p").evaluate("p => p.scrollWidth <= p.clientWidth + 1"), label


def test_the_buttons_of_all_cards_in_a_row_stand_in_line(visit):
    """A name or a line of attributes may take one line or two."""
    page = visit("desktop", product_path(5, words="in white"))
    expect_answer(page)
    page.locator("[class*=st-key-card-1] [data-testid=stCaptionContainer] p").evaluate("p => p.innerText = 'Short'")
    buttons = [cards(page).nth(place).get_by_role("button", name=texts.MORE_LIKE_THIS) for place in range(5)]
    assert len({round(box(one)["y"]) for one in buttons}) == 1


def test_a_wide_photo_takes_a_phones_whole_width_so_that_its_cells_can_be_tapped(visit, tmp_path):
    with Image.open(product()) as picture:
        wide = Image.new("RGB", (900, 560), "white")
        wide.paste(picture.convert("RGB").resize((300, 400)), (300, 80))
    wide.save(tmp_path / "wide.jpg", quality=95)
    page = wait_for_start(visit("phone"))
    choose(page, tmp_path / "wide.jpg")
    expect_answer(page)
    cells = page.locator(".grid button")
    assert cells.count() == 49
    assert min(min(box(cells.nth(place))["width"], box(cells.nth(place))["height"]) for place in (0, 24)) >= MIN_TARGET
    heading, photo = page.get_by_role("heading", name=texts.YOUR_PHOTO), page.locator(".photo")
    assert box(photo)["y"] >= box(heading)["y"] + box(heading)["height"], "they do not touch"
    assert box(photo)["x"] == pytest.approx(box(heading)["x"], abs=1)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_high_photo_stands_below_its_heading_on_a_desktop(visit, tmp_path):
    Image.open(product()).convert("RGB").resize((300, 700)).save(tmp_path / "high.jpg")
    page = wait_for_start(visit())
    choose(page, tmp_path / "high.jpg")
    expect_answer(page)
    assert box(page.locator(".photo"))["x"] == pytest.approx(
        box(page.get_by_role("heading", name=texts.YOUR_PHOTO))["x"], abs=1
    )
