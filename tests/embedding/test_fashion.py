import numpy as np
import pytest

from lookalike.embedding import fashion
from lookalike.files import file_sha256
from lookalike.images.decoding import load_pixels
from lookalike.index.attributes import read_styles
from tests.support.data import data


def test_the_weights_are_those_of_the_card_and_small_enough():
    about = fashion.description()
    assert file_sha256(fashion.WEIGHTS) == about["sha256"]
    assert fashion.WEIGHTS.stat().st_size <= 8_000_000
    assert about["dimension"] == fashion.DIMENSION == sum(about["parts"].values())
    assert about["input"]["side"] == fashion.SIDE == 16 * about["garment_grid"]
    assert fashion.WEIGHTS.with_suffix(".md").is_file()


def test_every_weight_is_float16():
    with np.load(fashion.WEIGHTS) as stored:
        assert {stored[name].dtype for name in stored.files} == {np.dtype(np.float16)}


def test_beliefs_are_probabilities_of_known_words(embedder):
    pixels = np.full((1, 224, 224, 3), 255, np.uint8)
    vector = embedder.vectors(pixels)["fashion"][0]
    for attribute in ("articleType", "baseColour", "gender"):
        beliefs = fashion.class_probabilities(vector, attribute)
        assert set(beliefs) == set(fashion.description()["vocabularies"][attribute])
        assert sum(beliefs.values()) == pytest.approx(1, abs=1e-5)
        assert list(beliefs.values()) == sorted(beliefs.values(), reverse=True)


def test_a_words_own_vector_is_believed_to_be_that_word():
    """Of the vector's parts only the one that the attribute is read from counts."""
    about = fashion.description()
    for attribute, start in (("articleType", 0), ("gender", 160), ("baseColour", 192)):
        for place in (0, 2):
            own, vector = fashion.head(attribute)[place], np.full(fashion.DIMENSION, 0.1, np.float32)
            vector[start : start + len(own)] = 0.3 * own
            assert next(iter(fashion.class_probabilities(vector, attribute))) == about["vocabularies"][attribute][place]


def test_held_out_products_are_believed_to_be_what_they_are(embedder):
    """Real products that the network never saw, a hundred of them."""
    images, styles = (data("fashion-product-images", name) for name in ("images", "styles.csv"))
    attributes = read_styles(styles)
    held = fashion.description()["held_out"]["product_ids"][:100]
    pixels = np.stack([load_pixels(images / f"{name}.jpg", 224) for name in held])
    vectors = embedder.vectors(pixels)["fashion"]
    for attribute, least in (("articleType", 0.75), ("gender", 0.8), ("baseColour", 0.5)):
        believed = [next(iter(fashion.class_probabilities(vector, attribute))) for vector in vectors]
        right = [word == attributes[name].get(attribute) for word, name in zip(believed, held)]
        assert np.mean(right) >= least, attribute


def test_the_held_out_products_are_those_that_the_rule_draws():
    """Whoever has the data can tell which products the network never saw, and that the list was not chosen."""
    held = fashion.description()["held_out"]
    names = sorted(path.stem for path in data("fashion-product-images", "images").iterdir())
    drawn = np.random.default_rng(held["seed"]).permutation(len(names))[: held["products"]]
    assert sorted(held["product_ids"]) == sorted(names[place] for place in drawn) and len(drawn) == 1500
