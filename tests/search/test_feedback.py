"""Likes and dislikes move a query, on vectors that one can check by hand."""

from pathlib import Path

import numpy as np
import pytest

from lookalike.index.reading import Index
from lookalike.search.feedback import DISLIKED_WEIGHT, LIKED_WEIGHT, move_query
from lookalike.search.recommender import Ranking

# Four directions; the query lies between the first two.
LOOKS = np.eye(4, dtype=np.float32)


@pytest.fixture
def ranking():
    return Ranking(Index(Path("."), tuple("0123"), {"look": LOOKS}, {}, {}))


def query():
    vector = np.array([[1.1, 1.0, 0.2, 0.0]], np.float32)
    return {"look": vector / np.linalg.norm(vector)}


def test_a_query_without_judgments_stays_as_it_is(ranking):
    np.testing.assert_array_equal(move_query(query(), ranking, [], [])["look"], query()["look"])


def test_the_query_moves_towards_the_mean_of_the_liked_and_away_from_that_of_the_disliked(ranking):
    moved = move_query(query(), ranking, [2, 3], [0])["look"]
    expected = query()["look"] + LIKED_WEIGHT * (LOOKS[2] + LOOKS[3]) / 2 - DISLIKED_WEIGHT * LOOKS[0]
    np.testing.assert_allclose(moved, expected / np.linalg.norm(expected), atol=1e-6)
    assert moved.dtype == np.float32 and np.linalg.norm(moved) == pytest.approx(1)


def test_a_like_and_a_dislike_change_the_order(ranking):
    assert ranking.nearest(query(), 2)[0][0].tolist() == [0, 1]
    assert ranking.nearest(move_query(query(), ranking, [], [0]), 1)[0][0].tolist() == [1]
    assert ranking.nearest(move_query(query(), ranking, [3], []), 1)[0][0].tolist() == [3]


def test_disliking_the_query_itself_gives_no_nonsense(ranking):
    moved = move_query({"look": LOOKS[:1]}, ranking, [], [0])["look"]
    assert np.isfinite(moved).all() and moved[0, 0] == pytest.approx(1)
