"""Duplicate pictures and suspect words, on vectors that can be checked by hand."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from lookalike.analysis import audit
from lookalike.index.reading import Index
from lookalike.web.downloads import csv_bytes, duplicates_csv, suspect_labels_csv


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
    found = audit.find_duplicates(index(look=[0, 10, 90, 90, 180], fashion=[0, 5, 90, 90, 180]))
    assert [ids(group) for group in found] == [["0", "1"], ["2", "3"]]
    assert found[0].distance == pytest.approx(2 * np.sin(np.radians(5)), abs=1e-6)
    assert [group.exact for group in found] == [False, True]


def test_pictures_near_in_only_one_space_are_different_pictures():
    assert audit.find_duplicates(index(look=[0, 0], fashion=[0, 10])) == ()
    assert audit.find_duplicates(index(look=[0, 15], fashion=[0, 0])) == ()


def test_every_member_of_a_group_is_near_its_first():
    groups = audit.find_duplicates(index(look=[0, 0, 0], fashion=[0, 8, 16]))
    assert [ids(group) for group in groups] == [["0", "1"]]


def test_the_largest_group_comes_first_then_the_catalogues_order():
    groups = audit.find_duplicates(index(look=[0, 90, 0, 90, 180, 180, 180]))
    assert [ids(group) for group in groups] == [["4", "5", "6"], ["0", "2"], ["1", "3"]]


def test_groups_name_the_columns_in_which_their_words_differ():
    found = audit.find_duplicates(index(["red", "red", "red", "blue", "red", None], look=[0, 0, 90, 90, 180, 180]))
    assert [group.differing for group in found] == [(), ("color",), ("color",)]


def test_pairs_are_found_across_blocks():
    look = np.random.default_rng(0).normal(size=(audit.ROWS_PER_BLOCK + 2, 64)).astype(np.float32)
    look /= np.linalg.norm(look, axis=1, keepdims=True)
    look[-1] = look[0]
    shop = Index(Path("shop"), tuple(f"{row}.jpg" for row in range(len(look))), {"look": look}, {}, {})
    assert [ids(group) for group in audit.find_duplicates(shop)] == [["0", str(len(look) - 1)]]
    assert audit.nearest_products(shop, 2)[0, 0] == len(look) - 1


def test_the_nearest_products_exclude_the_product_itself_and_are_in_order():
    near = audit.nearest_products(index(look=[0, 10, 30, 70]), k=2)
    assert near.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]] and near.dtype == np.int32


def test_the_nearest_products_equal_those_of_a_full_sort():
    rng = np.random.default_rng(3)
    many = index(look=rng.uniform(0, 360, 700))
    cosines = (many.look @ many.look.T).astype(np.float32)
    np.fill_diagonal(cosines, -2)
    assert (audit.nearest_products(many, 20) == np.argsort(-cosines, axis=1, kind="stable")[:, :20]).all()


def test_tuned_vectors_are_not_used():
    plain = index(look=[0, 10, 30, 70], fashion=[0, 10, 30, 70])
    tuned = index(look=[0, 10, 30, 70], fashion=[0, 10, 30, 70], tuned=[0, 70, 1, 71])
    assert (audit.nearest_products(plain, 2) == audit.nearest_products(tuned, 2)).all()


def test_a_word_that_most_neighbors_contradict_is_suspect():
    shop = index(["red", "blue", "blue", "blue", "green"], look=[0, 1, 2, 3, 90])
    found = audit.find_suspect_labels(shop, "color", audit.nearest_products(shop, 3))
    assert [(d.product.id, d.word, d.suggested, d.share, d.own_share) for d in found] == [
        ("0", "red", "blue", 1.0, 0.0),
        ("4", "green", "blue", 1.0, 0.0),
    ]


def test_suspect_labels_are_strongest_first_and_above_the_limit():
    near = np.array([[1, 2, 3, 5], [2, 3, 4, 5], [1, 3, 4, 0], [1, 2, 4, 5], [0, 1, 2, 5], [0, 1, 2, 3]])
    shop = index(["red", "blue", "blue", "blue", "red", "red"], look=[0] * 6)
    found = audit.find_suspect_labels(shop, "color", near, min_strength=0.25)
    assert [(d.product.id, d.strength) for d in found] == [("0", 0.5), ("5", 0.5)]
    assert audit.find_suspect_labels(shop, "color", near, min_strength=0.6) == ()


def test_a_product_without_a_word_gets_a_suggestion():
    shop = index([None, "blue", "blue", "blue"], look=[0, 1, 2, 3])
    found = audit.find_suspect_labels(shop, "color", audit.nearest_products(shop, 3))
    assert [(d.product.id, d.word, d.suggested, d.own_share) for d in found] == [("0", "", "blue", 0.0)]


def test_a_few_votes_are_not_enough():
    shop = index(["red", "blue", None, None, None], look=[0, 1, 2, 3, 4])
    assert audit.find_suspect_labels(shop, "color", audit.nearest_products(shop, 4)) == ()
    assert audit.find_suspect_labels(shop, "no such column", audit.nearest_products(shop, 4)) == ()


def test_one_product_alone_has_no_neighbors():
    alone = index(["red"], look=[0])
    assert audit.find_duplicates(alone) == () and audit.nearest_products(alone).shape == (1, 0)
    assert audit.find_suspect_labels(alone, "color", audit.nearest_products(alone)) == ()


def lines(content):
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_tables_to_take_along():
    shop = index(["red", "blue", "blue", "blue"], look=[0, 0, 90, 180])
    assert lines(duplicates_csv(audit.find_duplicates(shop))) == [
        ["group", "distance", "id", "path", "color"],
        ["1", "0.000", "0", "images/0.jpg", "red"],
        ["1", "0.000", "1", "images/1.jpg", "blue"],
    ]
    found = audit.find_suspect_labels(shop, "color", audit.nearest_products(shop, 3))
    assert lines(suspect_labels_csv(found)) == [
        ["id", "path", "column", "word", "suggested", "share", "own_share"],
        ["0", "images/0.jpg", "color", "red", "blue", "1.00", "0.00"],
    ]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_run_as_a_formula(cell):
    assert lines(csv_bytes([(cell, "a, b")])) == [["'" + cell, "a, b"]]


def test_what_is_found_holds_no_index():
    shop = index(["red"] * 4 + ["blue"], look=[0, 0, 90, 90, 0])
    doubts = audit.find_suspect_labels(shop, "color", audit.nearest_products(shop, 3))
    groups = audit.find_duplicates(shop)
    products = [doubts[0].product, *(product for group in groups for product in group.products)]
    assert doubts and groups and not any(value is shop for product in products for value in vars(product).values())
