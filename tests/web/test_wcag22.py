"""What WCAG 2.2 added at the levels A and AA, one test for each criterion, on a phone and on a desktop."""

import re

import pytest
from playwright.sync_api import Page, expect

from lookalike.web import texts
from lookalike.web.catalogue import texts as catalogue_texts
from tests.support.browser import (
    SIZES,
    button,
    cards,
    cell,
    choose,
    expect_answer,
    expect_marked,
    names,
    open_catalogue,
    product,
    product_path,
    wait_for_start,
    wait_until_calm,
)

MIN_TARGET = 24  # CSS pixels

# A part of the focused element that a person sees: nothing else lies on one of its points, and it is not transparent.
IS_FOCUS_SEEN = """() => {
    let focused = document.activeElement;
    while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
    if (!focused || focused === document.body) return { name: null, seen: true };
    const at = (x, y) => {
        let found = document.elementFromPoint(x, y);
        while (found?.shadowRoot?.elementFromPoint(x, y) && found.shadowRoot.elementFromPoint(x, y) !== found)
            found = found.shadowRoot.elementFromPoint(x, y);
        return found;
    };
    const box = focused.getBoundingClientRect();
    const name = `${focused.tagName} ${focused.getAttribute("aria-label") ?? focused.innerText ?? ""}`.slice(0, 80);
    const spots = [];
    for (const across of [0.1, 0.5, 0.9])
        for (const down of [0.1, 0.5, 0.9]) spots.push([box.x + across * box.width, box.y + down * box.height]);
    // What pointers go through lies under what takes them instead; of what is a pixel large, its label is seen.
    const isThrough = getComputedStyle(focused).pointerEvents === "none" || box.width * box.height < 4;
    const isOn = (found) => found && (focused.contains(found) || isThrough && found.contains(focused));
    return { name, seen: spots.some(([x, y]) => isOn(at(x, y))), box: [box.x, box.y, box.width, box.height] };
}"""

# Targets smaller than 24 by 24 pixels so close to another that a circle of 24 pixels around their middle meets it.
SMALL_TARGETS = """(least) => {
    const found = [];
    const collect = (root) => {
        for (const element of root.querySelectorAll("*")) {
            if (element.shadowRoot) collect(element.shadowRoot);
            if (!element.matches("a[href], button, input, textarea, [role=slider], [role=tab]")) continue;
            const box = element.getBoundingClientRect();
            const isThere = element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
            // What is a pixel large, or in a box so small, is for screen readers; its label is what is tapped.
            const around = element.parentElement?.getBoundingClientRect() ?? box;
            const isTapped = Math.min(box.width, box.height, around.width, around.height) > 2 && !element.disabled;
            if (isThere && isTapped && !element.closest("[aria-hidden=true]")) found.push({ element, box });
        }
    };
    collect(document);
    const isSmall = ({ box }) => box.width < least - 0.5 || box.height < least - 0.5;
    const distance = (box, x, y) => Math.hypot(
        Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom));
    const middle = (box) => [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    const isCrowded = (one) => found.some((other) => {
        if (other === one || other.element.contains(one.element) || one.element.contains(other.element)) return false;
        const [x, y] = middle(one.box), [otherX, otherY] = middle(other.box);
        return isSmall(other) ? Math.hypot(x - otherX, y - otherY) < least : distance(other.box, x, y) < least / 2;
    });
    return found.filter((one) => isSmall(one) && isCrowded(one)).map(({ element, box }) =>
        `${element.tagName} ${element.getAttribute("aria-label") ?? element.innerText} ${box.width} x ${box.height}`);
}"""


@pytest.fixture(params=SIZES)
def open_page(request, visit):
    return lambda path="", **context: visit(request.param, path, reduced_motion="reduce", **context)


def hidden_focus(page: Page, key: str, times: int) -> list[dict]:
    """Press a key so often; return the focused elements of which nothing was seen."""
    hidden = []
    for _ in range(times):
        page.keyboard.press(key)
        # Streamlit's buttons on a picture fade in once they have the focus.
        found = page.evaluate(IS_FOCUS_SEEN)
        if not found["seen"]:
            hidden.append(found)
    return hidden


def test_2_4_11_what_has_the_focus_is_never_hidden(open_page):
    page = open_page(product_path(count=10))
    expect_answer(page, 10)
    wait_until_calm(page)
    times = 10 * 6 + 20
    assert hidden_focus(page, "Tab", times) + hidden_focus(page, "Shift+Tab", times) == []
    assert names_of_focus_differ(page)


def names_of_focus_differ(page: Page) -> bool:
    """Return whether Tab reaches one thing after another, or the test above has looked at nothing."""
    seen = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.add(page.evaluate(IS_FOCUS_SEEN)["name"])
    return len(seen) > 6


def test_2_5_7_parts_of_a_photo_need_no_dragging(open_page):
    page = open_page(product_path())
    expect_answer(page)
    for row, column in ((3, 3), (3, 4), (4, 3), (4, 4)):
        cell(page, row, column).scroll_into_view_if_needed()
        box = cell(page, row, column).bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url("**part=22233233")
    expect_answer(page)
    expect_marked(page, 4)


def test_2_5_7_the_balance_needs_no_dragging(open_page):
    page = open_page(product_path())
    expect_answer(page)
    button(page, texts.BALANCE).click()
    track = page.locator(".st-key-balance-slider [role=group] > div").first
    expect(track).to_be_visible()
    wait_until_calm(page)
    box = track.bounding_box()
    page.mouse.click(box["x"] + 0.98 * box["width"], box["y"] + box["height"] / 2)
    page.wait_for_url("**balance=1.0**")


def test_2_5_7_the_map_needs_no_dragging(open_page):
    page = open_catalogue(open_page())
    page.get_by_role("tab", name=catalogue_texts.MAP).click()
    expect(page.locator(".mark-symbol path").first).to_be_visible()
    wait_until_calm(page)
    dots = "[...document.querySelectorAll('.mark-symbol path')].map(dot => dot.getAttribute('transform')).join()"
    before = page.evaluate(dots)
    page.get_by_role("combobox", name=re.compile(catalogue_texts.PART)).click()
    page.get_by_role("option", name=catalogue_texts.PARTS[1]).click()
    page.wait_for_function(f"before => {{ const now = {dots}; return now && now !== before; }}", arg=before)


def test_2_5_8_targets_have_24_pixels(open_page):
    page = wait_for_start(open_page())
    expect(button(page, texts.PASTE)).to_be_visible()
    wait_until_calm(page)
    small = {"start": page.evaluate(SMALL_TARGETS, MIN_TARGET)}
    page.goto(page.url.split("?")[0].rstrip("/") + product_path(2, liked=product(5).stem))
    expect_answer(page)
    wait_until_calm(page)
    small["answer"] = page.evaluate(SMALL_TARGETS, MIN_TARGET)
    for name in (texts.FILTERS, texts.BALANCE, texts.NEW_SEARCH, texts.FAVORITES):
        button(page, name).click()
        expect(page.get_by_test_id("stPopoverBody")).to_be_visible()
        if name == texts.FILTERS:  # the browser loads the script of this field when the field is first needed
            expect(page.get_by_test_id("stPopoverBody").get_by_role("combobox").first).to_be_visible()
        small[name] = page.evaluate(SMALL_TARGETS, MIN_TARGET)
        page.keyboard.press("Escape")
        expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    chosen = "".join(f"&only.articleType={word}" for word in ("Jeans", "Dresses"))
    page.goto(page.url.split("?")[0].rstrip("/") + product_path(2) + chosen)
    expect_answer(page)
    wait_until_calm(page)
    button(page, texts.FILTERS).click()
    kinds = page.locator(".st-key-facet-articleType")
    expect(kinds.get_by_role("button", name=re.compile("^Remove"))).to_have_count(2)
    small["chosen"] = page.evaluate(SMALL_TARGETS, MIN_TARGET)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    cards(page).first.get_by_role("button", name=texts.WHY).click()
    expect(page.get_by_role("dialog").locator("img")).to_have_count(2)
    small["why"] = page.evaluate(SMALL_TARGETS, MIN_TARGET)
    assert small == dict.fromkeys(small, [])


def test_3_2_6_help_stands_at_the_same_place(open_page):
    """Before and in a visit: first the photo with its help, then the other ways to start."""

    def order(page):
        places = [
            page.get_by_role("button", name=f"Help for {texts.UPLOAD}"),
            page.get_by_test_id("stFileUploaderDropzone"),
            page.get_by_label(texts.FIELD_LABEL),
        ]
        for place in places:
            expect(place).to_be_visible()
        wait_until_calm(page)
        return [place.bounding_box()["y"] for place in places]

    page = wait_for_start(open_page())
    before = order(page)
    page.goto(page.url.split("?")[0].rstrip("/") + product_path())
    expect_answer(page)
    button(page, texts.NEW_SEARCH).click()
    during = order(page)
    assert before == sorted(before) and during == sorted(during)


def test_3_3_7_nothing_is_asked_for_twice(open_page):
    page = wait_for_start(open_page())
    field = page.get_by_label(texts.FIELD_LABEL)
    field.fill("http://127.0.0.1/photo.jpg")
    button(page, texts.FIELD_GO, exact=True).click()
    expect(page.get_by_test_id("stAlert")).to_be_visible()
    expect(field).to_have_value("http://127.0.0.1/photo.jpg")  # what was wrong can be mended, not typed again
    choose(page, product())
    first = names(page)
    page.locator(".st-key-chips button").first.click()
    page.wait_for_url("**only.**")
    expect_answer(page)
    button(page, texts.MORE_LIKE_THIS).first.click()
    page.wait_for_url(re.compile(r"(?=.*product=)(?=.*only\.)"))  # the filter stays
    expect_answer(page)
    page.go_back()
    page.go_back()
    expect(page.get_by_role("heading", name=texts.YOUR_PHOTO, exact=True)).to_be_visible()
    assert names(page) == first


def test_3_3_8_nobody_has_to_sign_in_or_to_solve_a_riddle(open_page):
    page = wait_for_start(open_page())
    choose(page, product())
    expect_answer(page)
    assert page.locator("input[type=password], iframe").count() == 0
    button(page, texts.KEEP, exact=True).first.click()
    expect(button(page, texts.favorites_label(1))).to_be_visible()
