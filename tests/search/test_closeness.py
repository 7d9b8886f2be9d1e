import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lookalike.embedding.backbones import find_backbone
from lookalike.embedding.embedder import load_embedder
from lookalike.errors import ServerError
from lookalike.images.decoding import load_pixels
from lookalike.index.attribute_head import AttributeHead
from lookalike.index.reading import Index, load_index
from lookalike.search.closeness import (
    CHUNK,
    UNRELATED_SHARE,
    Calibration,
    Closeness,
    UnrelatedPhotoDetector,
    neighbor_distances,
    synthetic_blanks,
)
from lookalike.search.recommender import Ranking, Recommender
from tests.support.data import data, real_images


def index_of(head=None, **spaces):
    spaces = {name: np.asarray(matrix, np.float32) for name, matrix in spaces.items()}
    names = tuple(f"{row}.jpg" for row in range(len(spaces["look"])))
    return Index(Path("."), names, spaces, {}, {}, head)


def at(*angles):
    """Return unit vectors in a plane; those at a and b are 2 sin(|a − b| / 2) apart."""
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


def test_pictures_alike_in_only_one_space_count():
    index = index_of(look=at(0, 0.1), fashion=at(0, 1))
    np.testing.assert_allclose(neighbor_distances(index, np.arange(2), {"look": 1}), apart(0.1), atol=1e-6)


def test_weights_average_the_squared_distances_of_the_spaces_that_exist():
    index = index_of(look=at(0, 1), fashion=at(0, 0.5))
    found = neighbor_distances(index, np.arange(2), {"look": 3, "fashion": 1, "tuned": 5, "color": 0})
    np.testing.assert_allclose(found, ((3 * apart(1) ** 2 + apart(0.5) ** 2) / 4) ** 0.5, atol=1e-6)


def test_products_are_queried_like_photos_without_the_shops_own_attributes():
    # An untrained head finds both words equally likely, while the products' own vectors are sure of theirs.
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


def test_nothing_is_closer_if_there_are_no_neighbors():
    assert Closeness(index_of(look=at(0))).closer_than(0) == 0
    assert Closeness(index_of(look=at(1, 1, 1))).closer_than(0.1) == 0


@pytest.mark.parametrize("of_product", [False, True])
def test_a_tenth_of_the_products_is_closer_than_nine_tenths_however_they_are_asked(of_product):
    rng = np.random.default_rng(5)
    words = rng.integers(0, 6, 400)
    fashion = np.eye(8)[words] + rng.normal(0, 0.6, (400, 8))
    fashion = (fashion / np.linalg.norm(fashion, axis=1, keepdims=True)).astype(np.float32)
    head = AttributeHead({"kind": tuple("abcdef")}, {"kind": np.eye(10, 6, dtype=np.float32) * 4})
    spaces = {"look": fashion, "fashion": fashion, "color": np.ones((400, 1), np.float32)}
    tuned = head.tuned(spaces, [{"kind": "abcdef"[word]} for word in words])
    index = index_of(head, **spaces, tuned=tuned)
    ranking, closeness = Ranking(index), Closeness(index, max_sampled=400)
    shares = []
    for row in range(400):
        vectors = ranking.product_vectors(row)
        if not of_product:
            vectors = index.with_tuned({name: vectors[name] for name in spaces})
        match = ranking.distinct_matches(vectors, 1, excluded=(row,))[0]
        shares.append(closeness.closer_than(match.distance, of_product))
    assert 0.06 <= np.mean(np.array(shares) >= 0.9) <= 0.14


def test_a_seed_decides_the_sample():
    index = index_of(look=at(*np.random.default_rng(3).uniform(0, 1.5, 300)))
    one, same, other = (
        Closeness(index, max_sampled=50),
        Closeness(index, max_sampled=50),
        Closeness(index, max_sampled=50, seed=1),
    )
    assert len(one.distances) <= 50
    np.testing.assert_array_equal(one.distances, same.distances)
    assert one.distances.tolist() != other.distances.tolist()
    assert (np.diff(one.distances) >= 0).all()


def test_synthetic_blanks_are_always_the_same():
    pictures = synthetic_blanks(8)
    assert pictures.shape == (24, 8, 8, 3) and pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures, synthetic_blanks(8))
    assert len({picture.tobytes() for picture in pictures}) == 24


def test_a_photo_about_as_far_away_as_synthetic_blanks_is_rejected(toy_index, toy):
    index = load_index(toy_index)
    detector = UnrelatedPhotoDetector(index, toy)
    distances = np.linalg.norm(toy.embed(synthetic_blanks(8))[:, None] - index.look[None], axis=2).min(axis=1)
    assert detector.limit == pytest.approx(UNRELATED_SHARE * np.median(distances), abs=1e-6)
    yellow, white = (np.array([rgb], np.float32) / sum(rgb) ** 0.5 for rgb in ((1, 1, 0), (1, 1, 1)))
    np.testing.assert_allclose(detector.distances(white), [(2 - 2 * (2 / 3) ** 0.5) ** 0.5], atol=1e-6)
    assert detector.rejects({"look": white}) is True
    assert detector.rejects({"look": yellow}) is False
    assert detector.rejects({"look": np.concatenate([white, yellow])}) is False  # one photo of two shows something


@pytest.mark.parametrize("place", [0, CHUNK - 1, CHUNK, 3 * CHUNK + 17])
def test_one_related_product_is_enough_wherever_it_stands(place):
    look = np.tile(at(1.5), (3 * CHUNK + 18, 1))
    look[place] = at(0.2)[0]
    detector = UnrelatedPhotoDetector(index_of(look=look), None)
    detector.limit = apart(0.3)
    for angle in (0, 0.1, 0.45, 0.55, 1.1, 1.6):
        asked = at(angle, angle - 0.05)
        is_unrelated = bool((detector.distances(asked) > detector.limit).all())
        assert detector.rejects({"look": asked}) is is_unrelated
    assert detector.rejects({"look": at(0.1)}) is False and detector.rejects({"look": at(0.7)}) is True


def page_of_text(seed):
    rng = np.random.default_rng(seed)
    page = Image.new("RGB", (224, 224), "white")
    for y in range(5, 220, 14):
        line = "".join(map(chr, rng.integers(97, 123, 36)))
        ImageDraw.Draw(page).text((5, y), line, fill="black")
    return np.asarray(page)


def test_real_photos_of_clothes_are_accepted_and_pages_of_text_rejected():
    """As measured with 1,500 products: 0 % of 341 photos, 100 % of 20 pages and 82 % of other non-clothes."""
    photos = sorted(data("shopper-photos").glob("*/*"))[::12]
    embedder = load_embedder(find_backbone("efficientnet-lite0"))
    products = np.stack([load_pixels(path, 224) for path in real_images(9000)[::75]])
    index = index_of(look=embedder.embed(products))
    detector = UnrelatedPhotoDetector(index, embedder)
    clothes = [detector.rejects({"look": embedder.embed(load_pixels(path, 224)[None])}) for path in photos]
    assert np.mean(clothes) <= 0.07
    assert all(detector.rejects({"look": embedder.embed(page_of_text(seed)[None])}) for seed in range(5))


class Server:
    """An index on a server that can go down."""

    def __init__(self, index):
        self.index, self.is_down, self.released = index, False, threading.Event()
        self.released.set()

    def __getattr__(self, name):
        return getattr(self.index, name)

    def searcher(self):
        self.released.wait(20)
        if self.is_down:
            raise ServerError("The server does not answer.")
        return self.index.searcher()


@pytest.fixture
def server(toy_index):
    return Server(load_index(toy_index))


def closeness_soon(calibration, balance):
    for _ in range(1000):
        if found := calibration.closeness(balance):
            return found
        threading.Event().wait(0.01)
    raise AssertionError("the closeness never got ready")


def test_a_calibration_waits_for_the_usual_balance_alone(server, toy):
    recommender = Recommender(server, toy)
    server.released.clear()
    calibration = Calibration(recommender, (0, 0.5, 1))
    assert calibration.closeness(0) is None and calibration.closeness(0.3) is None
    threading.Timer(0.1, server.released.set).start()
    expected = Closeness(server.index, recommender.rule).distances
    np.testing.assert_array_equal(calibration.closeness(0.5).distances, expected)
    assert closeness_soon(calibration, 0) is calibration.closeness(0)
    assert calibration.detector() is calibration.detector()


def test_a_failed_calibration_is_computed_again_at_the_next_call(server, toy):
    recommender = Recommender(server, toy)
    server.is_down = True
    calibration = Calibration(recommender, (0, 0.5, 1))
    for compute in (calibration.detector, lambda: calibration.closeness(0.5)):
        with pytest.raises(ServerError):
            compute()
    assert calibration.closeness(0) is None
    server.is_down = False
    assert calibration.detector().limit > 0
    assert len(calibration.closeness(0.5).distances) == 4
    assert len(closeness_soon(calibration, 1).distances) == 4
