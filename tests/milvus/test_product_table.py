import numpy as np
import pytest

from lookalike.index.facets import Facets
from lookalike.milvus.product_table import AttributesById, ProductTable, column_order

NAMES = ("images/1.jpg", "a/日本 😀.png", "b/1.png", "images/half\udc80.jpg")
ATTRIBUTES = ({"gender": "Men"}, {}, {"gender": "Women", "use": 'say "x"'}, {"use": ""})


@pytest.fixture
def table():
    table = ProductTable(("gender",))
    for name, own in zip(NAMES, ATTRIBUTES):
        table.add(name, own)
    return table


def test_what_was_added_comes_back(table):
    assert tuple(table.names) == NAMES and len(table.names) == 4 and table.names[-1] == NAMES[-1]
    assert tuple(table.attributes(row) for row in range(4)) == ATTRIBUTES
    with pytest.raises(IndexError):
        table.names[4]


def test_an_id_has_the_row_of_its_first_product(table):
    assert [table.row(identity) for identity in ("1", "日本 😀", r"half\udc80", "2", "")] == [0, 1, 3, None, None]


def test_a_product_whose_id_another_has_too_is_found_by_its_name(table):
    assert [table.row(name) for name in NAMES] == [0, 1, 2, 3] and table.row("c/1.png") is None


def test_by_id_only_products_with_attributes_are_there(table):
    by_id = AttributesById(table)
    # The id 1 is that of two products, and the first's words stand for it.
    assert dict(by_id) == {"1": {"gender": "Men"}, r"half\udc80": {"use": ""}}
    assert len(by_id) == 2 and by_id and by_id.get("日本 😀", {}) == {} and not AttributesById(ProductTable())


def test_packed_columns_give_the_facets_that_dicts_give():
    rng = np.random.default_rng(0)
    rows = [
        {c: f"{c} {rng.integers(5)}" for c in ("season", "gender", "other") if rng.random() < 0.8} for _ in range(200)
    ]
    table = ProductTable(column_order(rows))
    for number, own in enumerate(rows):
        table.add(f"{number}.jpg", own)
    expected, found = Facets(rows), Facets.packed(200, table.packed(("other", "season", "gender", "none")))
    assert found.words == expected.words and list(found.words) == ["gender", "season", "other"]
    for column in expected.codes:
        np.testing.assert_array_equal(found.codes[column], expected.codes[column])


def test_columns_stand_in_the_order_that_products_tell_them():
    assert column_order([{"a": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}, {"d": 1}, {}]) == ("d", "a", "b", "c")
    assert column_order([]) == ()
