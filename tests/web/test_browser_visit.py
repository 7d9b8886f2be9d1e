"""A whole visit, with a real server and a real Chromium: restarts, a phone asleep, Back and Forward, a reload."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from playwright.sync_api import Error, Page, expect

from lookalike.web import texts
from lookalike.web.catalogue import texts as staff_texts
from tests.support.browser import (
    ARTIFACTS,
    SIZES,
    TIMEOUT_MS,
    button,
    cards,
    cell,
    choose,
    expect_answer,
    expect_marked,
    expect_names,
    expect_other_names,
    middle,
    names,
    product,
    product_path,
    wait_for_start,
    wait_until_calm,
)
from tests.support.data import ROOT
from tests.support.server import searched_index, wait_until_healthy


class Shop:
    """A server that can be killed and started again at the same address, and cut off from those who visit it."""

    def __init__(self, index, **environment):
        self.index, self.environment, self.process, self.pipes = index, environment, None, []
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.door = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.door.getsockname()[1]}"
        self.is_open = True
        threading.Thread(target=self._let_in, daemon=True).start()

    def start(self):
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
        command += ["--server.address", "127.0.0.1", "--server.port", str(self.port)]
        variables = {**os.environ, "LOOKALIKE_INDEX": searched_index(self.index), **self.environment}
        variables |= {"LOOKALIKE_QUERIES_PER_MINUTE": "0"} | self.environment
        self.process = subprocess.Popen(command, cwd=ROOT, env=variables)
        wait_until_healthy(f"http://127.0.0.1:{self.port}")
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def cut_off(self):
        """End every connection, and let nobody in."""
        self.is_open = False
        for pipe in self.pipes:
            with contextlib.suppress(OSError):
                pipe.shutdown(socket.SHUT_RDWR)
        self.pipes.clear()

    def stop(self):
        self.cut_off()
        self.door.close()
        self.kill()

    def _let_in(self):
        while True:
            try:
                visitor = self.door.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.port)) if self.is_open else None
            except OSError:
                if self.door.fileno() < 0:
                    return
                server = None
            if server is None:
                visitor.close()
                continue
            self.pipes += [visitor, server]
            for source, target in ((visitor, server), (server, visitor)):
                threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source, target):
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def shop(demo_index):
    """A shop that forgets a visitor whose connection is gone for a second."""
    shop = Shop(demo_index, STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL="1").start()
    yield shop
    shop.stop()


@pytest.fixture
def enter(request, browser, shop):
    """enter(size, path, **context) opens the app as a new visitor."""
    pages = []

    def open_page(size, path="", address=shop.address, **context):
        page = browser.new_context(viewport=SIZES[size], has_touch=size == "phone", **context).new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.goto(address + path)
        pages.append(page)
        return page

    yield open_page
    ARTIFACTS.mkdir(exist_ok=True)
    for number, page in enumerate(pages):
        page.screenshot(path=ARTIFACTS / f"{request.node.name}-{number}.png")
        page.context.close()


def wait_for_connection(page: Page, state: str = "CONNECTED") -> None:
    page.wait_for_selector(f"[data-test-connection-state={state}]", timeout=60_000)


def restart(shop: Shop, *pages: Page) -> None:
    """Kill the server under open pages and start it again."""
    shop.kill()
    for page in pages:
        page.wait_for_selector("[data-testid=stApp]:not([data-test-connection-state=CONNECTED])", timeout=60_000)
    shop.start()
    for page in pages:
        wait_for_connection(page)


def sleep(shop: Shop, *pages: Page) -> None:
    """Cut pages off until the server has forgotten them, as a phone that sleeps is."""
    shop.cut_off()
    for page in pages:
        page.wait_for_selector("[data-testid=stApp]:not([data-test-connection-state=CONNECTED])", timeout=60_000)
    time.sleep(3)
    shop.is_open = True
    for page in pages:
        wait_for_connection(page)


def mark(page: Page, row: int, column: int, timeout: float = TIMEOUT_MS) -> None:
    """Tap a cell of the first picture."""
    cell(page, row, column).scroll_into_view_if_needed(timeout=timeout)
    page.mouse.click(*middle(cell(page, row, column)))


def note_answers(page: Page) -> list[bytes]:
    """Return a list that gets what the server sends of cards from the next connection on.

    What is on the page says little: it shows the last answer's cards until the server draws something else there.
    """
    answers: list[bytes] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda message: note_card(message, answers)))
    return answers


def note_card(message: str | bytes, answers: list[bytes]) -> None:
    if isinstance(message, bytes) and b"card-" in message:
        answers.append(message)


def expect_answer_again(page: Page, answers: list[bytes], expected: list[str]) -> None:
    """Wait until the server has answered, and the page shows these products."""
    end = time.monotonic() + TIMEOUT_MS / 1000
    while not answers and time.monotonic() < end:
        page.wait_for_timeout(100)
    assert answers, "the server drew no cards"
    expect_names(page, expected)


def set_filter(page: Page) -> None:
    """Show only what is for men, or for women where all results are for men already."""
    shown = cards(page).all_inner_texts()
    gender = next(one for one in ("Men", "Women") if not all(re.search(rf"· {one}\b", text) for text in shown))
    button(page, texts.FILTERS).click()
    page.get_by_test_id("stPopoverBody").locator("button").filter(has_text=re.compile(rf"^{gender} \(")).click()
    page.wait_for_url(f"**only.gender={gender}**")
    page.keyboard.press("Escape")


def expect_favorites(page: Page, count: int) -> None:
    expect(button(page, texts.favorites_label(count), exact=True).first).to_be_visible()


def expect_examples(page: Page) -> None:
    """Wait until the start page is drawn to its end."""
    page.wait_for_function(
        """() => {
          const pictures = [...document.querySelectorAll(".st-key-examples img")];
          return pictures.length && pictures.every(one => one.complete && one.naturalWidth)
            && document.querySelectorAll(".st-key-examples .stButton button").length;
        }"""
    )


def is_seen(locator) -> bool:
    """Return whether a person can see an element: it is larger than a trick for screen readers."""
    box = None
    for _ in range(20):
        with contextlib.suppress(Error):  # it was drawn anew just now
            locator.first.scroll_into_view_if_needed(timeout=1000)
            if box := locator.first.bounding_box():
                break
    return box is not None and box["width"] > 100 and box["height"] > 10


@pytest.mark.parametrize("away", [restart, sleep])
@pytest.mark.parametrize("size", SIZES)
def test_the_first_action_on_a_start_page_does_what_it_says(enter, shop, size, away):
    uploading, tapping, opening, finding = pages = [wait_for_start(enter(size)) for _ in range(4)]
    finding.get_by_label(texts.FIELD_LABEL).fill("dress")
    for page in pages:  # what scripts that did not come mean is in test_missing_scripts.py
        expect_examples(page)
    away(shop, *pages)
    choose(uploading, product())
    expect_answer(uploading)
    expect(uploading.get_by_role("heading", name=texts.YOUR_PHOTO, exact=True)).to_be_visible()
    tapping.locator(".st-key-examples .stButton button").nth(1).click()
    expect_answer(tapping)
    button(opening, texts.SURPRISE).click()
    expect_answer(opening)
    finding.get_by_label(texts.FIELD_LABEL).press("Enter")
    finding.locator(".st-key-found .stButton button").first.click()
    expect_answer(finding)


@pytest.mark.parametrize("away", [restart, sleep])
@pytest.mark.parametrize("size", SIZES)
def test_the_first_action_on_a_products_page_does_what_it_says(enter, shop, size, away, agreed_on):
    pages = [enter(size, product_path(agreed_on)) for _ in range(7)]
    first = [names(page) for page in pages][0]
    keeping, adding, asking, marking, filtering, uploading, choosing = pages
    away(shop, *pages)
    button(keeping, texts.KEEP, exact=True).first.click()
    expect_favorites(keeping, 1)
    button(adding, texts.MORE_RESULTS).click()
    expect_answer(adding, 10)
    button(asking, texts.WHY).first.click()
    expect(asking.get_by_role("dialog").locator("img")).to_have_count(2)
    mark(marking, 4, 4)
    marking.wait_for_url("**part=33**")
    expect_marked(marking, 1)
    filtering.locator(".st-key-chips button").first.click()
    filtering.wait_for_url("**only.**")
    button(uploading, texts.NEW_SEARCH).click()
    choose(uploading, product(60))
    expect(uploading.get_by_role("heading", name=texts.YOUR_PHOTO, exact=True)).to_be_visible()
    expect_answer(uploading)
    set_filter(choosing)
    expect_other_names(choosing, first)


@pytest.mark.parametrize("size", SIZES)
def test_a_photo_outlives_a_restart_and_a_reload(enter, shop, size):
    page = wait_for_start(enter(size))
    choose(page, product(), product(60))
    expect_answer(page)
    mark(page, 4, 4)
    page.wait_for_url("**part=33**")
    before, answers = names(page), note_answers(page)
    restart(shop, page)
    expect_answer_again(page, answers, before)
    expect_marked(page, 1)
    page.reload()
    expect_names(page, before)
    expect_marked(page, 1)
    expect(page.get_by_role("heading", name=texts.YOUR_PHOTOS, exact=True)).to_be_visible()
    button(page, texts.MORE_LIKE_THIS).first.click()
    page.wait_for_url("**product=**")
    expect_answer(page)
    sleep(shop, page)
    page.go_back()
    expect_names(page, before)


@pytest.mark.parametrize("lost", [b"found", b"returned"])
def test_a_photo_comes_back_though_a_message_is_lost(enter, shop, lost):
    page = wait_for_start(enter("phone"))
    choose(page, product())
    before, dropped, answers = names(page), [], []

    def relay(socket):
        server = socket.connect_to_server()

        def send_on(message):
            if lost in message and not dropped:
                dropped.append(message)
            else:
                server.send(message)

        def show(message):
            note_card(message, answers)
            socket.send(message)

        socket.on_message(send_on)
        server.on_message(show)

    page.route_web_socket("**/_stcore/stream**", relay)
    restart(shop, page)
    expect_answer_again(page, answers, before)
    assert dropped


@pytest.mark.parametrize("size", SIZES)
def test_a_photo_that_neither_server_nor_browser_has_is_asked_for_again(enter, shop, size):
    page = wait_for_start(enter(size))
    choose(page, product())
    expect_answer(page)
    page.evaluate("sessionStorage.clear()")
    restart(shop, page)
    expect(page.get_by_text(texts.PHOTO_GONE)).to_be_visible()
    assert is_seen(page.get_by_text(texts.PHOTO_GONE))
    for number in (0, 60):
        choose(page, product(number))
        expect_answer(page)
        expect(page.get_by_role("heading", name=texts.YOUR_PHOTO, exact=True)).to_be_visible()
        page.go_back()
        wait_for_start(page)


def test_an_address_shows_no_photo_in_another_tab(enter, shop):
    page = wait_for_start(enter("desktop"))
    choose(page, product())
    expect_answer(page)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_text(texts.PHOTO_GONE)).to_be_visible()


@pytest.mark.parametrize("size", SIZES)
def test_back_and_forward_walk_through_photos(enter, size):
    page = wait_for_start(enter(size))
    choose(page, product())
    first = names(page)
    button(page, texts.NEW_SEARCH).click()
    choose(page, product(60))
    second = expect_other_names(page, first)
    mark(page, 4, 4)
    page.wait_for_url("**part=33**")
    page.go_back()
    expect(page.locator(".grid button[aria-pressed=true]")).to_have_count(0)
    expect_names(page, second)
    page.go_back()
    expect_names(page, first)
    page.go_back()
    wait_for_start(page)
    expect(cards(page)).to_have_count(0)
    page.go_forward()
    expect_names(page, first)
    page.go_forward()
    expect_names(page, second)


@pytest.mark.parametrize("size", SIZES)
def test_back_closes_a_dialog_and_nothing_else(enter, size):
    page = enter(size, product_path())
    before = names(page)
    button(page, texts.MORE_LIKE_THIS).first.click()
    shown, address = expect_other_names(page, before), page.url
    dialog = page.get_by_role("dialog")
    for close in (page.go_back, lambda: page.keyboard.press("Escape"), page.go_back):
        button(page, texts.WHY).nth(1).click()
        expect(dialog.locator("img")).to_have_count(2)
        page.wait_for_function("history.state?.dialog")  # the step comes within a tenth of a second
        close()
        expect(dialog).to_have_count(0)
        expect_names(page, shown)
        page.wait_for_url(lambda url: url == address)
    page.go_back()
    expect_names(page, before)


@pytest.mark.parametrize("size", SIZES)
def test_favorites_outlive_a_reload_and_are_the_same_in_every_tab(enter, size):
    page = enter(size, product_path())
    expect_answer(page)
    for number in (0, 1):
        button(page, texts.KEEP, exact=True).nth(0).click()
        expect_favorites(page, number + 1)
        wait_until_calm(page)  # or the button still says what it said
    page.reload()
    expect_favorites(page, 2)
    other = page.context.new_page()
    other.goto(page.url)
    expect_favorites(other, 2)
    other.wait_for_timeout(700)  # nobody taps sooner on what has just appeared
    button(other, texts.KEPT, exact=True).first.click()
    expect_favorites(other, 1)
    expect_favorites(page, 1)


def test_a_refusal_that_passes_keeps_the_photo_and_goes_on_by_itself(enter, serve, demo_index):
    page = wait_for_start(enter("phone", address=serve(demo_index, LOOKALIKE_QUERIES_PER_MINUTE="12")))
    choose(page, product())
    expect_answer(page)
    refusal = page.get_by_text(texts.TOO_MANY_SEARCHES)
    for number in range(25):
        with contextlib.suppress(Error, TypeError):  # the refusal takes the place of the photo
            mark(page, number // 7 + 1, number % 7 + 1, timeout=1000)
        page.wait_for_timeout(500)
        if refusal.count():
            break
    assert is_seen(refusal)
    assert is_seen(button(page, texts.TRY_AGAIN))
    expect_answer(page)
    expect(page.get_by_role("heading", name=texts.YOUR_PHOTO, exact=True)).to_be_visible()


def test_a_whole_visit_loses_nothing(enter, shop):
    page = wait_for_start(enter("phone"))
    choose(page, product())
    first = names(page)
    set_filter(page)
    filtered = expect_other_names(page, first)
    button(page, texts.KEEP, exact=True).first.click()
    expect_favorites(page, 1)
    page.go_back()
    expect_names(page, first)
    page.go_forward()
    expect_names(page, filtered)
    button(page, texts.MORE_LIKE_THIS).nth(1).click()
    page.wait_for_url("**product=**")
    liked = names(page)
    restart(shop, page)
    button(page, texts.MORE_RESULTS).click()
    expect_answer(page, 10)
    expect_favorites(page, 1)
    sleep(shop, page)
    button(page, texts.KEEP, exact=True).last.click()
    expect_favorites(page, 2)
    page.go_back()
    expect_names(page, liked)
    page.go_back()
    expect_names(page, filtered)
    page.reload()
    expect_favorites(page, 2)
    expect_names(page, filtered)
    page.go_back()
    expect_names(page, first)


@pytest.mark.parametrize("size", SIZES)
def test_shoppers_see_no_page_for_staff(enter, size):
    page = wait_for_start(enter(size))
    expect(page.get_by_text(texts.CATALOGUE_PAGE, exact=True)).to_have_count(0)
    page = enter(size, "/catalogue")
    page.wait_for_timeout(3000)
    expect(page.get_by_text(staff_texts.LEAD)).to_have_count(0)


@pytest.mark.parametrize("size", SIZES)
def test_the_catalogues_tab_and_page_are_still_open_after_back(enter, demo_shop, size):
    page = enter(size, "/catalogue", address=demo_shop)
    page.get_by_role("tab", name=staff_texts.DOUBTS).click()
    card = page.locator("[class*=st-key-tile-]").first
    expect(card).to_be_visible()
    column = page.get_by_test_id("stButtonGroup").get_by_role("radio").last
    column.click()
    expect(column).to_be_checked()
    wait_until_calm(page)  # or the card is the last column's
    card.get_by_text(texts.MORE_LIKE_THIS).click()
    expect_answer(page)
    wait_until_calm(page)  # Streamlit lets a component's message that crosses Back undo it
    page.go_back()
    expect(page.get_by_role("tab", name=staff_texts.DOUBTS)).to_have_attribute("aria-selected", "true")
    expect(column).to_be_checked()
