import io

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from lookalike.errors import ImageError, IndexFileError
from lookalike.index import load_index
from lookalike.search import Recommender


@pytest.fixture
def shop(toy_index, toy):
    return Recommender(load_index(toy_index), toy)


def photo(color):
    buffer = io.BytesIO()
    Image.new("RGB", (30, 50), color).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_nearest_come_first_with_their_distances(shop):
    matches = shop.similar(photo("red"), k=4)
    assert [match.rank for match in matches] == [1, 2, 3, 4]
    assert [match.product.id for match in matches][:2] == ["1", "4"]  # red, then yellow: half of it is red
    assert {match.product.id for match in matches[2:]} == {"2", "3"}
    np.testing.assert_allclose(
        [match.distance for match in matches], [0, (2 - 2**0.5) ** 0.5, 2**0.5, 2**0.5], atol=1e-6
    )
    np.testing.assert_allclose([match.cosine for match in matches], [1, 0.5**0.5, 0, 0], atol=1e-6)
    assert matches[0].product.attributes["productDisplayName"] == "Red shirt"


def test_five_by_default_and_never_more_than_there_are(shop):
    assert len(shop.similar(photo("red"))) == 4
    assert len(shop.similar(photo("red"), k=2)) == 2


def test_a_path_and_its_bytes_are_one_query(shop, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(photo("green"))
    assert shop.similar(path) == shop.similar(path.read_bytes())


def test_a_product_finds_itself_first(shop):
    for row in range(4):
        product = shop.index.product(row)
        assert shop.similar(product.path, k=1)[0].product == product


def test_agrees_with_scikit_learn(shop):
    vectors = np.abs(np.random.default_rng(5).normal(size=(20, 3))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    fitted = NearestNeighbors(algorithm="brute", metric="euclidean").fit(shop.index.look)
    distances, rows = fitted.kneighbors(vectors, n_neighbors=4)
    for found, distance, row in zip(shop.nearest(vectors, 4), distances, rows):
        assert [match.product for match in found] == [shop.index.product(r) for r in row]
        np.testing.assert_allclose([match.distance for match in found], distance, atol=1e-6)


def test_bad_photos_and_wrong_widths_get_their_sentence(shop):
    with pytest.raises(ImageError, match="is not an image"):
        shop.similar(b"hello")
    with pytest.raises(IndexFileError, match="vectors of 3 numbers, the backbone gives 5"):
        shop.nearest(np.ones((1, 5), np.float32))
