"""Photos that heads learn from: in a shop's own words, and only beside products of the same network."""

import numpy as np
import pytest

from lookalike.embedding.fashion import describe_fashion, find_fashion
from lookalike.errors import WeightsError
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN
from lookalike.tuning import photo_examples as module
from lookalike.tuning.fitting import fit_head
from lookalike.tuning.photo_examples import PhotoExamples, photo_examples, write_examples


@pytest.fixture
def examples():
    rng = np.random.default_rng(1)
    vectors = {"fashion": rng.normal(size=(3, 6)).astype(np.float32), "color": np.eye(3, dtype=np.float32)}
    words = {
        TYPE_COLUMN: [["Tshirts", "Tops"], ["Jeans"], []],
        COLOR_COLUMN: [["Grey", "Silver"], [], ["Red"]],
        GENDER_COLUMN: [["Men"], ["Women"], []],
    }
    return PhotoExamples(vectors, words)


def test_a_photo_gets_the_best_word_that_the_shop_uses(examples):
    shop = {TYPE_COLUMN: {"TOP", "jean"}, COLOR_COLUMN: {"silver", "red"}, GENDER_COLUMN: {"Boys"}}
    assert examples.in_words_of(shop) == [
        {TYPE_COLUMN: "TOP", COLOR_COLUMN: "silver"},
        {TYPE_COLUMN: "jean"},
        {COLOR_COLUMN: "red"},
    ]


def test_a_shop_with_columns_of_its_own_learns_nothing_from_photos(examples):
    assert examples.in_words_of({"Warengruppe": {"Hosen"}}) == [{}, {}, {}]


def test_the_packages_photos_can_be_read_and_hold_no_picture():
    photos = photo_examples()
    n = len(photos.vectors["fashion"])
    assert n > 2000 and photos.vectors["fashion"].shape == (n, describe_fashion().dimension)
    assert photos.vectors["color"].shape == (n, 40) and all(len(own) == n for own in photos.words.values())
    np.testing.assert_allclose(np.linalg.norm(photos.vectors["fashion"], axis=1), 1, atol=1e-2)
    assert module.FILE.stat().st_size < 3_000_000


def test_photos_of_another_network_are_refused_in_a_sentence(tmp_path, monkeypatch, examples):
    path = tmp_path / "photos.npz"
    monkeypatch.setattr(module, "FILE", path)
    photo_examples.cache_clear()
    with pytest.raises(WeightsError, match="Fetch the repository again"):
        photo_examples()
    write_examples(path, examples.vectors, examples.words)
    assert photo_examples().words == examples.words
    photo_examples.cache_clear()
    monkeypatch.setattr(module, "find_fashion", lambda: type("Other", (), {"manifest_key": lambda self: "other"})())
    with pytest.raises(WeightsError, match="another fashion network"):
        photo_examples()
    monkeypatch.undo()
    photo_examples.cache_clear()
    assert find_fashion().manifest_key()


def test_a_head_learns_what_photos_show_and_keeps_the_shops_words():
    """Products of two colors differ in one direction, photos of them in another one too."""
    rng = np.random.default_rng(2)
    colors = np.tile(["Blue", "Red"], 40)
    sign = np.where(colors == "Red", 1.0, -1.0)
    fashion = rng.normal(0, 0.3, (80, 6)).astype(np.float32)
    fashion[:, 0] += sign
    products = {"fashion": fashion, "color": np.zeros((80, 2), np.float32)}
    shot = rng.normal(0, 0.3, (60, 6)).astype(np.float32)
    names = np.tile(["red", "blue"], 30)
    shot[:, 1] += np.where(names == "red", 1.0, -1.0)
    photos = PhotoExamples(
        {"fashion": shot, "color": np.zeros((60, 2), np.float32)}, {COLOR_COLUMN: [[name] for name in names]}
    )
    attributes = [{COLOR_COLUMN: color} for color in colors]
    asked = {"fashion": np.float32([[0, 1, 0, 0, 0, 0]]), "color": np.zeros((1, 2), np.float32)}
    plain, taught = (fit_head(products, attributes, photos=known) for known in (None, photos))
    assert taught.words == plain.words == {COLOR_COLUMN: ("Blue", "Red")}
    assert taught.class_probabilities(asked)[COLOR_COLUMN][0, 1] > 0.9
    assert abs(plain.class_probabilities(asked)[COLOR_COLUMN][0, 1] - 0.5) < 0.35
    sure = taught.class_probabilities(products)[COLOR_COLUMN].argmax(axis=1)
    assert (sure == (colors == "Red")).mean() > 0.97
