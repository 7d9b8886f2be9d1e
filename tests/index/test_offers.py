"""What a shop's table says of an offer, as shops write it, and what of it may be shown."""

from decimal import Decimal

import pytest

from lookalike.index.attribute_head import columns_to_learn
from lookalike.index.facets import Facets
from lookalike.index.offers import Offer, offer_of
from lookalike.index.prices import Price
from lookalike.web.texts import availability_line, price_line


def test_prices_stock_and_link_are_read():
    offer = offer_of(
        {
            "price": "59.90",
            "sale_price": "39,90 €",
            "currency": "EUR",
            "availability": "out_of_stock",
            "link": "https://shop.example/p/1?a=b",
        }
    )
    assert offer == Offer(
        Price(Decimal("59.90"), "EUR"), Price(Decimal("39.90"), "EUR"), "out of stock", "https://shop.example/p/1?a=b"
    )
    assert price_line(offer) == "€39.90 ~~€59.90~~" and availability_line(offer) == "Out of stock"


def test_what_is_no_offer_counts_as_unknown():
    assert offer_of({}) == Offer() and price_line(Offer()) == "" and offer_of({}).is_in_stock
    assert offer_of({"price": "from 20"}).price is None
    only_sale = offer_of({"sale_price": "20 PLN"})
    assert price_line(only_sale) == "20 PLN" and only_sale.sale_price is None
    assert offer_of({"price": "20", "sale_price": "25"}).sale_price is None
    assert price_line(offer_of({"price": "1.299,00 $"})) == r"\$1,299"


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)", "data:text/html,x", "//shop.example/p", "/p/1", "ftp://shop.example/p", "https://",
        "https://shop.example@evil.example/", "https://shop.example/a b", 'https://shop.example/"x', "https://[::1",
        "https://shop.example\\@evil.example", "https://shop.example/\u202ep",
    ],
)  # fmt: skip
def test_only_web_addresses_become_links(link):
    assert offer_of({"link": link}).link is None


def test_an_offer_is_neither_learned_nor_filtered_by_but_for_stock_and_size():
    rows = [
        {
            "price": str(n % 3),
            "currency": "EUR" if n % 2 else "USD",
            "group": f"G{n % 4}",
            "link": f"https://x/{n % 3}",
            "availability": "in stock" if n % 2 else "out of stock",
            "size": "SML"[n % 3],
            "kind": "ab"[n % 2],
        }
        for n in range(300)
    ]
    assert columns_to_learn(rows) == ["kind"]
    assert set(Facets(rows).words) == {"availability", "size", "kind"}
