"""The ways to start a search, with a real server, a real Chromium and real files."""

import base64

import pytest
from playwright.sync_api import expect

from lookalike.web import texts
from tests.support.browser import BADGE, SIZES, button, cards, choose, expect_answer, product, wait_for_start
from tests.support.data import data


@pytest.fixture(params=SIZES)
def page(request, visit):
    """The app, open at a desktop's or a phone's size."""
    return wait_for_start(visit(request.param))


def test_an_uploaded_photo_gives_five_products(page):
    choose(page, product())
    expect_answer(page)
    expect(cards(page).get_by_text(BADGE)).to_have_count(5)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_shoppers_photo_is_answered(page):
    choose(page, sorted(data("shopper-photos", "t-shirt").iterdir())[2])
    expect_answer(page)


def test_several_photos_at_once_are_one_query(visit):
    page = wait_for_start(visit())
    choose(page, product(0), product(60))
    expect_answer(page)
    expect(page.get_by_role("heading", name=texts.YOUR_PHOTOS)).to_be_visible()
    expect(page.locator(".photo img")).to_have_count(2)


def test_the_camera_opens_only_after_a_tap(visit):
    page = wait_for_start(visit("desktop", permissions=["camera"]))
    expect(page.get_by_test_id("stCameraInput")).to_have_count(0)
    button(page, texts.CAMERA).click()
    page.wait_for_function("document.querySelector('video')?.readyState === 4")
    page.get_by_test_id("stCameraInputButton").click()
    expect_answer(page)
    expect(page.get_by_test_id("stCameraInput")).to_have_count(0)


PASTED = """content => {
    const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([bytes], "image.png", { type: "image/jpeg" }));
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""


def test_a_photo_can_be_pasted_with_the_keyboard(visit):
    page = wait_for_start(visit())
    expect(button(page, texts.PASTE)).to_be_visible()
    page.evaluate(PASTED, base64.b64encode(product().read_bytes()).decode())
    expect_answer(page)


COPIED = """async content => {
    const image = await createImageBitmap(await (await fetch(content)).blob());
    const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    canvas.getContext("2d").drawImage(image, 0, 0);
    const png = await new Promise(done => canvas.toBlob(done, "image/png"));
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
}"""


def test_a_photo_can_be_pasted_with_the_button(visit):
    page = wait_for_start(visit("phone", permissions=["clipboard-read", "clipboard-write"]))
    page.evaluate(COPIED, "data:image/jpeg;base64," + base64.b64encode(product().read_bytes()).decode())
    button(page, texts.PASTE).click()
    expect_answer(page)


def test_without_permission_the_paste_button_explains_the_keyboard(visit):
    page = wait_for_start(visit())
    button(page, texts.PASTE).click()
    expect(page.get_by_text(texts.PASTE_WORDS["by_keyboard"])).to_be_visible()


def test_a_web_address_on_the_local_network_gets_a_sentence(visit):
    page = wait_for_start(visit())
    page.get_by_label(texts.FIELD_LABEL).fill("http://127.0.0.1/photo.jpg")
    button(page, texts.FIELD_GO, exact=True).click()
    expect(page.get_by_test_id("stAlert")).to_be_visible()
    expect(cards(page)).to_have_count(0)


def test_products_can_be_found_by_words(page):
    page.get_by_label(texts.FIELD_LABEL).fill("dress")
    page.keyboard.press("Enter")
    page.locator(".st-key-found .stButton button").first.click()
    expect_answer(page)
    assert "product=" in page.url


def test_an_example_can_be_tapped(page):
    page.locator(".st-key-examples .stButton button").nth(1).click()
    expect_answer(page)


def test_surprise_me_shows_a_product(visit):
    page = wait_for_start(visit("phone"))
    button(page, texts.SURPRISE).click()
    expect_answer(page)


def test_a_second_photo_replaces_the_first(page):
    choose(page, product())
    expect_answer(page)
    first = cards(page).locator("strong").first.inner_text()
    button(page, texts.NEW_SEARCH).click()
    choose(page, product(60))
    expect(cards(page).locator("strong").first).not_to_have_text(first)
    expect(page.get_by_test_id("stFileUploader")).to_have_count(0)


def test_a_text_file_named_jpg_gets_a_sentence(visit, tmp_path):
    page = wait_for_start(visit())
    text = tmp_path / "holiday.jpg"
    text.write_text("This is not a picture.")
    choose(page, text)
    sentence = page.get_by_text("is not an image. Use a JPEG, PNG, WebP, HEIC or AVIF file.")
    expect(sentence).to_be_visible()
    expect(page.get_by_text("Traceback")).to_have_count(0)


def test_a_file_over_the_limit_gets_a_sentence(visit, tmp_path):
    page = wait_for_start(visit("phone"))
    large = tmp_path / "large.jpg"
    large.write_bytes(b"0" * 21_000_000)
    choose(page, large)
    expect(page.get_by_text("20", exact=False).filter(has_text="MB").last).to_be_visible()
    expect(cards(page)).to_have_count(0)


def test_a_new_index_is_served_without_a_restart(visit, serve, demo_index, tmp_path):
    page = visit(address=serve(tmp_path))
    expect(page.get_by_text(texts.NO_INDEX_COMMAND)).to_be_visible()
    for path in demo_index.glob("[!.]*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    page.reload()
    wait_for_start(page)
