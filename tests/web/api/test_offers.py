"""What the API tells of offers, and how the script tag shows them on the shop's own page."""

import csv
import shutil

import pytest
from playwright.sync_api import expect

from lookalike.extraction.build import build_index
from tests.support.data import ROOT
from tests.support.shop_page import running_shop
from tests.web.api.test_api import ask

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><script src="{api}/embed.js" defer></script>
<lookalike-similar product="0"></lookalike-similar></html>"""


@pytest.fixture(scope="module")
def offers_index(embedder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("offers")
    (folder / "images").mkdir()
    for number, path in enumerate(sorted((ROOT / "images").glob("*.jpg"))[:3]):
        shutil.copy(path, folder / "images" / f"{number}.jpg")
    with open(folder / "styles.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "title", "price", "sale_price", "availability", "link"))
        writer.writerow((1, "One", "59.90 EUR", "39.90 EUR", "in_stock", "https://shop.example/1"))
        writer.writerow((2, "Two", "from 20", "", "out of stock", "javascript:alert(1)"))
    build_index(folder / "images", folder, embedder, styles=folder / "styles.csv")
    return folder


@pytest.fixture(scope="module")
def shop():
    """A shop's server that gives a page set by the test; its address is on another origin than the API."""

    with running_shop() as shop:
        yield shop


def test_offers_are_told_and_shown_on_the_shops_own_page(start, offers_index, browser, shop):
    address = shop.address
    api = start(offers_index, LOOKALIKE_API_ORIGINS=address)
    _, _, one = ask(f"{api}/v1/products/1")
    assert one["link"] == "https://shop.example/1" and one["in_stock"]
    assert one["price"] == {"amount": "59.90", "currency": "EUR"} and one["sale_price"]["amount"] == "39.90"
    _, _, two = ask(f"{api}/v1/products/2")
    assert two["link"] is two["price"] is None and not two["in_stock"]
    priced = ask(f"{api}/v1/similar", {"product": "0", "filters": {"price": ["..40"]}})
    assert priced[0] == 422 and "no column price" in priced[2]["detail"]  # a single price tells nothing apart
    shop.page = PAGE.format(api=api)
    page = browser.new_context().new_page()
    page.goto(address)
    card = page.locator("lookalike-similar").get_by_role("link", name="One")
    expect(card).to_contain_text("€39.90 €59.90")
    expect(card).to_have_attribute("href", "https://shop.example/1")
    expect(page.locator("lookalike-similar li")).to_have_count(2)
    expect(page.locator("lookalike-similar").get_by_role("link")).to_have_count(1)
    page.context.close()
