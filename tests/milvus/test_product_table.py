import unicodedata

import numpy as np
import pytest

from lookalike.index.facets import Facets
from lookalike.index.price_ranges import Prices
from lookalike.milvus.product_table import AttributesById, ProductTable, merge_column_orders

NAMES = ("images/1.jpg", "a/日本 😀.png", "b/1.png", "images/half\udc80.jpg")
ATTRIBUTES = ({"gender": "Men"}, {}, {"gender": "Women", "use": 'say "x"'}, {"use": ""})


@pytest.fixture
def table():
    table = ProductTable(("gender",))
    for name, own in zip(NAMES, ATTRIBUTES):
        table.add(name, own)
    return table


def test_added_products_come_back(table):
    assert tuple(table.names) == NAMES and len(table.names) == 4 and table.names[-1] == NAMES[-1]
    assert tuple(table.attributes(row) for row in range(4)) == ATTRIBUTES
    assert table.names[1:3] == list(NAMES[1:3])
    with pytest.raises(IndexError):
        table.names[4]


def test_an_id_has_the_row_of_its_first_product(table):
    assert [table.row(identity) for identity in ("1", "日本 😀", r"half\udc80", "2", "")] == [0, 1, 3, None, None]


def test_an_id_has_its_row_in_any_unicode_form():
    composed, apart = (unicodedata.normalize(form, "été") for form in ("NFC", "NFD"))
    table = ProductTable()
    table.add(f"images/{apart}.jpg", {"gender": "Men"})
    assert table.row(composed) == table.row(apart) == 0 and dict(AttributesById(table)) == {composed: {"gender": "Men"}}


def test_a_product_that_shares_its_id_is_found_by_its_name(table):
    assert [table.row(name) for name in NAMES] == [0, 1, 2, 3] and table.row("c/1.png") is None


def test_a_name_that_is_another_products_id_is_found_with_its_folder():
    table = ProductTable()
    for name in ("a/1.png", "1.jpg", "1.jpg.png"):
        table.add(name, {})
    assert [table.row(identity) for identity in ("1", "./1.jpg", "1.jpg")] == [0, 1, 2]


def test_attributes_by_id_contain_only_products_that_have_some(table):
    by_id = AttributesById(table)
    # Two products have the id 1. It stands for the first.
    assert dict(by_id) == {"1": {"gender": "Men"}, r"half\udc80": {"use": ""}}
    assert len(by_id) == 2 and by_id and by_id.get("日本 😀", {}) == {} and not AttributesById(ProductTable())


def test_encoded_columns_give_the_same_facets_as_dicts():
    rng = np.random.default_rng(0)
    rows = [
        {c: f"{c} {rng.integers(5)}" for c in ("season", "gender", "other") if rng.random() < 0.8} for _ in range(200)
    ]
    table = ProductTable(merge_column_orders(rows))
    for number, own in enumerate(rows):
        table.add(f"{number}.jpg", own)
    expected, found = Facets(rows), Facets.packed(200, table.encoded_columns(("other", "season", "gender", "none")))
    assert found.words == expected.words and list(found.words) == ["gender", "season", "other"]
    for column in expected.codes:
        np.testing.assert_array_equal(found.codes[column], expected.codes[column])


def test_columns_keep_the_order_that_they_have_in_products():
    assert merge_column_orders([{"a": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}, {"d": 1}, {}]) == ("d", "a", "b", "c")
    assert merge_column_orders([]) == ()


def test_prices_read_from_a_table_are_those_read_from_dicts():
    rows = [{"price": f"{n}.90", "currency": "EUR"} if n % 29 else {"price": f"{n} USD"} for n in range(200)]
    rows[5] = {"price": "100 EUR", "sale_price": "0.5 EUR"}
    rows[6], rows[7] = {}, {"price": "from 5"}
    table = ProductTable()
    for n, own in enumerate(rows):
        table.add(f"{n}.jpg", own)
    columns = ("price", "sale_price", "currency")
    prices = Prices((table.attributes(row, columns) for row in range(200)), "EUR")
    facets = Facets.packed(200, {}, prices=prices)
    expected = Facets(rows)
    assert facets.words == expected.words and facets.currency == "EUR" and facets.words["price"] == prices.bands
    np.testing.assert_array_equal(facets.prices.amounts, expected.prices.amounts)
    assert facets.counts({"price": ["..50"]}) == expected.counts({"price": ["..50"]})
    # The currency that the amounts on the server are in counts, whatever most prices are in.
    assert Prices(rows, "USD").currency == "USD" and Prices(rows, "USD").bands == ()
    assert Facets.packed(200, {}).words == {}
