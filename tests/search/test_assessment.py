"""What a query looks like, apart from its matches."""

from types import SimpleNamespace

import numpy as np
import pytest

from lookalike.index.reading import load_index
from lookalike.search.assessment import assess_query, closer_than_neighbors
from lookalike.search.closeness import Calibration
from lookalike.search.recommender import Recommender

WHITE = {"look": np.full((1, 3), 3**-0.5, np.float32)}


@pytest.fixture
def recommender(toy_index, toy):
    return Recommender(load_index(toy_index), toy)


@pytest.fixture
def calibration(recommender):
    return Calibration(recommender, (0, 0.5, 1))


def test_a_photo_of_nothing_is_unrelated_unless_that_is_not_asked(recommender, calibration):
    assert assess_query(recommender, calibration, WHITE).unrelated
    assert not assess_query(recommender, calibration, WHITE, may_be_unrelated=False).unrelated
    assert not assess_query(recommender, calibration, recommender.product_vectors(0)).unrelated


def test_neighbors_vote_except_for_excluded_ones(recommender, calibration):
    red = recommender.product_vectors(0)
    assert ("baseColour", "Red") in [vote[:2] for vote in assess_query(recommender, calibration, red).votes]
    without = assess_query(recommender, calibration, red, excluded=[0]).votes
    assert ("baseColour", "Yellow") in [vote[:2] for vote in without]
    assert ("gender", "Women", 1.0) in without


def test_labels_need_a_fashion_vector(recommender, calibration):
    assert assess_query(recommender, calibration, WHITE).labels == ()


def test_matches_are_compared_with_the_products_own_neighbors(recommender, calibration):
    matches = recommender.distinct_matches(recommender.product_vectors(0), 4)
    shares = closer_than_neighbors(calibration, 0.5, matches)
    assert shares[0] == 1 and shares == sorted(shares, reverse=True) and shares[-1] == 0


def test_nothing_is_compared_while_the_closeness_is_not_ready_or_has_no_neighbors():
    for closeness in (None, SimpleNamespace(distances=[])):
        calibration = SimpleNamespace(closeness=lambda balance, closeness=closeness: closeness)
        assert closer_than_neighbors(calibration, 0.5, [None, None]) == [None, None]


class ShortOfMemory:
    """An index whose machine may be short of memory: comparisons then fail as numpy's and OpenVINO's do."""

    def __init__(self, index):
        self.index, self.error = index, None

    def __getattr__(self, name):
        return getattr(self.index, name)

    def searcher(self):
        if self.error:
            raise self.error
        return self.index.searcher()


@pytest.mark.parametrize("error", [MemoryError("Unable to allocate"), RuntimeError("bad_alloc"), KeyError("a bug")])
def test_a_moment_without_memory_costs_a_badge_and_a_later_question_has_it(toy_index, toy, error):
    index, reported = ShortOfMemory(load_index(toy_index)), []
    recommender = Recommender(index, toy)
    index.error = error
    calibration = Calibration(recommender, (0, 0.5, 1))
    matches = recommender.distinct_matches(recommender.product_vectors(0), 4)
    assert closer_than_neighbors(calibration, 0.5, matches, reported.append) == [None] * 4
    first = assess_query(recommender, calibration, WHITE, report=reported.append)
    assert not first.unrelated and not first.is_complete and first.votes and reported == [error, error]
    index.error = None
    assert closer_than_neighbors(calibration, 0.5, matches)[0] == 1
    later = assess_query(recommender, calibration, WHITE)
    assert later.unrelated and later.is_complete


def test_votes_that_cannot_be_counted_are_left_out(recommender, calibration, monkeypatch):
    def fail(*arguments, **options):
        raise MemoryError

    red = recommender.product_vectors(0)
    monkeypatch.setattr(recommender._searcher, "nearest", fail)
    found = assess_query(recommender, calibration, red)
    assert found.votes == [] and not found.is_complete and not found.unrelated
