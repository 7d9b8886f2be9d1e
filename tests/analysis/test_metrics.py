from pathlib import Path

import numpy as np
import pytest

from lookalike.analysis.metrics import (
    NONE,
    Figure,
    Queries,
    evaluate,
    interval,
    mean_figure,
    nearest_others,
    precision_at_k,
)
from lookalike.errors import CatalogueError
from lookalike.index.reading import Index
from lookalike.search.recommender import Recommender


def on_a_circle(*degrees):
    """Unit vectors, float32 (n, 2): the nearer their angles, the nearer they are."""
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def index_of(**spaces):
    names = tuple(f"images/{number}.jpg" for number in range(len(next(iter(spaces.values())))))
    return Index(Path("shop"), names, spaces, {}, {})


def each_product_once(index, right):
    own = np.arange(len(index.names))[:, None]
    return Queries(index.spaces, own[:, 0], tuple(right), own, own)


def test_precision_is_the_share_of_right_ones():
    gallery = ["shirt", "shirt", "shoe", None, "shirt"]
    rows = np.array([[0, 1, 2, 3, 4], [2, 0, 1, 3, 4], [0, 1, 2, 3, 4], [4, 2, 0, 1, 3]])
    queries = [{"shirt"}, {"shoe"}, {"shirt", "shoe"}, {"hat"}]
    assert precision_at_k(rows, queries, gallery).tolist() == [0.6, 0.2, 0.8, 0.0]


def test_an_empty_place_is_wrong_and_a_query_without_label_is_not_counted():
    rows = np.array([[0, 0, NONE, NONE, NONE], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    shares = precision_at_k(rows, [{"shirt"}, set(), None], ["shirt"])
    np.testing.assert_array_equal(shares, [0.4, np.nan, np.nan])
    assert mean_figure(shares) == Figure(0.4, 0.4, 0.4, 1)


def test_the_mean_over_classes_counts_each_class_once():
    shares = np.array([1.0, 1.0, 1.0, 0.0])
    assert mean_figure(shares).precision == 0.75
    # A class is drawn from within itself, and here both are of one mind: (1 + 0) / 2, however they are drawn.
    assert mean_figure(shares, ["shoes", "shoes", "shoes", "hat"]) == Figure(0.5, 0.5, 0.5, 4)


def test_the_interval_of_two_queries_reaches_from_the_one_to_the_other():
    # A quarter of all draws takes the 0 twice, another the 1 twice: both are more than the 2.5 % cut off.
    assert interval([np.array([0.0, 1.0])]) == (0.0, 1.0)


def test_the_interval_of_many_queries_is_the_normal_one():
    # Half of 400 right: a standard error of 0.5 / √400 = 0.025, and 1.96 of it on each side.
    values = np.repeat([0.0, 1.0], 200)
    assert interval([values]) == pytest.approx((0.451, 0.549), abs=0.006)
    assert interval([values]) == interval([values])
    # Two such classes halve the variance.
    assert interval([values, values]) == pytest.approx((0.465, 0.535), abs=0.006)


def test_what_shares_a_key_is_never_found():
    index = index_of(look=on_a_circle(0, 1, 2, 3, 4))
    files, ids = [7, 7, 8, 9, 9], [0, 1, 2, 3, 4]
    keys = np.stack([files, ids], axis=1)
    rows = nearest_others(Recommender(index, None), index.spaces, keys, keys, k=2)
    assert rows.tolist() == [[2, 3], [2, 3], [1, 3], [2, 1], [2, 1]]


def test_more_copies_than_the_margin_hide_nothing_and_missing_places_are_marked():
    copies = 50
    index = index_of(look=on_a_circle(*[0] * copies, 30, 20, 10))
    keys = np.array([[0]] * copies + [[1], [2], [3]])
    rows = nearest_others(Recommender(index, None), {"look": on_a_circle(0, 180)}, np.array([[0], [4]]), keys, k=5)
    assert rows[0].tolist() == [52, 51, 50, NONE, NONE]
    assert rows[1, :3].tolist() == [50, 51, 52] and NONE not in rows[1]


@pytest.fixture
def shop():
    """Six shirts and six shoes apart from each other, red and blue by turns; the first has no gender."""
    attributes = {
        str(number): {
            "articleType": "Shirts" if number < 6 else "Shoes",
            "baseColour": "Red" if number % 2 else "Blue",
            "gender": "Women",
        }
        for number in range(12)
    }
    del attributes["0"]["gender"]
    nearby = [*range(6), *range(90, 96)]
    # A second space that knows colors alone: evens and odds, apart from each other.
    by_color = [angle % 2 * 90 + angle % 90 for angle in nearby]
    return index_of(look=on_a_circle(*nearby), fashion=on_a_circle(*by_color)), attributes


def right(attributes, *columns):
    for own in attributes.values():
        values = tuple(own.get(column) for column in columns)
        yield {values} if all(values) else set()


def test_each_space_and_the_default_are_scored(shop):
    index, attributes = shop
    together = right(attributes, "articleType", "baseColour", "gender")
    queries = [
        {"articleType": {(own["articleType"],)}, "baseColour": {(own["baseColour"],)}, "together": all_three}
        for own, all_three in zip(attributes.values(), together)
    ]
    figures = evaluate(index, attributes, each_product_once(index, queries))
    assert list(figures) == ["look", "fashion", "default"]
    # The five other shirts are nearest to a shirt; two of them have its color.
    assert figures["look"]["articleType"] == Figure(1.0, 1.0, 1.0, 12)
    assert figures["look"]["baseColour"] == Figure(pytest.approx(0.4), pytest.approx(0.4), pytest.approx(0.4), 12)
    # Without a gender the first is no query here, and wrong for the two other blue shirts: 1 instead of 2 of 5.
    assert figures["look"]["together"].queries == 11
    assert figures["look"]["together"].precision == pytest.approx((2 * 0.2 + 9 * 0.4) / 11)
    assert figures["fashion"]["baseColour"].precision == 1.0
    assert figures["default"] == figures["fashion"]


def test_spaces_can_be_chosen_and_must_exist(shop):
    index, attributes = shop
    queries = each_product_once(index, [{"gender": labels} for labels in right(attributes, "gender")])
    assert list(evaluate(index, attributes, queries, ["default"])) == ["default"]
    with pytest.raises(CatalogueError, match="no space taste. It can be judged by: look, fashion, default"):
        evaluate(index, attributes, queries, ["taste"])


def test_nothing_to_judge_by_gets_its_sentence(shop):
    index, attributes = shop
    queries = each_product_once(index, [{"subCategory": {("Topwear",)}}] * 12)
    with pytest.raises(CatalogueError, match=r"None of the 12 products .* \(subCategory\). Name the table"):
        evaluate(index, attributes, queries)
