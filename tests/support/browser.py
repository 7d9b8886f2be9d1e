"""What a person does on the page and sees there, for the tests that drive a browser."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.data import ROOT

SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
FLAGS += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
ARTIFACTS = ROOT / "test-artifacts"
SECONDS = 30_000


def product(number=0):
    """The picture of one of the demo's products; its stem is the id."""
    return sorted((ROOT / "images").iterdir())[number]


def about(number=0, **params):
    """The address, below the server's, of a product of the demo."""
    more = "".join(f"&{key}={value}" for key, value in params.items())
    return f"/?product={product(number).stem}{more}"


def choose(page, *paths):
    """Give files to the uploader, in the popover of a new search where there is a query already."""
    page.set_input_files("input[type=file]", paths)


def cards(page):
    return page.locator("[class*=st-key-card-]")


def names(page):
    """The names on the cards, once they have come to rest."""
    expect_answer(page)
    return cards(page).locator("strong").all_inner_texts()


def expect_answer(page, count=5):
    """So many cards, their pictures drawn, each with a text for those who cannot see it."""
    expect(cards(page)).to_have_count(count, timeout=SECONDS)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=SECONDS)
    loaded = "pictures => pictures.length && pictures.every(p => p.complete && p.naturalWidth > 0)"
    page.wait_for_function(f"({loaded})([...document.querySelectorAll('[class*=st-key-card-] img')])")
    assert all(picture.get_attribute("alt") for picture in cards(page).locator("img").all())


def expect_other_names(page, before):
    """Wait until the cards show other products than before, and return their names."""
    page.wait_for_function(
        "before => { const now = [...document.querySelectorAll('[class*=st-key-card-] strong')].map(n => n.innerText);"
        " return now.length && now.join() !== before; }",
        arg=",".join(before),
    )
    return names(page)


def button(page, name, **more):
    return page.get_by_role("button", name=name, **more)


def cell(page, row, column):
    """A cell of the grid over the first picture, both counted from 1."""
    return page.get_by_role("button", name=f"Row {row}, column {column}", exact=True).first


def marked(page):
    """How many cells of the grid are marked."""
    return page.locator(".grid button[aria-pressed=true]").count()


def middle(cell):
    box = cell.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def starts(page):
    """Wait for the page of a first visit."""
    expect(page.get_by_test_id("stFileUploader")).to_be_visible(timeout=SECONDS)
    return page


def badge(text=r"Closer than \d+ %|As close as can be|Somewhat alike|Loosely alike"):
    return re.compile(text)


@pytest.fixture(scope="session")
def demo_shop(serve, demo_index):
    """The address of one server over the demo catalogue, shared by all tests of the browser."""
    return serve(demo_index)


@pytest.fixture(scope="module")
def browser(chromium):
    """A real Chromium with a made-up camera."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(request, browser, demo_shop):
    """visit(size, path, **context) opens the app; nothing may go wrong on the console of any page it opened."""
    opened, problems = [], []

    def open_page(size="desktop", path="", address=demo_shop, **context):
        page = browser.new_context(viewport=SIZES[size], has_touch=size == "phone", **context).new_page()
        page.set_default_timeout(SECONDS)
        page.on("console", lambda message: message.type == "error" and problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(address + path)
        opened.append((size, page))
        return page

    yield open_page
    ARTIFACTS.mkdir(exist_ok=True)
    name = re.sub(r"[^\w]+", "-", request.node.name).strip("-")
    for number, (size, page) in enumerate(opened):
        page.screenshot(path=ARTIFACTS / f"{name}-{size}-{number}.png")
        page.context.close()
    assert problems == []


@pytest.fixture(params=SIZES)
def page(request, visit, agreed_on):
    """A product looked up whose neighbors agree, at a desktop's or a phone's size."""
    page = visit(request.param, about(agreed_on))
    expect_answer(page)
    return page
