"""The whole path as a person walks it: a real server, a real Chromium, real files."""

import re

import pytest
from conftest import ROOT, data
from playwright.sync_api import expect, sync_playwright

SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
ARTEFACTS = ROOT / "test-artefacts"
SECONDS = 60_000


@pytest.fixture(scope="module")
def browser(chromium):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(serve, demo_index):
    return serve(demo_index)


@pytest.fixture(params=SIZES)
def page(request, browser, address):
    """The app, open at a desktop's or a phone's size; nothing may go wrong on the console."""
    context = browser.new_context(viewport=SIZES[request.param])
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    problems = []
    page.on("console", lambda message: message.type == "error" and problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(address)
    page.wait_for_selector("[data-testid=stFileUploader]")
    yield page
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{request.node.name.replace('[', '-').rstrip(']')}.png", full_page=True)
    context.close()
    assert problems == []


def choose(page, path):
    page.set_input_files("input[type=file]", path)


def expect_five_cards(page):
    cards = page.locator("[class*=st-key-card-]")
    expect(cards).to_have_count(6, timeout=SECONDS)
    pictures = cards.locator("img")
    expect(pictures).to_have_count(6, timeout=SECONDS)
    loaded = "pictures => pictures.every(p => p.complete && p.naturalWidth > 0)"
    page.wait_for_function(f"({loaded})([...document.querySelectorAll('[class*=st-key-card-] img')])")
    assert all(picture.get_attribute("alt") for picture in pictures.all())
    expect(page.get_by_text(re.compile(r"\d+% alike"))).to_have_count(5)


def test_upload_a_photo_and_see_five_products(page):
    choose(page, sorted((ROOT / "images").iterdir())[0])
    expect_five_cards(page)


def test_upload_a_shoppers_photo(page):
    choose(page, sorted(data("shopper-photos", "t-shirt").iterdir())[2])
    expect_five_cards(page)


def test_no_part_of_the_page_is_wider_than_the_screen(page):
    choose(page, sorted((ROOT / "images").iterdir())[0])
    expect_five_cards(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_text_file_named_jpg_gets_the_sentence(page, tmp_path):
    text = tmp_path / "holiday.jpg"
    text.write_text("This is not a picture.")
    choose(page, text)
    expect(page.get_by_text("is not an image. Use a JPEG, PNG, WebP, HEIC or AVIF file.")).to_be_visible(
        timeout=SECONDS
    )
    expect(page.get_by_text("Traceback")).to_have_count(0)


def test_a_file_beyond_the_limit_gets_the_sentence(page, tmp_path):
    large = tmp_path / "large.jpg"
    large.write_bytes(b"0" * 21_000_000)
    choose(page, large)
    expect(page.get_by_text("20", exact=False).filter(has_text="MB").last).to_be_visible()
    expect(page.locator("[class*=st-key-card-]")).to_have_count(0)


def test_a_shop_without_an_index_says_how_to_make_it(browser, serve, tmp_path):
    page = browser.new_page()
    page.goto(serve(tmp_path))
    expect(page.get_by_text("python extract_features.py --images images")).to_be_visible(timeout=SECONDS)
    page.close()


def test_a_new_index_is_taken_over_without_a_restart(browser, serve, demo_index, tmp_path):
    page = browser.new_page()
    page.goto(serve(tmp_path))
    expect(page.get_by_text("python extract_features.py --images images")).to_be_visible(timeout=SECONDS)
    for path in demo_index.glob("[!.]*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    page.reload()
    expect(page.locator("[data-testid=stFileUploader]")).to_be_visible(timeout=SECONDS)
    page.close()
