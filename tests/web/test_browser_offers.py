"""A shop whose table has prices and links, in a real browser: what cards say, and where they lead."""

import csv
import shutil
import socket
import urllib.request

import pytest
from playwright.sync_api import expect

from lookalike.extraction.build import build_index
from lookalike.web import texts
from tests.support.browser import ROOT, SIZES, cards, expect_answer
from tests.support.shop_page import running_shop

COUNT = 8


@pytest.fixture(scope="module")
def shop_page():
    """The shop's own pages: the address of a server that answers every path with it."""

    with running_shop() as shop:
        yield shop.address


@pytest.fixture(scope="module")
def shop(serve, index):
    return serve(index)


@pytest.fixture(scope="module")
def index(embedder, shop_page, tmp_path_factory):
    folder = tmp_path_factory.mktemp("offers")
    (folder / "images").mkdir()
    for number, path in enumerate(sorted((ROOT / "images").glob("*.jpg"))[:COUNT]):
        shutil.copy(path, folder / "images" / f"{number}.jpg")
    columns = ("id", "productDisplayName", "price", "sale_price", "availability", "link")
    with open(folder / "styles.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for number in range(COUNT):
            sale, stock = ("1.039,50 EUR", "in stock") if number % 2 else ("", "out_of_stock")
            writer.writerow([number, f"Thing {number}", "$ 2099.00", sale, stock, f"{shop_page}/p/{number}"])
        writer.writerow([99, "Gone", "from 20", "", "", "javascript:alert(1)"])
    build_index(folder / "images", folder, embedder, styles=folder / "styles.csv")
    return folder


@pytest.mark.parametrize("size", SIZES)
def test_a_card_has_its_price_and_leads_to_the_shops_page(visit, shop, shop_page, size):
    page = visit(size, "/?product=0", address=shop)
    expect_answer(page)
    card = cards(page).filter(has_text="€1,039.50").first
    number = card.locator("strong").inner_text().removeprefix("Thing ")
    expect(card.locator("del, s")).to_have_text("$2,099")
    expect(cards(page).filter(has_not_text="€1,039.50").first).to_contain_text("Out of stock")
    with page.expect_popup() as opened:
        card.get_by_role("link", name=texts.TO_THE_SHOP).click()
    opened.value.wait_for_load_state()
    assert opened.value.url == f"{shop_page}/p/{number}"
    assert opened.value.evaluate("window.opener") is None
    expect(page.get_by_role("link", name=texts.TO_THE_SHOP).first).to_have_attribute("href", f"{shop_page}/p/0")


def test_where_clicks_are_counted_a_link_leads_by_this_server_to_the_same_page(
    visit, serve, index, shop_page, tmp_path
):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = {"LOOKALIKE_CLICKS": str(tmp_path), "LOOKALIKE_METRICS_PORT": str(port)}
    address = serve(index, script="lookalike/web/server.py", **settings)
    page = visit("desktop", "/?product=0", address=address)
    expect_answer(page)
    number = cards(page).nth(1).locator("strong").inner_text().removeprefix("Thing ")
    link = cards(page).nth(1).get_by_role("link", name=texts.TO_THE_SHOP)
    expect(link).to_have_attribute("href", f"go/{number}?rank=2")
    with page.expect_popup() as opened:
        link.click()
    opened.value.wait_for_url(f"{shop_page}/p/{number}")
    assert opened.value.evaluate("window.opener") is None
    assert opened.value.locator("#referrer").inner_text() == ""
    metrics = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics").read().decode()
    assert 'lookalike_clicks_total{event="link",rank="2"} 1.0' in metrics
    assert 'lookalike_clicks_total{event="shown",rank="5"} 1.0' in metrics
