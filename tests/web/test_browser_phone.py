"""What a phone in a hand needs: readable refusals, a photo to scroll over, cards that fit; pasting and dropping."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from lookalike.images.decoding import MAX_PHOTO_BYTES
from lookalike.images.discovery import image_suffixes
from lookalike.web import texts
from tests.support.browser import (
    TIMEOUT_MS,
    button,
    cards,
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
from tests.support.data import ROOT


@pytest.fixture
def phone(visit):
    return lambda path="", **context: visit("phone", path, is_mobile=True, **context)


def touch(page, *points, hold_ms=0):
    """Put a finger on the first point, rest it so long, move it over the others and lift it."""
    devtools = page.context.new_cdp_session(page)
    for number, (x, y) in enumerate(points):
        kind = "touchMove" if number else "touchStart"
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        page.wait_for_timeout(30 if number else max(30, hold_ms))
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def scrolled(page):
    return page.get_by_test_id("stMain").evaluate("main => main.scrollTop")


PASTE = """([content, text, name, type]) => {
    const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([bytes], name, { type }));
    if (text) clipboardData.items.add(text, "text/plain");
    const event = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true, composed: true });
    return document.activeElement.dispatchEvent(event);
}"""

DROP = """content => {
    const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], "image.jpg", { type: "image/jpeg" }));
    const target = document.querySelector("h1");
    return ["dragover", "drop"].map(name =>
        target.dispatchEvent(new DragEvent(name, { dataTransfer, bubbles: true, cancelable: true, composed: true })));
}"""


def paste(page, content, text="", name="image.png", kind="image/png"):
    """Paste where the focus is; return whether the browser's own pasting goes on."""
    return page.evaluate(PASTE, [base64.b64encode(content).decode(), text, name, kind])


def wait_for_listener(page):
    page.wait_for_selector(".st-key-listen [data-testid^=stBidiComponent]", state="attached")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_file_over_the_limit_is_refused_in_words_that_need_no_pointer(visit, tmp_path, size):
    page = wait_for_start(visit(size))
    large = tmp_path / "large.jpg"
    large.write_bytes(b"0" * (MAX_PHOTO_BYTES + 1_000_000))
    choose(page, large)
    sentence = page.get_by_test_id("stFileUploader").get_by_role("alert")
    expect(sentence).to_contain_text("20.0MB")
    page.wait_for_function(
        """() => {
          const box = document.querySelector("[data-testid=stFileUploader] [role=alert]").getBoundingClientRect();
          return box.width > 100 && box.height > 10;
        }"""
    )
    box = sentence.bounding_box()
    page_width = page.viewport_size["width"]
    assert box["x"] >= 0 and box["x"] + box["width"] <= page_width


@pytest.mark.parametrize("name", ["photo", "photo.jfif", "IMG.JPE", "photo.txt"])
def test_an_image_is_known_by_its_content_whatever_its_name(visit, tmp_path, name):
    page = wait_for_start(visit())
    photo = tmp_path / name
    photo.write_bytes(product().read_bytes())
    choose(page, photo)
    expect_answer(page)


def test_the_browser_offers_every_kind_of_image(phone):
    page = wait_for_start(phone())
    wait_for_listener(page)
    page.keyboard.press("Tab")
    accepted = page.get_by_test_id("stFileUploaderDropzoneInput").get_attribute("accept").split(",")
    assert "image/*" in accepted and set(accepted) >= image_suffixes()


def test_a_finger_that_moves_up_over_the_photo_scrolls_the_page(phone):
    page = phone(product_path())
    before = names(page)
    x, y = middle(page.locator(".photo").first)
    touch(page, *((x, y + 60 - step) for step in range(0, 190, 10)))
    page.wait_for_timeout(1000)
    assert scrolled(page) > 80
    expect_marked(page, 0)
    assert names(page) == before and "part" not in page.url


def test_a_finger_that_moves_sideways_or_rests_first_marks_what_it_passes(phone):
    page = phone(product_path())
    expect_answer(page)
    touch(page, *(middle(cell(page, 3, column)) for column in (2, 3, 4, 5)))
    page.wait_for_url("**part=21222324")  # the cells' rows and columns, from 0
    expect_answer(page)
    expect_marked(page, 4)
    assert scrolled(page) == 0
    touch(page, *(middle(cell(page, row, 4)) for row in (2, 3, 4, 5)), hold_ms=700)
    page.wait_for_url("**part=13233343")
    expect_answer(page)
    expect_marked(page, 4)
    assert scrolled(page) == 0
    assert cell(page, 5, 4).get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize("width", [320, 360, 375, 390, 412, 768, 1024, 1280, 2560])
def test_cards_stand_in_full_rows_at_every_width(visit, width):
    page = visit("phone" if width < 700 else "desktop")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(page.url.split("?")[0].rstrip("/") + product_path())
    expect_answer(page)
    boxes = [card.bounding_box() for card in cards(page).all()]
    in_first_row = sum(abs(box["y"] - boxes[0]["y"]) < 2 for box in boxes)
    assert in_first_row == (2 if width < 700 else 3 if width < 1000 else 5)
    assert max(box["x"] + box["width"] for box in boxes) > 0.93 * width
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    rows = [page.locator(f".st-key-{row} [data-testid=stPopoverButton]").all() for row in ("header", "bar")]
    for buttons in rows:
        boxes = [one.bounding_box() for one in buttons]
        assert len(boxes) == 2 and abs(boxes[0]["y"] - boxes[1]["y"]) < 2
        assert max(box["x"] + box["width"] for box in boxes) <= width


def test_four_photos_stand_two_by_two_on_a_phone(phone):
    page = wait_for_start(phone())
    choose(page, *map(product, (0, 60, 100, 200)))
    expect_answer(page)
    boxes = [photo.bounding_box() for photo in page.locator(".photo").all()]
    assert abs(boxes[0]["y"] - boxes[1]["y"]) < 100 and boxes[0]["x"] < boxes[1]["x"] and boxes[2]["y"] > boxes[0]["y"]
    last = boxes[-1]
    assert last["y"] + last["height"] < 844


def test_a_phone_offers_its_own_camera(phone):
    page = wait_for_start(phone())
    camera = page.locator(".st-key-paste").get_by_label(texts.CAMERA)
    expect(camera).to_have_attribute("capture", "environment")
    assert camera.get_attribute("accept") == "image/*"
    expect(page.locator(".st-key-examples img").last).to_be_visible()  # the page is whole
    box = camera.bounding_box()
    assert box["width"] > 100 and box["height"] > 35
    expect(page.locator(".st-key-way-camera")).to_be_hidden()
    camera.set_input_files(product())
    expect_answer(page)


def test_the_camera_of_a_desktop_is_asked_for_enough_pixels(visit):
    page = wait_for_start(visit("desktop", permissions=["camera"]))
    page.evaluate(
        """() => {
            const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = (wanted) => { window.wanted = wanted; return real(wanted); };
        }"""
    )
    button(page, texts.CAMERA).click()
    page.wait_for_function("document.querySelector('video')?.readyState === 4")
    assert page.evaluate("window.wanted.video.height.ideal") == 1080


@pytest.mark.parametrize("size", ["desktop", "phone"])
@pytest.mark.parametrize("way", ["pasted", "dropped"])
def test_a_photo_can_be_pasted_and_dropped_among_the_results(visit, size, way):
    page = visit(size, product_path())
    before = names(page)
    wait_for_listener(page)
    page.wait_for_load_state("networkidle")
    if way == "pasted":
        assert not paste(page, product(60).read_bytes(), kind="image/jpeg")
    else:
        assert page.evaluate(DROP, base64.b64encode(product(60).read_bytes()).decode()) == [False, False]
    expect_other_names(page, before)
    expect(page.get_by_role("heading", name=texts.YOUR_PHOTO)).to_be_visible()


def test_a_photo_can_be_pasted_on_the_page_for_staff(browser, serve, demo_index):
    page = browser.new_context().new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(serve(demo_index, LOOKALIKE_STAFF_PAGE="1") + "/catalogue")
    wait_for_listener(page)
    paste(page, product(60).read_bytes(), kind="image/jpeg")
    expect(page.get_by_role("heading", name=texts.YOUR_PHOTO)).to_be_visible()
    expect_answer(page)
    page.context.close()


def test_text_that_is_pasted_into_a_field_stays_text(visit):
    page = wait_for_start(visit())
    wait_for_listener(page)
    page.get_by_label(texts.FIELD_LABEL).focus()
    assert paste(page, product().read_bytes(), text="10004")
    page.evaluate("document.activeElement.blur()")
    assert paste(page, product().read_bytes(), text="10004")
    page.wait_for_timeout(1500)
    expect(page.get_by_label(texts.FIELD_LABEL)).to_be_visible()
    expect(cards(page)).to_have_count(0)


def test_a_large_picture_is_made_smaller_before_it_is_sent_and_a_sign_says_so(visit):
    page = wait_for_start(visit())
    wait_for_listener(page)
    sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(len(frame))))
    page.reload()
    wait_for_start(page)
    wait_for_listener(page)
    noise = np.random.default_rng(1).integers(0, 256, (2400, 2700, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG", compress_level=0)
    assert 19e6 < len(buffer.getvalue()) < MAX_PHOTO_BYTES
    paste(page, buffer.getvalue())
    expect(page.get_by_text(texts.PASTE_WORDS["sending"]).first).to_be_visible()
    expect_answer(page)
    assert max(sent) < 12_000_000


def test_both_files_of_settings_admit_what_may_be_pasted():
    import tomllib

    ours, packaged = (ROOT / folder / ".streamlit" / "config.toml" for folder in ("", "lookalike/web"))
    assert ours.read_text() == packaged.read_text()
    limit = tomllib.loads(ours.read_text())["server"]["maxWidgetStateSize"] * 1e6
    assert limit > MAX_PHOTO_BYTES * 4 / 3 + 1000
