"""Pictures that come twice and words in doubt, on vectors one can check by hand."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from lookalike.analysis import audit
from lookalike.index.reading import Index
from lookalike.web.downloads import csv_text, doubts_csv, same_pictures_csv


def unit(degrees):
    """Unit vectors (n, 2) at those angles: the distance of two is 2 sin of half the angle between them."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def index(words=None, **degrees):
    spaces = {name: unit(angles) for name, angles in degrees.items()}
    names = tuple(f"images/{row}.jpg" for row in range(len(spaces["look"])))
    attributes = {str(row): {"color": word} if word else {} for row, word in enumerate(words or [])}
    return Index(Path("shop"), names, spaces, attributes, {})


def ids(group):
    return [product.id for product in group.products]


def test_pictures_within_both_limits_are_one_group():
    found = audit.same_pictures(index(look=[0, 10, 90, 90, 180], fashion=[0, 5, 90, 90, 180]))
    assert [ids(group) for group in found] == [["0", "1"], ["2", "3"]]
    assert found[0].distance == pytest.approx(2 * np.sin(np.radians(5)), abs=1e-6)
    assert [group.exact for group in found] == [False, True]


def test_near_in_one_space_alone_is_another_picture():
    assert audit.same_pictures(index(look=[0, 0], fashion=[0, 10])) == ()
    assert audit.same_pictures(index(look=[0, 15], fashion=[0, 0])) == ()


def test_a_group_is_near_its_first_and_no_chain():
    groups = audit.same_pictures(index(look=[0, 0, 0], fashion=[0, 8, 16]))
    assert [ids(group) for group in groups] == [["0", "1"]]


def test_the_largest_group_comes_first_and_the_others_in_the_catalogues_order():
    groups = audit.same_pictures(index(look=[0, 90, 0, 90, 180, 180, 180]))
    assert [ids(group) for group in groups] == [["4", "5", "6"], ["0", "2"], ["1", "3"]]


def test_groups_name_the_columns_in_which_their_words_differ():
    found = audit.same_pictures(index(["red", "red", "red", "blue", "red", None], look=[0, 0, 90, 90, 180, 180]))
    assert [group.differing for group in found] == [(), ("color",), ("color",)]


def test_pairs_are_found_across_blocks(monkeypatch):
    small = index(look=[0, 60, 120, 180, 240, 0], fashion=[0, 60, 120, 180, 240, 0])
    monkeypatch.setattr(audit, "BLOCK", 2)
    assert [ids(group) for group in audit.same_pictures(small)] == [["0", "5"]]
    assert audit.nearest_products(small, 2).tolist()[0] == [5, 1]


def test_the_nearest_leave_out_the_product_itself_and_come_in_order():
    near = audit.nearest_products(index(look=[0, 10, 30, 70]), k=2)
    assert near.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]] and near.dtype == np.int32


def test_the_nearest_are_those_of_a_full_sort():
    rng = np.random.default_rng(3)
    many = index(look=rng.uniform(0, 360, 700))
    cosines = (many.look @ many.look.T).astype(np.float32)
    np.fill_diagonal(cosines, -2)
    assert (audit.nearest_products(many, 20) == np.argsort(-cosines, axis=1, kind="stable")[:, :20]).all()


def test_tuned_vectors_are_no_witness():
    plain = index(look=[0, 10, 30, 70], fashion=[0, 10, 30, 70])
    tuned = index(look=[0, 10, 30, 70], fashion=[0, 10, 30, 70], tuned=[0, 70, 1, 71])
    assert (audit.nearest_products(plain, 2) == audit.nearest_products(tuned, 2)).all()


def test_a_word_that_most_neighbors_gainsay_is_in_doubt():
    shop = index(["red", "blue", "blue", "blue", "green"], look=[0, 1, 2, 3, 90])
    found = audit.doubts(shop, "color", audit.nearest_products(shop, 3))
    assert [(d.product.id, d.word, d.suggested, d.share, d.own_share) for d in found] == [
        ("0", "red", "blue", 1.0, 0.0),
        ("4", "green", "blue", 1.0, 0.0),
    ]


def test_doubts_come_strongest_first_and_none_below_the_limit():
    near = np.array([[1, 2, 3, 5], [2, 3, 4, 5], [1, 3, 4, 0], [1, 2, 4, 5], [0, 1, 2, 5], [0, 1, 2, 3]])
    shop = index(["red", "blue", "blue", "blue", "red", "red"], look=[0] * 6)
    found = audit.doubts(shop, "color", near, least=0.25)
    assert [(d.product.id, d.strength) for d in found] == [("0", 0.5), ("5", 0.5)]
    assert audit.doubts(shop, "color", near, least=0.6) == ()


def test_a_product_without_a_word_is_offered_one():
    shop = index([None, "blue", "blue", "blue"], look=[0, 1, 2, 3])
    found = audit.doubts(shop, "color", audit.nearest_products(shop, 3))
    assert [(d.product.id, d.word, d.suggested, d.own_share) for d in found] == [("0", "", "blue", 0.0)]


def test_few_voices_are_not_enough():
    shop = index(["red", "blue", None, None, None], look=[0, 1, 2, 3, 4])
    assert audit.doubts(shop, "color", audit.nearest_products(shop, 4)) == ()
    assert audit.doubts(shop, "no such column", audit.nearest_products(shop, 4)) == ()


def test_one_product_alone_has_no_neighbors():
    alone = index(["red"], look=[0])
    assert audit.same_pictures(alone) == () and audit.nearest_products(alone).shape == (1, 0)
    assert audit.doubts(alone, "color", audit.nearest_products(alone)) == ()


def lines(text):
    return list(csv.reader(io.StringIO(text)))


def test_tables_to_take_along():
    shop = index(["red", "blue", "blue", "blue"], look=[0, 0, 90, 180])
    assert lines(same_pictures_csv(audit.same_pictures(shop))) == [
        ["group", "distance", "id", "path", "color"],
        ["1", "0.000", "0", "images/0.jpg", "red"],
        ["1", "0.000", "1", "images/1.jpg", "blue"],
    ]
    found = audit.doubts(shop, "color", audit.nearest_products(shop, 3))
    assert lines(doubts_csv(found)) == [
        ["id", "path", "column", "word", "suggested", "share", "own_share"],
        ["0", "images/0.jpg", "color", "red", "blue", "1.00", "0.00"],
    ]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_run_as_a_formula(cell):
    assert lines(csv_text([(cell, "a, b")])) == [["'" + cell, "a, b"]]


def test_what_is_found_holds_no_index():
    shop = index(["red"] * 4 + ["blue"], look=[0, 0, 90, 90, 0])
    doubts = audit.doubts(shop, "color", audit.nearest_products(shop, 3))
    groups = audit.same_pictures(shop)
    assert doubts and doubts[0].product.index is None
    assert groups and all(product.index is None for group in groups for product in group.products)
