"""What a visitor does on the page and sees there, for the tests that drive a browser."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from lookalike.web import texts
from tests.support.data import ROOT

SIZES = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
FLAGS += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
ARTIFACTS = ROOT / "test-artifacts"
# The first answer of a server that also reads its index from Milvus takes half a minute on a busy machine of two cores.
TIMEOUT_MS = 60_000
expect.set_options(timeout=TIMEOUT_MS)
# Filters that no product of the demo passes.
NO_MATCH = {"only.gender": "Boys", "only.articleType": "Ties", "only.season": "Winter", "only.usage": "Formal"}
BADGE = re.compile(r"Closer than \d+%|As close as can be|Somewhat alike|Loosely alike")


def product(number: int = 0) -> Path:
    """Return the picture of one of the demo's products; its stem is the id."""
    return sorted((ROOT / "images").glob("*.jpg"))[number]


def product_path(number: int = 0, **params: object) -> str:
    """Return the path and query of the address of one of the demo's products."""
    more = "".join(f"&{key}={value}" for key, value in params.items())
    return f"/?product={product(number).stem}{more}"


def choose(page: Page, *paths: Path) -> None:
    """Give files to the uploader, which is behind “New search” once there is a query."""
    page.set_input_files("input[type=file]", paths)


def cards(page: Page) -> Locator:
    return page.locator("[class*=st-key-card-]")


def names(page: Page) -> list[str]:
    """Return the names on the cards, once the page has stopped changing."""
    expect_answer(page)
    return cards(page).locator("strong").all_inner_texts()  # one look: the page may change between two


def expect_names(page: Page, expected: list[str]) -> None:
    """Wait until the cards show these products.

    After Back, a reload or a restart a page shows other cards for a moment, and a second run may draw the right ones
    once more; what it shows in between is no answer.
    """
    end = time.monotonic() + TIMEOUT_MS / 1000
    while (shown := names(page)) != expected and time.monotonic() < end:
        page.wait_for_timeout(200)
    assert shown == expected


def expect_answer(page: Page, count: int = 5) -> None:
    """Expect this many cards whose pictures are drawn, each with an alternative text.

    The pictures are looked at together: between two calls the page may draw fewer of them.
    """
    expect(cards(page)).to_have_count(count)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    drawn = "p => p.complete && p.naturalWidth > 0 && p.alt"
    page.wait_for_function(
        f"() => {{ const pictures = [...document.querySelectorAll('[class*=st-key-card-] img')];"
        f" return pictures.length && pictures.every({drawn}); }}",
        timeout=TIMEOUT_MS,
    )


def wait_until_calm(page: Page) -> None:
    """Wait until no script has run for a while: Streamlit fades what a run has not drawn again yet."""
    page.wait_for_function(
        """() => {
          const app = document.querySelector("[data-testid=stApp]");
          const isBusy = app.dataset.testScriptState !== "notRunning" || document.querySelector("[data-stale=true]");
          window.calmSince = isBusy ? null : window.calmSince ?? performance.now();
          return !isBusy && performance.now() - window.calmSince > 700;
        }"""
    )


def expect_other_names(page: Page, before: list[str]) -> list[str]:
    """Wait until the cards show other products than before, and return their names."""
    page.wait_for_function(
        "before => { const now = [...document.querySelectorAll('[class*=st-key-card-] strong')].map(n => n.innerText);"
        " return now.length && now.join() !== before; }",
        arg=",".join(before),
    )
    shown, end = names(page), time.monotonic() + TIMEOUT_MS / 1000
    while time.monotonic() < end:  # until two looks agree: a second run may still be drawing
        page.wait_for_timeout(300)
        last, shown = shown, names(page)
        if shown == last and shown != before:
            return shown
    raise AssertionError(f"the cards do not stay: {shown}")


def button(page: Page, name: str, exact: bool = False) -> Locator:
    return page.get_by_role("button", name=name, exact=exact)


def cell(page: Page, row: int, column: int) -> Locator:
    """Return a cell of the grid over the first picture; rows and columns count from 1."""
    return page.get_by_role("button", name=f"Row {row}, column {column}", exact=True).first


def expect_marked(page: Page, count: int) -> None:
    """Expect this many cells of the grid to be marked; the grid may be drawn after the cards."""
    expect(page.locator(".grid button")).not_to_have_count(0)
    expect(page.locator(".grid button[aria-pressed=true]")).to_have_count(count)


def middle(cell: Locator) -> tuple[float, float]:
    box = cell.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def wait_for_start(page: Page) -> Page:
    """Wait for the page of a first visit, and return it."""
    expect(page.get_by_test_id("stFileUploader")).to_be_visible()
    return page


def open_catalogue(page: Page) -> Page:
    """Go from the start page to the page for staff as a visitor does, and return it."""
    wait_for_start(page)
    is_narrow = page.viewport_size["width"] < 641  # where a button hides the pages
    if is_narrow:
        page.get_by_test_id("stExpandSidebarButton").click()
    page.get_by_role("link", name=texts.CATALOGUE_PAGE).click()
    if is_narrow:
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    expect(page.get_by_role("tab").first).to_be_in_viewport()
    return page


@pytest.fixture(scope="session")
def demo_shop(serve, demo_index):
    """The address of one server over the demo catalogue, with the page for staff, shared by all browser tests."""
    return serve(demo_index, LOOKALIKE_STAFF_PAGE="1")


@pytest.fixture(scope="module")
def browser(chromium):
    """A real Chromium with a fake camera."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(request, browser, demo_shop):
    """visit(size, path, **context) opens the app. The test fails if any page it opened logs an error."""
    opened, problems = [], []

    def note_error(message):
        """Note an error and the picture that it is about, if any."""
        picture = re.search(r"/media/(\w+\.(?:jpe?g|png|webp))", f"{message.text} {message.location.get('url', '')}")
        problems.append((picture and picture[1], message.text))

    def open_page(size="desktop", path="", address=demo_shop, **context):
        page = browser.new_context(viewport=SIZES[size], has_touch=size == "phone", **context).new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("console", lambda message: message.type == "error" and note_error(message))
        page.on("pageerror", lambda error: problems.append((None, str(error))))
        page.goto(address + path)
        opened.append((size, page))
        return page

    yield open_page
    ARTIFACTS.mkdir(exist_ok=True)
    name = re.sub(r"[^\w]+", "-", request.node.name).strip("-")
    shown = ""
    for number, (size, page) in enumerate(opened):
        page.screenshot(path=ARTIFACTS / f"{name}-{size}-{number}.png")
        shown += page.evaluate("[...document.images].map(image => image.src).join()")
        page.context.close()
    # The server gives up an answer's pictures when a newer answer replaces them, even while the browser fetches them.
    assert [text for picture, text in problems if picture is None or picture in shown] == []


@pytest.fixture(params=SIZES)
def page(request, visit, agreed_on):
    """The results of a product whose neighbors agree, at a desktop's or a phone's size."""
    page = visit(request.param, product_path(agreed_on))
    expect_answer(page)
    return page
