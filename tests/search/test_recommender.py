import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from lookalike.errors import ImageError, IndexFileError
from lookalike.index.reading import Index, load_index
from lookalike.search.recommender import DEFAULT_WEIGHTS, SAME_COLOR, SAME_LOOK, Recommender, balanced, default_weights


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


def planted(n=3000, d=16, seed=5):
    """Unit vectors, of which every tenth stands there three times: ties that any search must order alike."""
    vectors = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    vectors[1::10] = vectors[::10]
    vectors[2::10] = vectors[::10]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def shop_of(toy, **spaces):
    n = len(spaces["look"])
    index = Index(Path("."), tuple(f"{row}.jpg" for row in range(n)), spaces, {}, {})
    return Recommender(index, toy)


def same_but_for_ties(rows, distances, expected_rows, expected_distances):
    """Equal distances, and equal rows but where products at one distance can stand for each other."""
    np.testing.assert_allclose(distances, expected_distances, atol=2e-7)
    for row, other, distance in zip(rows, expected_rows, expected_distances):
        tied = np.isclose(expected_distances, distance, atol=2e-7).sum() > 1 or distance == expected_distances[-1]
        assert row == other or tied


def test_one_query_gets_what_scikit_learn_gives(toy):
    look = planted()
    shop = shop_of(toy, look=look)
    fitted = NearestNeighbors(algorithm="brute", metric="euclidean").fit(look)
    for row in range(200):
        distances, rows = fitted.kneighbors(look[row : row + 1], n_neighbors=6)
        found, measured = shop.nearest({"look": look[row : row + 1]}, 6)
        same_but_for_ties(found[0], measured[0], rows[0], distances[0])


def test_without_ties_the_rows_are_scikit_learns(toy):
    look = np.random.default_rng(6).normal(size=(5000, 64)).astype(np.float32)
    look /= np.linalg.norm(look, axis=1, keepdims=True)
    queries = look[:50] + np.float32(0.01)
    expected = NearestNeighbors(algorithm="brute", metric="euclidean").fit(look).kneighbors(queries, n_neighbors=10)[1]
    shop = shop_of(toy, look=look)
    np.testing.assert_array_equal(shop.nearest({"look": queries}, 10)[0], expected)
    np.testing.assert_array_equal([shop.nearest({"look": q[None]}, 10)[0][0] for q in queries], expected)


def test_ties_stand_in_the_catalogues_order(toy):
    look = np.tile(np.array([[0, 1], [1, 0]], np.float32), (4, 1))
    shop = shop_of(toy, look=look)
    for queries in (look[1:2], look[[1, 3]]):
        np.testing.assert_array_equal(shop.nearest({"look": queries}, 4)[0][0], [1, 3, 5, 7])


def test_weights_average_the_squared_distances_of_the_spaces(toy):
    index = Index(
        Path("."),
        ("a.jpg", "b.jpg"),
        {"look": np.eye(2, dtype=np.float32), "color": np.eye(2, dtype=np.float32)[::-1]},
        {},
        {},
    )
    query = {"look": np.array([[1, 0]], np.float32), "color": np.array([[1, 0]], np.float32)}
    rows, distances = Recommender(index, toy, {"look": 3.0, "color": 1.0}).nearest(query, 2)
    np.testing.assert_array_equal(rows, [[0, 1]])  # a: 0 in look, 2 in color; b: the other way round
    np.testing.assert_allclose(distances, [[(2 / 4) ** 0.5, (6 / 4) ** 0.5]], atol=1e-6)


def test_the_default_ranking_is_the_best_space_there_is():
    assert default_weights({"look": 0}) == {"look": 1.0}
    assert default_weights({"look": 0, "fashion": 0, "color": 0}) == DEFAULT_WEIGHTS[1]
    assert default_weights({"look": 0, "fashion": 0, "color": 0, "tuned": 0}) == DEFAULT_WEIGHTS[0]


def test_filters_and_products_left_out_apply_before_the_ranking(toy):
    look = planted(400)
    attributes = {str(row): {"gender": "Men" if row % 40 == 7 else "Women"} for row in range(400)}
    index = Index(Path("."), tuple(f"{row}.jpg" for row in range(400)), {"look": look}, attributes, {})
    shop = Recommender(index, toy)
    men = [match.product.id for match in shop.distinct_matches({"look": look[:1]}, 5, filters={"gender": ("Men",)})]
    assert len(men) == 5 and all(int(id) % 40 == 7 for id in men)
    rest = shop.distinct_matches(
        {"look": look[:1]}, 10, filters={"gender": ("Men",)}, excluded=[int(men[0]), int(men[1])]
    )
    assert [match.product.id for match in rest][:3] == men[2:] and len(rest) == 8
    assert shop.distinct_matches({"look": look[:1]}, 5, filters={"gender": ("Nobody",)}) == []
    several, _ = shop.nearest({"look": look[:2]}, 3, filters={"gender": ("Men",)})
    assert several.shape == (2, 3) and (several % 40 == 7).all()


def test_a_product_can_be_the_query(shop):
    row = shop.row("4")
    assert shop.index.product(row).id == "4" and shop.row("nobody") is None
    matches = shop.distinct_matches(shop.product_vectors(row), 3, excluded=[row])
    assert "4" not in [match.product.id for match in matches] and len(matches) == 3


def test_the_balance_goes_from_the_same_look_to_the_same_color():
    weights = {"tuned": 0.5, "fashion": 0.45, "look": 0.05}
    assert balanced(weights, 0.5) == weights
    assert {name: w for name, w in balanced(weights, 0).items() if w} == SAME_LOOK
    assert {name: w for name, w in balanced(weights, 1).items() if w} == SAME_COLOR
    assert sum(balanced(weights, 0.8).values()) == pytest.approx(1)
    assert balanced(weights, 0.75)["color"] == pytest.approx(0.35)


def test_one_picture_takes_one_place(toy):
    angle = np.array([0, 0.01, 0.02, 0.6, 0.9, 1.2])
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    shop = shop_of(toy, look=vectors, fashion=vectors)
    matches = shop.distinct_matches({"look": vectors[:1], "fashion": vectors[:1]}, 3)
    assert [match.product.name for match in matches] == ["0.jpg", "3.jpg", "4.jpg"]
    assert [product.name for product in matches[0].same] == ["1.jpg", "2.jpg"]
    assert [match.rank for match in matches] == [1, 2, 3] and matches[1].same == ()


def test_bad_photos_and_wrong_widths_get_their_sentence(shop):
    with pytest.raises(ImageError, match="is not an image"):
        shop.similar(b"hello")
    with pytest.raises(IndexFileError, match="look vectors of 3 numbers, the photo's has 5"):
        shop.nearest({"look": np.ones((1, 5), np.float32)})
