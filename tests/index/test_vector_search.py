import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from lookalike.index.vector_search import ExactSearch
from tests.support.data import ROOT

WIDTHS = {"tuned": 24, "fashion": 32, "look": 96}


def unit(n, d, seed):
    vectors = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def spaces(n):
    return {name: unit(n, d, seed) for seed, (name, d) in enumerate(WIDTHS.items())}


def defined(found, query, weights, k):
    """What NearestNeighbors says of the spaces side by side."""
    joined = np.concatenate([found[name] * np.float32(w**0.5) for name, w in weights.items()], axis=1)
    asked = np.concatenate([query[name] * np.float32(w**0.5) for name, w in weights.items()])[None]
    distances, rows = NearestNeighbors(algorithm="brute", metric="euclidean").fit(joined).kneighbors(asked, k)
    return rows[0], distances[0]


@pytest.mark.parametrize("look", [0.05, 0.5, 0.9, 1.0])
def test_what_is_never_read_would_not_have_come(look):
    """However much the widest space counts, leaving most of it unread changes no answer."""
    found = spaces(4000)
    rest = 1 - look
    weights = {"tuned": rest / 2, "fashion": rest / 2, "look": look} if rest else {"look": 1.0}
    search = ExactSearch(found)
    for seed in range(30):
        query = {name: unit(1, d, 100 + seed)[0] for name, d in WIDTHS.items()}
        rows, distances = search.nearest(query, weights, 7)
        expected, measured = defined(found, query, weights, 7)
        np.testing.assert_array_equal(rows, expected)
        np.testing.assert_allclose(distances, measured, atol=2e-7)


def test_vectors_that_are_not_of_length_one_are_measured_as_they_are():
    found = spaces(500)
    found["look"][::3] *= 0.25
    found["look"][7] = 0
    query = {name: unit(1, d, 9)[0] for name, d in WIDTHS.items()}
    for weights in ({"look": 1.0}, {"fashion": 0.4, "look": 0.6}, {"tuned": 0.9, "look": 0.1}):
        rows, distances = ExactSearch(found).nearest(query, weights, 20)
        expected, measured = defined(found, query, weights, 20)
        np.testing.assert_array_equal(rows, expected)
        np.testing.assert_allclose(distances, measured, atol=2e-7)


def test_products_left_out_never_come_and_the_others_all_do():
    found = spaces(1000)
    allowed = np.zeros(1000, bool)
    allowed[[3, 500, 999]] = True
    query = {name: matrix[0] for name, matrix in found.items()}
    for weights in ({"look": 1.0}, {"tuned": 0.5, "fashion": 0.45, "look": 0.05}):
        rows, distances = ExactSearch(found).nearest(query, weights, 5, allowed)
        assert set(rows) == {3, 500, 999} and (np.diff(distances) >= 0).all()
        rows, _ = ExactSearch(found).nearest(query, weights, 2, allowed)
        assert len(rows) == 2
        assert len(ExactSearch(found).nearest(query, weights, 5, np.zeros(1000, bool))[0]) == 0


def test_ties_stand_in_the_catalogues_order():
    look = np.tile(np.eye(2, dtype=np.float32), (4, 1))
    search = ExactSearch({"fashion": look, "look": np.concatenate([look, look], axis=1) / np.float32(2**0.5)})
    query = {"fashion": look[0], "look": np.concatenate([look[0], look[0]]) / np.float32(2**0.5)}
    rows, distances = search.nearest(query, {"fashion": 0.9, "look": 0.1}, 6)
    np.testing.assert_array_equal(rows, [0, 2, 4, 6, 1, 3])
    np.testing.assert_allclose(distances, [0] * 4 + [2**0.5] * 2, atol=1e-6)


def test_blas_threads_are_told_to_sleep_before_numpy_starts_them():
    """As app.py imports them; awake, they hold the cores that the next query's network needs."""
    code = "import streamlit, sys; assert 'numpy' not in sys.modules; import lookalike, os; assert 'numpy' not in "
    code += "sys.modules; print(os.environ['OPENBLAS_THREAD_TIMEOUT'])"
    plain = {name: value for name, value in os.environ.items() if name != "OPENBLAS_THREAD_TIMEOUT"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=plain, capture_output=True, text=True)
    assert done.stdout == "16\n", done.stderr
