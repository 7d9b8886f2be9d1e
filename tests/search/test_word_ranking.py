"""Products ranked by words: by what the network believes, by the shop's own table, and by both."""

from pathlib import Path

import numpy as np
import pytest

from lookalike.embedding.fashion import describe_fashion, word_vectors
from lookalike.index.reading import Index
from lookalike.search.word_ranking import WordRanking

# (type, color, gender) that a picture shows.
PICTURES = [
    ("Dresses", "Red", "Women"),
    ("Dresses", "Black", "Women"),
    ("Tshirts", "Red", "Men"),
    ("Jeans", "Blue", "Men"),
    ("Skirts", "Red", "Women"),
]


def fashion_vector(*words):
    """Return the fashion vector of a picture about which the network is sure of these words."""
    network = describe_fashion()
    parts = [
        weight * word_vectors(column)[network.vocabularies[column].index(word)]
        for word, column, weight in zip(words, ("articleType", "baseColour", "gender"), (1.0, 1.0, 0.7))
    ]
    return np.concatenate([parts[0], parts[2], parts[1]])


def make(attributes=None, pictures=PICTURES):
    vectors = np.stack([fashion_vector(*words) for words in pictures]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    looks = np.eye(len(pictures), dtype=np.float32)
    names = tuple(f"{row}.jpg" for row in range(len(pictures)))
    return WordRanking(Index(Path("."), names, {"look": looks, "fashion": vectors}, attributes or {}, {}))


def ids(found):
    return [match.product.id for match in found.matches]


def test_a_shop_without_a_table_is_searched_by_its_pictures():
    ranking = make()
    assert ids(ranking.find("red dress", 2))[0] == "0"
    assert ids(ranking.find("jeans", 1)) == ["3"]
    assert set(ids(ranking.find("something red", 3))) == {"0", "2", "4"}
    assert ids(ranking.find("red frock for ladies", 1)) == ["0"]
    distances = [match.distance for match in ranking.find("red dress", 5).matches]
    assert distances == sorted(distances) and distances[0] < 0.5 < distances[-1] <= 2**0.5


def test_the_shops_own_words_count_more_than_the_pictures():
    own = {str(row): {"articleType": kind, "baseColour": color} for row, (kind, color, _) in enumerate(PICTURES)}
    own["1"] = {"articleType": "Dresses", "baseColour": "Red"}  # the table is wrong, or the picture is dark
    found = make(own).find("red dress", 3)
    assert ids(found)[:2] == ["0", "1"]


def test_a_word_of_the_shop_alone_finds_its_products():
    own = {"2": {"brand": "Osterby"}, "3": {"brand": "Osterby"}, "0": {"brand": "Kestrel"}}
    found = make(own).find("osterby", 2)
    assert set(ids(found)) == {"2", "3"} and found.understood.unknown == ()
    assert ids(make(own).find("red osterby", 1)) == ["2"]


def test_words_that_mean_nothing_find_nothing():
    found = make().find("frobnicate", 5)
    assert found.matches == [] and found.understood.unknown == ("frobnicate",)


def test_excluded_rows_stay_out_and_no_more_than_there_are_come_back():
    rows, shares, _ = make().rank("red", 10, excluded=[0, 4])
    assert rows[0] == 2 and len(rows) == len(shares) == 3


def test_an_index_of_looks_alone_is_searched_by_its_table():
    looks = np.eye(2, dtype=np.float32)
    attributes = {"0": {"articleType": "Jeans"}, "1": {"articleType": "Dresses"}}
    ranking = WordRanking(Index(Path("."), ("0.jpg", "1.jpg"), {"look": looks}, attributes, {}))
    assert ids(ranking.find("dress", 1)) == ["1"]
    assert WordRanking(Index(Path("."), ("0.jpg",), {"look": looks[:1]}, {}, {})).find("dress").matches == []


@pytest.mark.parametrize("k", [1, 3])
def test_so_many_come_as_are_asked_for(k):
    assert len(make().find("red", k).matches) == k


def test_what_is_understood_is_told_apart_from_words_of_the_shop_alone():
    own = {"2": {"brand": "Osterby"}, "3": {"brand": "Osterby"}, "0": {"brand": "Kestrel"}}
    understood = make(own).understand("red osterby frobnicator")
    assert understood.known == ("red", "osterby") and understood.named == ("osterby",)
    assert understood.unknown == ("frobnicator",) and not understood.is_empty
    assert make().understand("frobnicator").is_empty


def test_a_query_agrees_with_products_of_its_words():
    ranking = make()
    query = {"fashion": fashion_vector("Dresses", "Red", "Women")[None].astype(np.float32)}
    types = ranking.agreement(query, "articleType")
    assert types.dtype == np.float32 and types[:2].min() > 0.9 and types[2:].max() < 0.1
    colors = ranking.agreement(query, "baseColour")
    assert colors[[0, 2, 4]].min() > 0.9 and colors[[1, 3]].max() < 0.1
    own = {str(row): {"baseColour": "Black"} for row in range(5)}
    assert make(own).agreement(query, "baseColour").max() < 0.5, "the shop's own words count"
    own = {str(row): {"baseColour": "Unheard Of"} for row in range(5)}
    np.testing.assert_allclose(make(own).agreement(query, "baseColour"), colors, atol=1e-6)
