from pathlib import Path

import numpy as np
import pytest

from lookalike.analysis.metrics import (
    NO_PRODUCT,
    Figure,
    Queries,
    bootstrap_interval,
    evaluate,
    mean_figure,
    nearest_others,
    precision_at_k,
)
from lookalike.errors import CatalogueError
from lookalike.index.reading import Index
from lookalike.search.recommender import Ranking


def on_a_circle(*degrees):
    """Unit vectors, float32 (n, 2), at those angles."""
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def index_of(**spaces):
    names = tuple(f"images/{number}.jpg" for number in range(len(next(iter(spaces.values())))))
    return Index(Path("shop"), names, spaces, {}, {})


def each_product_once(index, right):
    own = np.arange(len(index.names))[:, None]
    return Queries(index.spaces, own[:, 0], tuple(right), own, own)


def test_precision_is_the_share_of_right_products():
    gallery = ["shirt", "shirt", "shoe", None, "shirt"]
    rows = np.array([[0, 1, 2, 3, 4], [2, 0, 1, 3, 4], [0, 1, 2, 3, 4], [4, 2, 0, 1, 3]])
    queries = [{"shirt"}, {"shoe"}, {"shirt", "shoe"}, {"hat"}]
    assert precision_at_k(rows, queries, gallery).tolist() == [0.6, 0.2, 0.8, 0.0]


def test_a_missing_match_is_wrong_and_a_query_without_a_label_is_not_counted():
    rows = np.array([[0, 0, NO_PRODUCT, NO_PRODUCT, NO_PRODUCT], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    shares = precision_at_k(rows, [{"shirt"}, set(), None], ["shirt"])
    np.testing.assert_array_equal(shares, [0.4, np.nan, np.nan])
    assert mean_figure(shares) == Figure(0.4, 0.4, 0.4, 1)


def test_the_mean_over_classes_counts_each_class_once():
    shares = np.array([1.0, 1.0, 1.0, 0.0])
    assert mean_figure(shares).precision == 0.75
    # Each class is resampled by itself, and here neither varies: (1 + 0) / 2 in every round.
    assert mean_figure(shares, ["shoes", "shoes", "shoes", "hat"]) == Figure(0.5, 0.5, 0.5, 4)


def test_the_interval_of_two_queries_spans_both():
    # A quarter of all rounds draws the 0 twice, another the 1 twice: both are more than the 2.5 % cut off.
    assert bootstrap_interval([np.array([0.0, 1.0])]) == (0.0, 1.0)


def test_the_interval_of_many_queries_is_that_of_the_normal_distribution():
    # Half of 400 right: a standard error of 0.5 / √400 = 0.025, and 1.96 of it on each side.
    values = np.repeat([0.0, 1.0], 200)
    assert bootstrap_interval([values]) == pytest.approx((0.451, 0.549), abs=0.006)
    assert bootstrap_interval([values]) == bootstrap_interval([values])
    # Two such classes halve the variance.
    assert bootstrap_interval([values, values]) == pytest.approx((0.465, 0.535), abs=0.006)


def test_products_that_share_a_key_never_match():
    index = index_of(look=on_a_circle(0, 1, 2, 3, 4))
    files, ids = [7, 7, 8, 9, 9], [0, 1, 2, 3, 4]
    keys = np.stack([files, ids], axis=1)
    rows = nearest_others(Ranking(index), index.spaces, keys, keys, k=2)
    assert rows.tolist() == [[2, 3], [2, 3], [1, 3], [2, 1], [2, 1]]


def test_many_copies_hide_no_match_and_missing_matches_are_marked():
    copies = 50
    index = index_of(look=on_a_circle(*[0] * copies, 30, 20, 10))
    keys = np.array([[0]] * copies + [[1], [2], [3]])
    rows = nearest_others(Ranking(index), {"look": on_a_circle(0, 180)}, np.array([[0], [4]]), keys, k=5)
    assert rows[0].tolist() == [52, 51, 50, NO_PRODUCT, NO_PRODUCT]
    assert rows[1, :3].tolist() == [50, 51, 52] and NO_PRODUCT not in rows[1]


@pytest.fixture
def shop():
    """Six shirts and six shoes, apart from each other, alternating between blue and red; the first has no gender."""
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
    # A second space that separates colors only: even and odd rows, apart from each other.
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
    # Without a gender the first is not a query here, and is wrong for the two other blue shirts: 1 of 5, not 2.
    assert figures["look"]["together"].queries == 11
    assert figures["look"]["together"].precision == pytest.approx((2 * 0.2 + 9 * 0.4) / 11)
    assert figures["fashion"]["baseColour"].precision == 1.0
    # All products fit into one block of the default's second stage, which orders them by look.
    assert figures["default"] == figures["look"]


def test_spaces_can_be_chosen_and_must_exist(shop):
    index, attributes = shop
    queries = each_product_once(index, [{"gender": labels} for labels in right(attributes, "gender")])
    assert list(evaluate(index, attributes, queries, ["default"])) == ["default"]
    with pytest.raises(CatalogueError, match="no space taste. Choose among: look, fashion, default"):
        evaluate(index, attributes, queries, ["taste"])


def test_nothing_to_score_by_is_an_error(shop):
    index, attributes = shop
    queries = each_product_once(index, [{"subCategory": {("Topwear",)}}] * 12)
    with pytest.raises(CatalogueError, match=r"None of the 12 products .* \(subCategory\). Name the table"):
        evaluate(index, attributes, queries)
