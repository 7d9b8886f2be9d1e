"""Sketches bound every product from above, and a search by them finds what a search of everything finds."""

import numpy as np
import pytest

from lookalike.index.facets import Facets
from lookalike.index.sketch import MAX_WIDTH, MIN_ROWS, make_sketch
from lookalike.index.vector_search import ROUNDING, InMemorySearcher, RowFilter

N, WIDTHS = MIN_ROWS + 2_345, {"tuned": 72, "fashion": 96, "look": 144}
WEIGHTS = {"tuned": 0.6, "fashion": 0.35, "look": 0.05}


def normalized(matrix):
    return (matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def fading(n, width, rng):
    """Rows that differ less and less from direction to direction, as a network's do, in no direction of the axes."""
    turned, _ = np.linalg.qr(rng.normal(size=(width, width)))
    return normalized(rng.normal(size=(n, width)) * 0.9 ** np.arange(width) @ turned)


def clustered(n, width, rng):
    return normalized(fading(50, width, rng)[rng.integers(0, 50, n)] + 0.1 * fading(n, width, rng))


def duplicated(n, width, rng):
    return fading(40, width, rng)[np.arange(n) % 40]


def nearly_duplicated(n, width, rng):
    """Rows whose distances differ by less than float32 can tell."""
    return normalized(duplicated(n, width, rng) + 1e-7 * rng.normal(size=(n, width)))


def beside_the_sketch(n, width, rng):
    """Rows of which a few lie where the directions of the others do not reach."""
    rows = fading(n, width, rng)
    rows[7::997] = normalized(rng.normal(size=rows[7::997].shape))
    return rows


def isotropic(n, width, rng):
    return normalized(rng.normal(size=(n, width)))


KINDS = [fading, clustered, duplicated, nearly_duplicated, beside_the_sketch, isotropic]


def make_spaces(kind, seed=0):
    return {name: kind(N, width, np.random.default_rng([seed, width])) for name, width in WIDTHS.items()}


def exact(spaces, query, weights, k, mask=None):
    """The k nearest by float64, ties by row."""
    squares = sum(
        weight * ((spaces[name].astype(np.float64) - query[name].astype(np.float64)) ** 2).sum(axis=1)
        for name, weight in weights.items()
    )
    rows = np.arange(N) if mask is None else np.flatnonzero(mask)
    order = np.lexsort((rows, np.sqrt(squares[rows])))[:k]
    return rows[order], np.sqrt(squares[rows][order])


def queries(spaces, rng):
    """Products, means of products, strangers, and nothing at all."""
    for row in rng.integers(0, N, 3):
        yield {name: matrix[row : row + 1] for name, matrix in spaces.items()}
    for _ in range(3):
        some = rng.integers(0, N, 3)
        yield {name: matrix[some].mean(axis=0, keepdims=True) for name, matrix in spaces.items()}
    for _ in range(3):
        yield {name: isotropic(1, matrix.shape[1], rng) for name, matrix in spaces.items()}
    yield {name: np.zeros((1, matrix.shape[1]), np.float32) for name, matrix in spaces.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_no_product_exceeds_its_bound(kind):
    rng = np.random.default_rng(1)
    matrix = kind(N, 96, rng)
    sketch = make_sketch(matrix)
    if kind is isotropic:
        assert sketch is None  # it would hold hardly anything
        return
    assert sketch.rows.shape[0] == N and sketch.rows.shape[1] <= 33
    for query in (*matrix[:5], *isotropic(20, 96, rng), *(0.01 * isotropic(3, 96, rng))):
        products = matrix.astype(np.float64) @ query.astype(np.float64)
        assert (sketch.bounds(query) >= products - ROUNDING).all()
        some = rng.integers(0, N, 50)
        np.testing.assert_allclose(sketch.bounds(query, some), sketch.bounds(query)[some], atol=1e-6)


def test_a_bound_holds_for_rows_that_the_directions_were_not_chosen_for():
    rows = fading(3 * MIN_ROWS, 96, np.random.default_rng(2))
    far = np.setdiff1d(np.arange(len(rows)), np.arange(20_000) * len(rows) // 20_000)
    rows[far] = isotropic(len(far), 96, np.random.default_rng(3))
    sketch = make_sketch(rows)
    for query in rows[[0, 1, far[0], far[1], far[-1]]]:
        assert (sketch.bounds(query) >= rows.astype(np.float64) @ query - ROUNDING).all()


def test_small_and_very_wide_spaces_have_no_sketch():
    assert make_sketch(fading(MIN_ROWS - 1, 96, np.random.default_rng(0))) is None
    assert make_sketch(np.zeros((MIN_ROWS, MAX_WIDTH + 1), np.float32)) is None


def test_a_space_of_zeros_has_no_sketch():
    assert make_sketch(np.zeros((MIN_ROWS, 96), np.float32)) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "weights", [WEIGHTS, {"fashion": 0.9, "look": 0.1}, {"fashion": 1.0}, {"fashion": 0.4, "look": 0.6}]
)
def test_the_neighbors_and_their_distances_are_those_of_a_search_of_everything(kind, weights):
    spaces = make_spaces(kind)
    searcher = InMemorySearcher(spaces)
    for query in queries(spaces, np.random.default_rng(4)):
        expected, apart = exact(spaces, {name: matrix[0] for name, matrix in query.items()}, weights, 40)
        for k in (1, 5, 40):
            rows, distances = searcher.nearest(query, weights, k)
            np.testing.assert_array_equal(rows[0], expected[:k])
            np.testing.assert_allclose(distances[0], apart[:k], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [fading, duplicated])
@pytest.mark.parametrize("share", [0.9, 0.5, 0.05, 0.003, 0.0])
def test_filters_and_excluded_rows_apply_before_the_ranking(kind, share):
    spaces, rng = make_spaces(kind), np.random.default_rng(5)
    facets = Facets([{"gender": "Men" if lucky else "Women"} for lucky in rng.random(N) < share])
    excluded = tuple(rng.integers(0, N, 3).tolist())
    allowed = RowFilter(N, facets, {"gender": ("Men",)}, excluded)
    searcher = InMemorySearcher(spaces)
    for query in queries(spaces, rng):
        rows, distances = searcher.nearest(query, WEIGHTS, 20, allowed)
        own = {name: matrix[0] for name, matrix in query.items()}
        expected, apart = exact(spaces, own, WEIGHTS, 20, allowed.mask())
        np.testing.assert_array_equal(rows[0], expected)
        np.testing.assert_allclose(distances[0], apart, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [clustered, duplicated])
@pytest.mark.parametrize("look", [0.05, 0.5])
def test_many_queries_at_once_find_what_each_finds(kind, look):
    spaces, weights = make_spaces(kind), {"tuned": 0.95 - look, "fashion": 0.05, "look": look}
    searcher, asked = InMemorySearcher(spaces), np.arange(0, N, 1500)
    rows, distances = searcher.nearest({name: spaces[name][asked] for name in weights}, weights, 12)
    for place, row in enumerate(asked):
        expected, apart = exact(spaces, {name: spaces[name][row] for name in weights}, weights, 12)
        np.testing.assert_array_equal(rows[place], expected)
        np.testing.assert_allclose(distances[place], apart, rtol=0, atol=1e-12)


def test_spaces_of_other_lengths_than_one_are_searched_without_sketches():
    spaces = make_spaces(fading)
    spaces["fashion"] = spaces["fashion"] * np.random.default_rng(6).uniform(0.1, 30, (N, 1)).astype(np.float32)
    searcher, query = InMemorySearcher(spaces), {name: matrix[3:4] for name, matrix in spaces.items()}
    rows, _ = searcher.nearest(query, WEIGHTS, 9)
    np.testing.assert_array_equal(rows[0], exact(spaces, {n: m[3] for n, m in spaces.items()}, WEIGHTS, 9)[0])


def test_a_searcher_with_one_more_space_replaces_or_adds_it():
    spaces = make_spaces(fading)
    searcher = InMemorySearcher(spaces)
    searcher.nearest({name: matrix[:1] for name, matrix in spaces.items()}, WEIGHTS, 3)
    other = fading(N, 96, np.random.default_rng(7))
    for name, weights in (("words", {**WEIGHTS, "words": 0.5}), ("fashion", WEIGHTS)):
        joined = {**spaces, name: other}
        total = {own: weight / sum(weights.values()) for own, weight in weights.items()}
        rows, _ = searcher.with_space(name, other).nearest({n: m[5:6] for n, m in joined.items()}, total, 9)
        np.testing.assert_array_equal(rows[0], exact(joined, {n: m[5] for n, m in joined.items()}, total, 9)[0])
