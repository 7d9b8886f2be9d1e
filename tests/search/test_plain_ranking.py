"""The plain ranking answers what scikit-learn's NearestNeighbors over the look does, with filters too."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from lookalike.errors import IndexFileError
from lookalike.index.reading import load_index
from lookalike.search.loading import load_recommender
from lookalike.search.plain_ranking import PlainRecommender
from lookalike.settings import Settings


@pytest.fixture(scope="module")
def plain(demo_index):
    return load_recommender(demo_index, ranking="look")


def test_it_gives_the_answers_of_scikit_learn(plain, demo_index):
    look = load_index(demo_index).look
    fitted = NearestNeighbors(n_neighbors=5, algorithm="brute", metric="euclidean").fit(look)
    distances, rows = fitted.kneighbors(look[:40])
    found = plain.nearest({"look": look[:40]}, 5)
    np.testing.assert_allclose(found[1], distances, atol=1e-6)
    assert [set(own) for own in found[0]] == [set(own) for own in rows]
    assert isinstance(plain, PlainRecommender) and not plain.has_balance


def test_filters_and_excluded_products_apply_before_the_search(plain):
    query = plain.product_vectors(0)
    column, words = next((column, words) for column, words in plain.facets.words.items() if len(words) > 1)
    rows, distances = plain.nearest(query, 5, filters={column: (words[0],)}, excluded=[0])
    assert 0 not in rows[0] and (np.diff(distances[0]) >= 0).all()
    assert all(plain.index.attributes_of(row)[column] == words[0] for row in rows[0])
    assert plain.nearest(query, 5, filters={column: ("no such word",)})[0].shape == (1, 0)
    assert plain.nearest(query, 0)[0].shape == (1, 0)


def test_a_question_cannot_change_the_ranking(plain):
    query = plain.product_vectors(3)
    usual = plain.nearest(query, 5)[0].tolist()
    assert plain.nearest(query, 5, {"color": 1.0})[0].tolist() == usual
    assert plain.nearest(query, 5, plain.balanced_rule(1.0))[0].tolist() == usual


def test_vectors_of_another_network_are_refused(plain):
    with pytest.raises(IndexFileError, match="look vectors"):
        plain.nearest({"look": np.ones((1, 7), np.float32)}, 5)


@pytest.mark.parametrize(
    "value, ranking", [("look", "look"), (" LOOK ", "look"), ("", "default"), ("color", "default")]
)
def test_a_variable_chooses_the_apps_ranking(monkeypatch, value, ranking):
    monkeypatch.setenv("LOOKALIKE_RANKING", value)
    assert Settings.from_environment().ranking == ranking
