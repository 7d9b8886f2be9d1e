"""Renew the pictures of README.md, with a server over the index of the demo catalogue that runs already.

python -m lookalike serve --headless & python docs/screenshots.py http://localhost:8501 /usr/bin/chromium
"""

import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent
# The green checked dress.
PRODUCT = "/?product=10012"
DESKTOP, PHONE = {"width": 1280, "height": 760}, {"width": 390, "height": 844}
TIMEOUT_MS = 60_000
CALM_MS = 2_000


def open_answer(page: Page, address: str) -> Page:
    """Open the answer to a product, and wait until its pictures are there and nothing moves."""
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(address + PRODUCT)
    page.locator("[class*=st-key-card-5] img").wait_for()
    page.get_by_text("Looks like").wait_for()
    page.wait_for_timeout(CALM_MS)
    return page


def main(address: str, chromium: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = open_answer(browser.new_page(viewport=DESKTOP), address)
        page.screenshot(path=FOLDER / "app-desktop.png")
        page.locator("[class*=st-key-card-2]").get_by_role("button", name="Why?").click()
        page.get_by_text("Colors they share").wait_for()
        page.wait_for_timeout(CALM_MS)
        page.screenshot(path=FOLDER / "app-why.png")
        page = open_answer(browser.new_page(viewport=PHONE, has_touch=True), address)
        page.screenshot(path=FOLDER / "app-phone.png")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
