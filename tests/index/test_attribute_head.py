import tracemalloc
import zipfile

import numpy as np
import pytest

from lookalike.index.attribute_head import MAX_COLUMNS, AttributeHead, columns_to_learn
from lookalike.tuning import fitting
from lookalike.tuning.fitting import fit_head

WORDS = {"articleType": ("Shirts", "Jeans"), "gender": ("Men", "Women", "Girls")}


def products(n=240, seed=1):
    """Return vectors whose first two numbers tell the article type and the next three the gender, and attributes."""
    rng = np.random.default_rng(seed)
    types, genders = rng.integers(0, 2, n), rng.integers(0, 3, n)
    vectors = rng.normal(0, 0.05, (n, 6)).astype(np.float32)
    vectors[np.arange(n), types] += 1
    vectors[np.arange(n), 2 + genders] += 1
    attributes = [
        {"articleType": WORDS["articleType"][t], "gender": WORDS["gender"][g]} for t, g in zip(types, genders)
    ]
    return {"fashion": vectors[:, :3], "color": vectors[:, 3:]}, attributes


def test_a_head_predicts_what_it_learned():
    vectors, attributes = products()
    head = fit_head(vectors, attributes)
    fresh, truth = products(seed=2)
    assert set(head.words) == {"articleType", "gender"}
    for column, probabilities in head.class_probabilities(fresh).items():
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
        right = [head.words[column][place] == own[column] for place, own in zip(probabilities.argmax(axis=1), truth)]
        assert np.mean(right) > 0.99


def test_frequent_article_types_are_corrected_for_and_colors_are_not(monkeypatch):
    vectors = {"fashion": np.random.default_rng(4).normal(size=(240, 3)).astype(np.float32), "color": np.eye(240, 2)}
    words = [("Shirts", "Blue") if row % 12 else ("Dresses", "Red") for row in range(240)]
    attributes = [
        {"articleType": kind, "baseColour": color, "gender": "MW"[row % 2]} for row, (kind, color) in enumerate(words)
    ]
    corrected = fit_head(vectors, attributes).class_probabilities(vectors)
    monkeypatch.setattr(fitting, "PRIOR_CORRECTION", {})
    plain = fit_head(vectors, attributes).class_probabilities(vectors)
    # 220 shirts and 20 dresses, each with 20 added: the odds of a dress grow by the square root of six.
    odds = [found["articleType"][:, 0] / found["articleType"][:, 1] for found in (corrected, plain)]
    np.testing.assert_allclose(odds[0] / odds[1], 6**0.5, rtol=1e-3)
    np.testing.assert_array_equal(corrected["baseColour"], plain["baseColour"])


def test_the_same_catalogue_gives_the_same_head():
    heads = [fit_head(*products()).to_bytes() for _ in range(2)]
    assert heads[0] == heads[1]


def test_tuned_vectors_are_roots_of_probabilities():
    # One word is nearly certain: no input changes the logits, 20 and 0.
    head = AttributeHead({"gender": ("Men", "Women")}, {"gender": np.array([[0, 0], [0, 0], [20, 0]], np.float32)})
    vectors = {"fashion": np.ones((2, 1), np.float32), "color": np.ones((2, 1), np.float32)}
    np.testing.assert_allclose(head.tuned(vectors), [[1, 0], [1, 0]], atol=1e-4)
    known = head.tuned(vectors, [{"gender": "Women"}, {"gender": "an unknown word"}])
    np.testing.assert_allclose(known, [[0.1**0.5, 0.9**0.5], [1, 0]], atol=1e-4)


def test_a_head_survives_the_disk():
    head = fit_head(*products())
    again = AttributeHead.from_bytes(head.to_bytes())
    assert again.words == head.words
    vectors, _ = products(seed=3)
    np.testing.assert_array_equal(again.tuned(vectors), head.tuned(vectors))
    with pytest.raises((ValueError, OSError, zipfile.BadZipFile)):
        AttributeHead.from_bytes(head.to_bytes()[:200])


def test_missing_values_are_accepted_and_columns_that_cannot_be_learned_are_ignored():
    vectors, attributes = products()
    for row, own in enumerate(attributes):
        own["name"] = f"product {row}"  # as many words as products
        own["brand"] = "ours"  # one word for all
        if row % 3 == 0:
            del own["gender"]
    assert sorted(columns_to_learn(attributes)) == ["articleType", "gender"]
    assert set(fit_head(vectors, attributes).words) == {"articleType", "gender"}


def test_a_shops_own_columns_are_learned_too():
    vectors, attributes = products()
    own_words = [{"Warengruppe": own["articleType"]} for own in attributes]
    assert set(fit_head(vectors, own_words).words) == {"Warengruppe"}
    assert fit_head(vectors, [{} for _ in attributes]) is None


def test_one_kaggle_column_does_not_hide_the_shops_own_columns():
    vectors, attributes = products()
    own_words = [{"gender": own["gender"], "Warengruppe": own["articleType"]} for own in attributes]
    assert set(fit_head(vectors, own_words).words) == {"gender", "Warengruppe"}


def test_if_there_are_too_many_columns_those_that_most_products_have_are_learned():
    vectors, attributes = products()
    own_words = [{"kind": own["articleType"], **{f"tag{n}": own["gender"] for n in range(600)}} for own in attributes]
    for row, own in enumerate(own_words):
        own.pop(f"tag{row % 500}")
    head = fit_head(vectors, own_words)
    assert len(head.words) == MAX_COLUMNS and "kind" in head.words and "tag0" not in head.words
    assert AttributeHead.from_bytes(head.to_bytes()).words == head.words


def test_one_long_word_does_not_multiply_the_memory():
    words = ["a", "b"] * 5000 + ["long " * 20_000]
    tracemalloc.start()
    columns_to_learn([{"kind": word} for word in words])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6


def test_tuned_vectors_can_be_made_sure_of_words():
    vectors, attributes = products()
    head = fit_head(vectors, attributes)
    tuned = head.tuned(vectors)
    column = next(iter(head.words))
    first, second = head.words[column][:2]
    moved = head.with_words(tuned, column, (second, first, "unheard of"), 0.5)
    width = len(head.words[column])
    expected = np.zeros(width)
    expected[[1, 0]] = np.sqrt([1 / 1.5, 0.5 / 1.5])
    np.testing.assert_allclose(
        moved[:, :width], expected * np.linalg.norm(tuned[:, :width], axis=1, keepdims=True), atol=1e-6
    )
    np.testing.assert_array_equal(moved[:, width:], tuned[:, width:])
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1, atol=1e-5)
    assert moved.dtype == np.float32
    assert (
        head.with_words(tuned, column, ("unheard of",)) is tuned and head.with_words(tuned, "season", ("x",)) is tuned
    )
