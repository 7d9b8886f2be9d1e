"""Words that join a photo: what they ask for comes first, the rest stays, and without a table it works too."""

from pathlib import Path

import numpy as np
import pytest

from lookalike.embedding.fashion import class_probabilities
from lookalike.errors import IndexFileError
from lookalike.index.reading import Index
from lookalike.search import steering, word_ranking
from lookalike.search.lexicon import Understood
from lookalike.search.plain_ranking import LOOK
from lookalike.search.recommender import Ranking
from lookalike.search.steering import add_words, can_steer, move_to_words, remove_words, steered_matches
from lookalike.search.word_ranking import WordRanking
from tests.search.test_word_ranking import fashion_vector

# (type, color, gender) that a picture shows; one of them asks.
PICTURES = [
    ("Dresses", "Black", "Women"),
    ("Dresses", "Black", "Women"),
    ("Dresses", "Red", "Women"),
    ("Tshirts", "Red", "Men"),
    ("Tshirts", "Black", "Men"),
    ("Tshirts", "Black", "Women"),
    ("Jeans", "Red", "Men"),
]


class OnAServer(Index):
    """An index that says that its vectors are on a server: they come for the rows that are asked for."""

    is_in_memory = False

    def in_memory(self):
        raise IndexFileError("the vectors are on a server")

    def subset(self, rows):
        return Index(**vars(super().subset(rows)))


def make_index(attributes=None, pictures=PICTURES):
    fashion = np.stack([fashion_vector(*words) for words in pictures]).astype(np.float32)
    fashion /= np.linalg.norm(fashion, axis=1, keepdims=True)
    looks = np.full((len(pictures), len(pictures)), 0.3, np.float32) + np.eye(len(pictures), dtype=np.float32)
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    colors = np.eye(4, dtype=np.float32)[[["Black", "Red"].index(color) for _, color, _ in pictures]]
    names = tuple(f"{row}.jpg" for row in range(len(pictures)))
    return Index(Path("."), names, {"look": looks, "fashion": fashion, "color": colors}, attributes or {}, {})


def ask(text, attributes=None, row=0, make=make_index, **options):
    ranking = Ranking(make(attributes))
    words = WordRanking(ranking.index)
    query = ranking.product_vectors(row)
    matches = steered_matches(ranking, words, query, words.understand(text), excluded=[row], **options)
    return [int(match.product.id) for match in matches], matches


def test_another_color_of_the_same_thing_comes_first():
    assert ask("", k=1)[0] == [1]
    rows, matches = ask("in red", k=6)
    assert rows[0] == 2 and sorted(rows) == [1, 2, 3, 4, 5, 6]
    assert [match.rank for match in matches] == [1, 2, 3, 4, 5, 6]
    distances = [match.distance for match in matches]
    assert distances == sorted(distances) and distances[0] < 0.8 * distances[1]


def test_another_gender_or_type_keeps_the_color():
    assert ask("for men", row=5, k=1)[0] == [4]
    assert ask("for women", row=4, k=1)[0] == [5]
    assert ask("as a t-shirt", k=1)[0] == [5]
    assert ask("as a t-shirt for men", k=1)[0] == [4]
    assert ask("as red jeans for men", k=1)[0] == [6]


def test_the_shops_own_words_count():
    own = {str(row): {"articleType": kind, "brand": "Kestrel"} for row, (kind, _, _) in enumerate(PICTURES)}
    own["5"] = {"articleType": "Tshirts", "brand": "Osterby"}
    assert ask("osterby", own, k=1)[0] == [5]


def test_filters_and_excluded_rows_apply_before():
    own = {str(row): {"gender": gender} for row, (_, _, gender) in enumerate(PICTURES)}
    assert ask("in red", own, k=5, filters={"gender": ["Men"]})[0][0] in (3, 6)
    rows, _ = ask("in red", own, k=6, filters={"gender": ["Men"]})
    assert sorted(rows) == [3, 4, 6]


def test_without_understood_words_the_query_stays_what_it_is():
    ranking = Ranking(make_index())
    plain = ranking.distinct_matches(ranking.product_vectors(0), 5, excluded=[0])
    words = WordRanking(ranking.index)
    found = steered_matches(
        ranking, words, ranking.product_vectors(0), Understood({}, (), ("frobnicate",)), excluded=[0]
    )
    assert found == plain


def test_what_the_words_are_about_is_replaced_and_nothing_else():
    ranking = Ranking(make_index())
    words, query = WordRanking(ranking.index), ranking.product_vectors(0)
    moved = move_to_words(ranking, words, query, words.understand("in red"))
    seen = {column: next(iter(class_probabilities(moved["fashion"][0], column))) for column in
            ("articleType", "baseColour", "gender")}  # fmt: skip
    assert seen == {"articleType": "Dresses", "baseColour": "Red", "gender": "Women"}
    assert np.linalg.norm(moved["fashion"]) == pytest.approx(1, abs=1e-3)
    assert moved["color"][0] @ np.eye(4)[1] > 0.7 > 0.01 + moved["color"][0] @ np.eye(4)[2]
    np.testing.assert_array_equal(moved["look"], query["look"])
    np.testing.assert_array_equal(query["fashion"], ranking.product_vectors(0)["fashion"])
    assert moved["fashion"].dtype == moved["color"].dtype == np.float32


def test_where_the_look_alone_ranks_words_cannot_join():
    index = make_index()
    assert can_steer(Ranking(index)) and not can_steer(Ranking(index, LOOK))
    looks = {"look": index.look}
    assert not can_steer(Ranking(Index(Path("."), index.names, looks, {}, {})))


def on_a_server(attributes=None, pictures=PICTURES):
    return OnAServer(**vars(make_index(attributes, pictures)))


@pytest.mark.parametrize(
    "text, options",
    [
        ("in red", {}),
        ("for men", {"row": 5}),
        ("as red jeans for men", {}),
        ("in red", {"filters": {"gender": ["Men"]}}),
        ("osterby", {}),
        ("red osterby", {"k": 2}),
        ("in red", {"filters": {"gender": ["Nobody"]}}),
        ("frobnicator", {}),
    ],
)
def test_where_vectors_lie_on_a_server_few_products_get_the_same_answer(text, options):
    own = {
        str(row): {"articleType": kind, "gender": gender, "brand": "Osterby" if row == 4 else "Kestrel"}
        for row, (kind, _, gender) in enumerate(PICTURES)
    }
    for attributes in (own, {}):
        expected, found = (ask(text, attributes, make=make, **options)[1] for make in (make_index, on_a_server))
        assert [match.product for match in found] == [match.product for match in expected]
        np.testing.assert_allclose([m.distance for m in found], [m.distance for m in expected], atol=1e-6)


def test_where_vectors_lie_on_a_server_the_right_ones_are_found_among_many(monkeypatch):
    """Of 800 products only a few are compared: what the words ask for is among them, though it is far off."""
    for module in (steering, word_ranking):
        monkeypatch.setattr(module, "CANDIDATES", 12)
    pictures = [PICTURES[0]] * 400 + [PICTURES[6]] * 390 + [PICTURES[2]] * 10
    looks = np.random.default_rng(0).normal(size=(800, 64)).astype(np.float32)
    index = on_a_server(pictures=pictures)
    index.spaces["look"] = looks / np.linalg.norm(looks, axis=1, keepdims=True)
    ranking = Ranking(index)
    words = WordRanking(index)
    rows = words.candidates(words.understand("red"), 40, query=(ranking.product_vectors(0), ranking.rule.weights))
    assert len(rows) == 40 and rows.max() < 400, "by its picture alone, none of them is near"
    steered = steered_matches(ranking, words, ranking.product_vectors(0), words.understand("in red"), 10)
    assert {int(match.product.id) for match in steered} == set(range(790, 800))
    assert {int(match.product.id) for match in words.find("red dress", 10).matches} == set(range(790, 800))


@pytest.fixture(scope="module")
def words():
    return WordRanking(make_index())


@pytest.mark.parametrize(
    "before, added, known",
    [
        ("", "in red", ("red",)),
        ("in red", "for women", ("red", "women")),
        ("in red for women", "black", ("women", "black")),
        ("a dress", "shoes", ("shoes",)),
        ("red frobnicator", "for men", ("red", "men")),
        ("red", "red", ("red",)),
        ("sport", "shoes for men", ("sport", "shoes", "men")),
    ],
)
def test_what_is_added_replaces_words_about_the_same(words, before, added, known):
    assert words.understand(add_words(words, before, added, 200)).known == known


def test_added_words_have_a_limit(words):
    text = add_words(words, "red for women", "x" * 30, 42)
    assert len(text) <= 42 and words.understand(text).known == ("women",)
    assert len(add_words(words, "red", "x" * 300, 40)) == 40


@pytest.mark.parametrize(
    "text, phrase, left",
    [
        ("in navy blue, for women", "navy blue", "in for women"),
        ("red and red", "red", ""),
        ("jeans or skirts in red", "red", "jeans or skirts in"),
        ("red frobnicator", "red", ""),
        ("women's", "women", ""),
        ("red", "blue", "red"),
    ],
)
def test_a_phrase_can_be_taken_off(words, text, phrase, left):
    assert remove_words(words, text, phrase) == left


@pytest.mark.parametrize("text", ["x" * 100_000, "\u0000\ud800", "' \u200f <b>", "red " * 5000])
def test_any_text_can_be_added_and_taken_off(words, text):
    assert len(add_words(words, text, text, 200)) <= 200
    remove_words(words, text, "red")
