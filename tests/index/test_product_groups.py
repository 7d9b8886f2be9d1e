"""Which pictures show one product, and which products are variants."""

from pathlib import Path

import numpy as np
import pytest

from lookalike.index.facets import Facets
from lookalike.index.product_groups import find_attributes, first_name, further_name
from lookalike.index.reading import Index


def index_of(names, attributes=None):
    spaces = {"look": np.eye(len(names), dtype=np.float32)}
    return Index(Path("/shop"), tuple(names), spaces, attributes or {}, {})


def firsts(index):
    return index.groups and index.groups.first.tolist()


def test_further_pictures_are_named_by_their_product():
    assert first_name("A~2") == "A" and first_name("a/b~9") == "a/b" and further_name("A", 2) == "A~2"
    for other in ("A", "A~1", "A~10", "A~", "~2", "A~x"):
        assert first_name(other) is None


def test_pictures_of_one_product_share_its_id_its_attributes_and_its_identity():
    index = index_of(["img/A.jpg", "img/A~2.png", "img/A~9.jpg", "img/B.jpg"], {"A": {"kind": "Shirt"}})
    assert firsts(index) == [0, 0, 0, 3] and index.product_count == 2
    for row in range(3):
        product = index.product(row)
        assert (product.id, product.identity, product.attributes) == ("A", "A", {"kind": "Shirt"})
        assert product.name == index.names[row] and index.picture_row(product) == row
        assert index.pictures_of(product) == ["A", "A~2", "A~9"] and index.variants_of(product) == ()
    assert index.row("A~2") == 1 and index.row("A") == 0 and index.identity(1) == "A"
    assert index.group_rows([1]) == [0, 1, 2] and index.one_of_each([3, 2, 0]) == [3, 2]


@pytest.mark.parametrize(
    "names, attributes",
    [
        (["A.jpg", "B.jpg"], {}),
        (["PICTUR~1.JPG", "PICTUR~2.JPG", "PICTUR~3.JPG"], {}),  # what Windows calls files of long names
        (["a/A.jpg", "b/A~2.jpg"], {}),
        (["A.jpg", "A~2.jpg"], {"A": {"kind": "Shirt"}, "A~2": {"kind": "Shoes"}}),
        (["A.jpg", "B.jpg"], {"A": {"item_group_id": "1"}, "B": {"item_group_id": "2"}}),
        (["A.jpg", "B.jpg"], {"A": {"item_group_id": "1"}}),
        (["A.jpg", "B.jpg"], {"A": {"group": "1"}, "B": {"group": "1"}}),
    ],
)
def test_other_pictures_are_products_of_their_own(names, attributes):
    index = index_of(names, attributes)
    assert index.groups is None and index.product_count == len(names)
    assert index.product(1).first == "" and index.product(1).identity == Path(names[1]).stem
    assert index.group_rows([1]) == [1] and index.variants_of(index.product(0)) == ()


def test_without_a_first_picture_the_others_are_products_with_its_attributes():
    index = index_of(["A~2.jpg", "A~3.jpg"], {"A": {"kind": "Shirt"}})
    assert index.groups is None and index.attributes_of(1) == {"kind": "Shirt"}
    assert find_attributes({"A": {"kind": "Shirt"}, "A~2": {}}, "A~2") == {}


@pytest.mark.parametrize("column", ["item_group_id", "item group id", "itemGroupId"])
def test_products_of_one_group_are_variants_with_all_their_pictures(column):
    attributes = {"A": {column: "g"}, "B": {column: "g"}, "C": {"other": "g"}, "D": {column: "h"}}
    index = index_of(["A.jpg", "A~2.jpg", "B.jpg", "B~2.jpg", "C.jpg", "D.jpg"], attributes)
    groups = index.groups
    assert groups.first.tolist() == [0, 0, 2, 2, 4, 5] and groups.group.tolist() == [0, 0, 0, 0, 4, 5]
    assert (groups.product_count, groups.max_size, groups.mean_size) == (4, 4, 2)
    assert [one.identity for one in index.variants_of(index.product(1))] == ["B"]
    assert groups.members(3) == [0, 1, 2, 3] and groups.variants(3) == [0] and groups.pictures(3) == [2, 3]
    assert groups.first_places([4, 3, 1, 5]).tolist() == [0, 1, 3]


def test_facets_count_products_and_filter_all_their_pictures():
    attributes = {"A": {"gender": "Men"}, "B": {"gender": "Women"}, "C": {"gender": "Men"}}
    index = index_of(["A.jpg", "A~2.jpg", "A~3.jpg", "B.jpg", "C.jpg"], attributes)
    facets = index.facets()
    assert facets.counts({}) == {"gender": {"Men": 2, "Women": 1}}
    assert facets.counts({"gender": ["Women"]}) == {"gender": {"Men": 2, "Women": 1}}
    assert facets.mask({"gender": ["Men"]}).tolist() == [True, True, True, False, True]
    rows = [index.attributes_of(row) for row in range(5)]
    assert Facets(rows).counts({}) == {"gender": {"Men": 4, "Women": 1}}
