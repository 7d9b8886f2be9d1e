from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lookalike.embedding.backbones import find_backbone
from lookalike.embedding.embedder import load_embedder
from lookalike.images.decoding import load_pixels
from lookalike.index.attribute_head import AttributeHead
from lookalike.index.reading import Index, load_index
from lookalike.search.closeness import LIMIT, Closeness, UnrelatedPhotoDetector, neighbor_distances, synthetic_blanks
from tests.support.data import data, real_images


def index_of(head=None, **spaces):
    spaces = {name: np.asarray(matrix, np.float32) for name, matrix in spaces.items()}
    names = tuple(f"{row}.jpg" for row in range(len(spaces["look"])))
    return Index(Path("."), names, spaces, {}, {}, head)


def at(*angles):
    """Unit vectors in a plane; a and b lie 2 sin(|a − b| / 2) apart."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def apart(angle):
    return 2 * np.sin(angle / 2)


def test_each_product_finds_its_nearest_other():
    found = neighbor_distances(index_of(look=at(0, 0.5, 1.5)), np.arange(3))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [apart(0.5), apart(0.5), apart(1)], atol=1e-6)


def test_the_same_picture_does_not_count():
    equal = index_of(look=at(0, 0, 0.5))
    np.testing.assert_allclose(neighbor_distances(equal, np.arange(3)), apart(0.5), atol=1e-6)
    alike = at(0, 0.1, 0.5)
    found = neighbor_distances(index_of(look=alike, fashion=alike), np.arange(3), {"fashion": 1})
    np.testing.assert_allclose(found, [apart(0.5), apart(0.4), apart(0.4)], atol=1e-6)


def test_pictures_alike_in_one_space_only_do_count():
    index = index_of(look=at(0, 0.1), fashion=at(0, 1))
    np.testing.assert_allclose(neighbor_distances(index, np.arange(2), {"look": 1}), apart(0.1), atol=1e-6)


def test_weights_average_the_squared_distances_and_leave_out_what_is_not_there():
    index = index_of(look=at(0, 1), fashion=at(0, 0.5))
    found = neighbor_distances(index, np.arange(2), {"look": 3, "fashion": 1, "tuned": 5, "color": 0})
    np.testing.assert_allclose(found, ((3 * apart(1) ** 2 + apart(0.5) ** 2) / 4) ** 0.5, atol=1e-6)


def test_products_are_asked_as_photos_are_without_the_shops_word():
    # A head that knows nothing believes in both words alike, and the products' own vectors are sure of theirs.
    head = AttributeHead({"kind": ("a", "b")}, {"kind": np.zeros((5, 2), np.float32)})
    others = {"look": at(0, 1), "fashion": at(0, 1), "color": at(0, 1)}
    found = neighbor_distances(index_of(head, **others, tuned=np.eye(2)), np.arange(2), {"tuned": 1})
    np.testing.assert_allclose(found, (2 - 2 * 0.5**0.5) ** 0.5, atol=1e-6)


def test_a_large_catalogue_is_searched_in_parts():
    look = np.random.default_rng(1).normal(size=(9000, 4)).astype(np.float32)
    look /= np.linalg.norm(look, axis=1, keepdims=True)
    rows = np.array([0, 4000, 8191, 8192, 8999])
    distances = np.linalg.norm(look[rows][:, None] - look[None], axis=2)
    distances[distances < 0.01] = np.inf
    np.testing.assert_allclose(neighbor_distances(index_of(look=look), rows), distances.min(axis=1), atol=1e-4)


def test_closer_than_is_the_share_of_neighbors_that_are_farther():
    closeness = Closeness(index_of(look=at(0, 0.5, 1.5, 2.6)))  # neighbors at angles 0.5, 0.5, 1 and 1.1
    asked = [0, apart(0.4), apart(0.6), apart(1.05), apart(1.2), 2, float("nan")]
    assert [closeness.closer_than(distance) for distance in asked] == [1, 1, 0.5, 0.25, 0, 0, 0]


def test_nobody_is_closer_where_there_are_no_neighbors():
    assert Closeness(index_of(look=at(0))).closer_than(0) == 0
    assert Closeness(index_of(look=at(1, 1, 1))).closer_than(0.1) == 0


def test_the_sample_is_drawn_by_a_seed():
    index = index_of(look=at(*np.random.default_rng(3).uniform(0, 1.5, 300)))
    one, same, other = Closeness(index, most=50), Closeness(index, most=50), Closeness(index, most=50, seed=1)
    assert len(one.distances) <= 50
    np.testing.assert_array_equal(one.distances, same.distances)
    assert one.distances.tolist() != other.distances.tolist()
    assert (np.diff(one.distances) >= 0).all()


def test_drawn_nothing_is_the_same_every_time():
    pictures = synthetic_blanks(8)
    assert pictures.shape == (24, 8, 8, 3) and pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures, synthetic_blanks(8))
    assert len({picture.tobytes() for picture in pictures}) == 24


def test_like_nothing_is_what_lies_about_as_far_away_as_drawn_nothing(toy_index, toy):
    index = load_index(toy_index)
    nothing = UnrelatedPhotoDetector(index, toy)
    distances = np.linalg.norm(toy.embed(synthetic_blanks(8))[:, None] - index.look[None], axis=2).min(axis=1)
    assert nothing.limit == pytest.approx(LIMIT * np.median(distances), abs=1e-6)
    yellow, white = (np.array([rgb], np.float32) / sum(rgb) ** 0.5 for rgb in ((1, 1, 0), (1, 1, 1)))
    np.testing.assert_allclose(nothing.distances(white), [(2 - 2 * (2 / 3) ** 0.5) ** 0.5], atol=1e-6)
    assert nothing.rejects({"look": white}) is True
    assert nothing.rejects({"look": yellow}) is False
    assert nothing.rejects({"look": np.concatenate([white, yellow])}) is False  # one photo of two shows something


def page_of_text(seed):
    rng = np.random.default_rng(seed)
    page = Image.new("RGB", (224, 224), "white")
    for y in range(5, 220, 14):
        line = "".join(map(chr, rng.integers(97, 123, 36)))
        ImageDraw.Draw(page).text((5, y), line, fill="black")
    return np.asarray(page)


def test_real_photos_of_clothes_are_not_like_nothing_and_pages_of_text_are():
    """As measured with 1,500 products: 0 % of 341 photos, 100 % of 20 pages and 82 % of all sorts of nothing."""
    photos = sorted(data("shopper-photos").glob("*/*"))[::12]
    embedder = load_embedder(find_backbone("efficientnet-lite0"))
    products = np.stack([load_pixels(path, 224) for path in real_images(9000)[::75]])
    index = index_of(look=embedder.embed(products))
    nothing = UnrelatedPhotoDetector(index, embedder)
    clothes = [nothing.rejects({"look": embedder.embed(load_pixels(path, 224)[None])}) for path in photos]
    assert np.mean(clothes) <= 0.07
    assert all(nothing.rejects({"look": embedder.embed(page_of_text(seed)[None])}) for seed in range(5))
