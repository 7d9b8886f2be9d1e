"""The load benchmark with few visitors: each gets the answer to their own photo, and failures are noticed."""

from types import SimpleNamespace

import pytest

from lookalike.search.loading import load_recommender
from tests.support.data import ROOT


@pytest.fixture
def load(monkeypatch):
    """The module benchmarks/load.py, a script that imports the modules next to it."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import load

    return load


@pytest.fixture(scope="module")
def address(serve, demo_index):
    return serve(demo_index, LOOKALIKE_QUERIES_PER_MINUTE="0")


def test_three_visitors_at_once_get_their_own_answers(load, address, demo_index):
    recommender, photos = load_recommender(demo_index), load.Photos(ROOT / "images")
    expected = [tuple(match.product.id for match in recommender.similar(path, 5)) for path in photos.paths]
    outcomes = load.visit_at_once(address, photos, people=3, each=2)
    assert sorted(outcome.place for outcome in outcomes) == list(range(6)) and len(set(expected)) > 20
    assert load.find_problems(outcomes, expected) == ([], [])
    assert all(0 < outcome.seconds < 60 for outcome in outcomes)


def test_a_photo_that_cannot_be_answered_is_an_error(load, address):
    nothing = SimpleNamespace(paths=["none.jpg"], fresh=lambda place: b"not a photo")
    outcomes = load.visit_at_once(address, nothing, people=1, each=1)
    (error,), wrong = load.find_problems(outcomes, [()])
    assert error.startswith("The photo is not an image") and not wrong


def test_a_server_that_is_not_there_is_an_error(load):
    (outcome,) = load.visit("http://127.0.0.1:9", load.Photos(ROOT / "images"), [0])
    assert "refused" in outcome.problems[0] and outcome.seconds is None


def test_the_answer_to_another_photo_is_recognized(load):
    expected = [("1", "2", "3", "4", "5"), ("6", "7", "8", "9", "10")]
    answers = [expected[0], expected[0], ("5", "4", "3", "2", "1")]
    outcomes = [SimpleNamespace(place=place, products=ids, problems=()) for place, ids in zip((0, 1, 0), answers)]
    assert load.find_problems(outcomes, expected) == ([], ["the answer to another photo", "an answer to no photo"])


def test_no_two_uploads_are_the_same_file(load):
    photos = load.Photos(ROOT / "images", kilobytes=100)
    first, second = photos.fresh(0), photos.fresh(0)
    assert first != second and len(first) == len(second) == 100_000
    assert first.startswith(photos.paths[0].read_bytes())
