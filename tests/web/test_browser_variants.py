"""A shop whose products have several pictures and variants, from its feed to one card each, in a real browser."""

import base64

import pytest
from playwright.sync_api import expect

from lookalike.extraction.build import build_index
from lookalike.web import texts
from tests.extraction.test_feed_catalogue import PICTURES, PictureServer, fetch, line, write
from tests.support.browser import SIZES, button, cards, choose, expect_answer, names
from tests.support.shop_page import running_shop
from tests.web.api.conftest import start  # noqa: F401
from tests.web.api.test_api import ask

SHOP = "https://shop.example/p"


@pytest.fixture(scope="module")
def index(embedder, tmp_path_factory):
    """The index of a feed: a blue shirt of two pictures in two sizes, the same in red, and five other products."""
    folder, server = tmp_path_factory.mktemp("variants"), PictureServer()
    server.add(12)

    def at(*numbers):
        return [f"{server.address}/{number}.jpg" for number in numbers]

    def of(color, size, **more):
        return {"title": f"{color} shirt", "color": color, "size": size, "item_group_id": "shirt"} | more

    lines = [
        line("blue-m", *at(0, 1), **of("Blue", "M", link=f"{SHOP}/blue-m")),
        line("blue-l", *at(0, 1), **of("Blue", "L", link=f"{SHOP}/(blue)-l")),
        line("blue-s", *at(0), **of("Blue", "S", availability="out of stock")),
        line("red-m", *at(4), **of("Red", "M", link=f"{SHOP}/red-m", availability="out of stock")),
        line("red-l", *at(4), **of("Red", "L", link=f"{SHOP}/red-l")),
        *(line(f"other-{number}", *at(number), color="Green") for number in range(5, 10)),
    ]
    catalogue = fetch(write(folder / "feed.jsonl", lines), folder, server)
    server.stop()
    build_index(catalogue.images, folder, embedder, styles=catalogue.styles)
    return folder


@pytest.fixture(scope="module")
def shop(serve, index):
    return serve(index)


@pytest.mark.parametrize("size", SIZES)
def test_a_card_shows_the_picture_that_fits_and_its_variants(visit, shop, size):
    page = visit(size, address=shop)
    choose(page, PICTURES[1])
    expect_answer(page)
    shown = names(page)
    assert shown[0] == "Blue shirt" and not any("shirt" in name for name in shown[1:])
    card = cards(page).first
    sizes = card.locator("[class*=st-key-sizes-]")
    expect(sizes).to_contain_text("Sizes: S · M · L")
    expect(sizes.get_by_role("link", name="L")).to_have_attribute("href", f"{SHOP}/(blue)-l")
    expect(sizes.locator("del, s")).to_have_text("S")
    expect(card.get_by_text(texts.ALSO_IN)).to_be_visible()
    red = button(card, "Red", exact=True)
    box = red.bounding_box()
    assert box["height"] >= 24 and box["width"] >= 24
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    red.click()
    page.wait_for_url("**product=red-l**")
    expect_answer(page)
    query = page.locator(".st-key-query")
    expect(button(query, "Blue", exact=True)).to_be_visible()
    expect(query.locator("[class*=st-key-sizes-]")).to_contain_text("Sizes: M · L")
    assert not any("shirt" in name for name in names(page)) and len(names(page)) == 5


def test_the_picture_on_the_card_is_the_one_that_fits_and_why_is_about_it(visit, shop):
    page = visit("desktop", address=shop)
    choose(page, PICTURES[1])
    expect_answer(page)
    by_second = cards(page).first.locator("img").first.get_attribute("src")
    button(cards(page).first, texts.WHY).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(texts.WHY_COLORS)).to_be_visible()
    expect(dialog.locator("img")).to_have_count(2)
    other = visit("desktop", address=shop)
    choose(other, PICTURES[0])
    expect_answer(other)
    assert cards(other).first.locator("img").first.get_attribute("src") != by_second
    assert names(other)[0] == "Blue shirt"


def test_the_api_tells_the_picture_the_pictures_and_the_variants(start, index):  # noqa: F811
    api = start(index)
    assert ask(f"{api}/v1/index")[2]["products"] == 10
    photo = {"base64": base64.b64encode(PICTURES[1].read_bytes()).decode()}
    status, _, answer = ask(f"{api}/v1/similar", {"photos": [photo], "k": 3})
    assert status == 200
    first = answer["matches"][0]
    product = first["product"]
    one, two = (f"/v1/products/{product['id']}{more}/picture" for more in ("", "~2"))
    assert product["id"] in ("blue-m", "blue-l") and first["distance"] < 0.02
    assert product["picture"] == two and product["pictures"] == [one, two] and product["name"].endswith("~2.jpg")
    assert sorted(v["id"] for v in product["variants"]) == sorted(
        {"blue-m", "blue-l", "blue-s", "red-m", "red-l"} - {product["id"]}
    )
    red = next(variant for variant in product["variants"] if variant["id"] == "red-m")
    assert red == {
        "id": "red-m", "picture": "/v1/products/red-m/picture", "link": f"{SHOP}/red-m", "color": "Red", "size": "M",
        "in_stock": False,
    }  # fmt: skip
    assert not any(match["product"]["attributes"].get("item_group_id") for match in answer["matches"][1:])
    for asked in ("blue-m", "blue-m~2"):
        found = ask(f"{api}/v1/products/{asked}/similar?k=10")[2]["matches"]
        assert [match["product"]["id"][:5] for match in found] == ["other"] * 5
        assert ask(f"{api}/v1/products/{asked}")[2]["id"] == "blue-m"
    filtered = ask(f"{api}/v1/similar", {"photos": [photo], "filters": {"baseColour": ["Red"]}, "k": 3})[2]["matches"]
    assert [match["product"]["attributes"]["baseColour"] for match in filtered] == ["Red"]
    assert ask(f"{api}/v1/facets")[2]["facets"]["baseColour"] == {"Blue": 3, "Green": 5, "Red": 2}
    found = ask(f"{api}/v1/products?q=shirt")[2]["products"]
    assert [one["attributes"]["item_group_id"] for one in found] == ["shirt"] and len(found[0]["variants"]) == 4


def test_the_shops_own_page_names_the_variants(browser, start, index):  # noqa: F811
    with running_shop() as shop:
        api = start(index, LOOKALIKE_API_ORIGINS=shop.address)
        shop.page = (
            f'<!doctype html><title>Shop</title><script src="{api}/embed.js" data-text-colors="Auch in" defer></script>'
            '<lookalike-similar product="other-5"></lookalike-similar>'
        )
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(shop.address)
        card = page.locator("lookalike-similar li").filter(has_text="shirt")
        expect(card).to_contain_text("Auch in: ")
        is_blue = "Blue shirt" in card.inner_text()
        expect(card).to_contain_text("Auch in: Red" if is_blue else "Auch in: Blue")
        expect(card).to_contain_text("Sizes: S · M · L" if is_blue else "Sizes: M · L")
        expect(card.locator("s")).to_have_text("S" if is_blue else "M")
        others = page.locator("lookalike-similar li").filter(has_not_text="shirt")
        expect(others).to_have_count(4)
        assert "Sizes" not in others.first.inner_text()
        page.close()
