"""The map: groups stay together, it is deterministic, and its colors are explained."""

from pathlib import Path

import numpy as np
import pytest

from lookalike.analysis import catalogue_map
from lookalike.index.reading import Index


def groups(count, each, spaces=("look",), seed=0):
    """An index of count tight groups, one after the other."""
    rng = np.random.default_rng(seed)
    middles = np.repeat(rng.normal(size=(count, 12)), each, axis=0)
    matrix = middles + 0.05 * rng.normal(size=middles.shape)
    matrix = (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)
    names = tuple(f"{row}.jpg" for row in range(len(matrix)))
    return Index(Path("shop"), names, dict.fromkeys(spaces, matrix), {}, {})


def share_of_own_group(places, each):
    """Return the share of the products whose nearest on the map is of their own group."""
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return np.mean(apart.argmin(axis=1) // each == np.arange(len(places)) // each)


def test_products_that_look_alike_lie_together():
    places = catalogue_map.place_products(groups(8, 25))
    assert places.shape == (200, 2) and places.dtype == np.float32 and np.abs(places).max() <= 1
    assert share_of_own_group(places, 25) == 1


def test_products_that_are_not_landmarks_lie_with_their_own_group():
    assert share_of_own_group(catalogue_map.place_products(groups(8, 50), max_landmarks=80), 50) > 0.98


def test_the_same_index_gives_the_same_map():
    shop = groups(5, 20, ("look", "fashion", "color"))
    assert (catalogue_map.place_products(shop) == catalogue_map.place_products(shop)).all()


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7, 10])
def test_the_smallest_catalogues_have_a_map(n):
    places = catalogue_map.place_products(groups(n, 1))
    assert places.shape == (n, 2) and np.isfinite(places).all()


def test_a_catalogue_of_one_picture_has_a_map():
    shop = groups(1, 30)
    shop.look[:] = shop.look[0]
    assert np.isfinite(catalogue_map.place_products(shop)).all()


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5])
def test_every_product_has_a_place_if_many_share_one_picture(share):
    rng = np.random.default_rng(0)
    shop = groups(1200, 1)
    rows = rng.choice(1200, int(share * 1200), replace=False)
    shop.look[rows] = shop.look[rows[0]]
    places = catalogue_map.place_products(shop, max_landmarks=300)
    assert np.isfinite(places).all() and np.abs(places).max() <= 1


def test_the_most_frequent_words_get_their_own_colors():
    words = [f"w{place:02}" for place in range(12) for _ in range(20 - place)] + [None]
    legend = catalogue_map.make_legend(words)
    assert [(word, count) for word, _, count in legend.entries[:2]] == [("w00", 20), ("w01", 19)]
    assert len({color for _, color, _ in legend.entries}) == 9
    assert legend.rest == 11 + 10 + 9 + 1
    assert legend.color("w11") == legend.color(None) == catalogue_map.REST_COLOR


def test_color_names_are_shown_in_that_color():
    legend = catalogue_map.make_legend(["Red", "Red", "Navy Blue", "Multi"])
    assert legend.entries == (("Red", "#ce1e28", 2), ("Navy Blue", "#1c2248", 1)) and legend.rest == 1


def test_a_catalogue_without_words_has_one_color():
    legend = catalogue_map.make_legend([None, None])
    assert legend.entries == () and legend.rest == 2


def test_sampled_rows_are_evenly_spread():
    assert catalogue_map.sample_rows(range(10), 20).tolist() == list(range(10))
    assert catalogue_map.sample_rows(range(10), 5).tolist() == [0, 2, 4, 6, 8]
