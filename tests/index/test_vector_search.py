import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from lookalike.index.vector_search import InMemorySearcher, RowFilter, join_spaces
from tests.support.data import ROOT

WIDTHS = {"tuned": 24, "fashion": 32, "look": 96}


def unit(n, d, seed):
    vectors = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def spaces(n):
    return {name: unit(n, d, seed) for seed, (name, d) in enumerate(WIDTHS.items())}


def one_query(seed):
    return {name: unit(1, d, seed) for name, d in WIDTHS.items()}


def defined_nearest(found, query, weights, k):
    """What NearestNeighbors says of the spaces side by side."""
    everything, asked = join_spaces(found, weights), join_spaces(query, weights)
    distances, rows = NearestNeighbors(algorithm="brute", metric="euclidean").fit(everything).kneighbors(asked, k)
    return rows, distances


@pytest.mark.parametrize("look", [0.05, 0.5, 0.9, 1.0])
def test_skipping_most_of_the_widest_space_changes_no_answer(look):
    found = spaces(4000)
    rest = 1 - look
    weights = {"tuned": rest / 2, "fashion": rest / 2, "look": look} if rest else {"look": 1.0}
    searcher = InMemorySearcher(found)
    for seed in range(30):
        rows, distances = searcher.nearest(one_query(100 + seed), weights, 7)
        expected, exact = defined_nearest(found, one_query(100 + seed), weights, 7)
        np.testing.assert_array_equal(rows, expected)
        np.testing.assert_allclose(distances, exact, atol=2e-7)


def test_vectors_that_are_not_of_length_one_are_measured_as_they_are():
    found = spaces(500)
    found["look"][::3] *= 0.25
    found["look"][7] = 0
    for weights in ({"look": 1.0}, {"fashion": 0.4, "look": 0.6}, {"tuned": 0.9, "look": 0.1}):
        rows, distances = InMemorySearcher(found).nearest(one_query(9), weights, 20)
        expected, exact = defined_nearest(found, one_query(9), weights, 20)
        np.testing.assert_array_equal(rows, expected)
        np.testing.assert_allclose(distances, exact, atol=2e-7)


def test_excluded_products_never_come_and_all_others_do():
    found = spaces(1000)
    others = RowFilter(1000, None, {}, tuple(row for row in range(1000) if row not in (3, 500, 999)))
    nothing = RowFilter(1000, None, {}, range(1000))
    query = {name: matrix[:1] for name, matrix in found.items()}
    searcher = InMemorySearcher(found)
    for weights in ({"look": 1.0}, {"tuned": 0.5, "fashion": 0.45, "look": 0.05}):
        rows, distances = searcher.nearest(query, weights, 5, others)
        assert set(rows[0]) == {3, 500, 999} and (np.diff(distances[0]) >= 0).all()
        assert searcher.nearest(query, weights, 2, others)[0].shape == (1, 2)
        assert searcher.nearest(query, weights, 5, nothing)[0].shape == (1, 0)


def test_ties_are_ordered_by_row():
    look = np.tile(np.eye(2, dtype=np.float32), (4, 1))
    wide = np.concatenate([look, look], axis=1) / np.float32(2**0.5)
    searcher = InMemorySearcher({"fashion": look, "look": wide})
    rows, distances = searcher.nearest({"fashion": look[:1], "look": wide[:1]}, {"fashion": 0.9, "look": 0.1}, 6)
    np.testing.assert_array_equal(rows[0], [0, 2, 4, 6, 1, 3])
    np.testing.assert_allclose(distances[0], [0] * 4 + [2**0.5] * 2, atol=1e-6)


def test_products_within_all_limits_are_the_querys_own_picture():
    look = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
    searcher, weights = InMemorySearcher({"look": look}), {"look": 1.0}
    np.testing.assert_allclose(searcher.nearest_distances({"look": look}, weights), 0, atol=1e-3)
    rows = np.arange(3)
    apart = searcher.nearest_distances({"look": look}, weights, {"look": 0.1}, rows)
    np.testing.assert_allclose(apart, [0.4**0.5, 0.4**0.5, 0.8**0.5], atol=1e-6)
    assert searcher.nearest_distances({"look": look}, weights, {"look": 0.7}, rows)[0] == pytest.approx(2**0.5)
    assert np.isinf(searcher.nearest_distances({"look": look}, weights, {"look": 2.0}, rows)).all()


@pytest.mark.parametrize("edge", ["lookalike.web", "lookalike.cli"])
def test_idle_blas_threads_are_told_to_sleep_before_numpy_starts_them(edge):
    """Threads that spin hold the cores that the next query's network needs."""
    code = f"import streamlit, sys; assert 'numpy' not in sys.modules; import {edge}, os; assert 'numpy' not in "
    code += "sys.modules; print(os.environ['OPENBLAS_THREAD_TIMEOUT'])"
    plain = {name: value for name, value in os.environ.items() if name != "OPENBLAS_THREAD_TIMEOUT"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=plain, capture_output=True, text=True)
    assert done.stdout == "16\n", done.stderr
