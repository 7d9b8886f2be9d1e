import json

import numpy as np
import pytest

from lookalike.embedding import fashion
from lookalike.errors import WeightsError
from lookalike.files import file_sha256
from lookalike.images.decoding import load_pixels
from lookalike.index.attributes import read_styles
from tests.support.data import data

STORED = json.loads(fashion.DESCRIPTION.read_text(encoding="utf-8"))


def test_the_weights_are_those_of_the_card_and_small_enough():
    network = fashion.describe_fashion()
    assert file_sha256(fashion.WEIGHTS) == STORED["sha256"]
    assert fashion.WEIGHTS.stat().st_size <= 8_000_000
    assert network.dimension == sum(network.parts[name] for name in network.part_weights) == 256
    assert network.preprocessing.size == 16 * network.garment_grid == 192


def test_the_figures_in_the_cards_front_matter_are_those_of_its_tables():
    yaml = pytest.importorskip("yaml")
    _, front_matter, card = fashion.WEIGHTS.with_suffix(".md").read_text(encoding="utf-8").split("---\n", 2)
    stated = yaml.safe_load(front_matter)
    assert (stated["license"], stated["library_name"]) == ("apache-2.0", "keras")
    for result in stated["model-index"][0]["results"]:
        values = [f"{metric['value']:.3f} (" for metric in result["metrics"]]
        assert any(all(value in row for value in values) for row in card.splitlines()), result["dataset"]["name"]


@pytest.mark.parametrize("change", [{"drawn": 0.4}, {"input": None}, {"pool_floor": None}])
def test_a_description_that_the_code_does_not_follow_is_refused(change, tmp_path):
    path = tmp_path / "fashion.json"
    path.write_text(json.dumps({key: value for key, value in {**STORED, **change}.items() if value is not None}))
    with pytest.raises(WeightsError, match="does not describe the fashion network"):
        fashion.describe_fashion(path)


def test_every_weight_is_float16():
    with np.load(fashion.WEIGHTS) as stored:
        assert {stored[name].dtype for name in stored.files} == {np.dtype(np.float16)}


def test_probabilities_cover_the_known_words_and_add_up_to_1(embedder):
    pixels = np.full((1, 224, 224, 3), 255, np.uint8)
    vector = embedder.vectors(pixels)["fashion"][0]
    for attribute in ("articleType", "baseColour", "gender"):
        probabilities = fashion.class_probabilities(vector, attribute)
        assert set(probabilities) == set(fashion.describe_fashion().vocabularies[attribute])
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert list(probabilities.values()) == sorted(probabilities.values(), reverse=True)


def test_a_words_own_vector_gets_that_word():
    """Only the part of the vector that the attribute is read from counts."""
    network = fashion.describe_fashion()
    for attribute, start in (("articleType", 0), ("gender", 160), ("baseColour", 192)):
        for place in (0, 2):
            own, vector = fashion.word_vectors(attribute)[place], np.full(network.dimension, 0.1, np.float32)
            vector[start : start + len(own)] = 0.3 * own
            assert next(iter(fashion.class_probabilities(vector, attribute))) == network.vocabularies[attribute][place]


def test_the_network_recognizes_held_out_products(embedder):
    """A hundred real products that the network never saw."""
    images, styles = (data("fashion-product-images", name) for name in ("images", "styles.csv"))
    attributes = read_styles(styles)
    held = STORED["held_out"]["product_ids"][:100]
    pixels = np.stack([load_pixels(images / f"{name}.jpg", 224) for name in held])
    vectors = embedder.vectors(pixels)["fashion"]
    for attribute, min_accuracy in (("articleType", 0.75), ("gender", 0.8), ("baseColour", 0.5)):
        words = [next(iter(fashion.class_probabilities(vector, attribute))) for vector in vectors]
        right = [word == attributes[name].get(attribute) for word, name in zip(words, held)]
        assert np.mean(right) >= min_accuracy, attribute


def test_the_held_out_products_were_drawn_by_the_rule():
    """Anyone with the data can check which products the network never saw, and that nobody chose them."""
    held = STORED["held_out"]
    names = sorted(path.stem for path in data("fashion-product-images", "images").iterdir())
    drawn = np.random.default_rng(held["seed"]).permutation(len(names))[: held["products"]]
    assert sorted(held["product_ids"]) == sorted(names[place] for place in drawn) and len(drawn) == 1500


def test_a_vector_can_be_moved_to_words_of_one_attribute():
    vectors = np.random.default_rng(0).normal(size=(3, 256)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    moved = fashion.with_words(vectors, "baseColour", ("Red", "unheard of"))
    assert [next(iter(fashion.class_probabilities(vector, "baseColour"))) for vector in moved] == ["Red"] * 3
    np.testing.assert_array_equal(moved[:, :192], vectors[:, :192])
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1, atol=1e-5)
    two = fashion.with_words(vectors, "gender", ("Men", "Unisex"))
    probabilities = fashion.class_probabilities(two[0], "gender")
    assert list(probabilities)[:2] == ["Men", "Unisex"]
    for attribute, words in (("baseColour", ("unheard of",)), ("usage", ("Sports",)), ("season", ("Summer",))):
        assert fashion.with_words(vectors, attribute, words) is vectors
