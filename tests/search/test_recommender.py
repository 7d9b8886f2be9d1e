import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from lookalike.analysis.audit import find_duplicates
from lookalike.errors import ImageError, IndexFileError, LookalikeError
from lookalike.index.reading import Index, load_index
from lookalike.search.closeness import neighbor_distances
from lookalike.search.ranking_rule import RankingRule
from lookalike.search.recommender import Ranking, Recommender


@pytest.fixture
def recommender(toy_index, toy):
    return Recommender(load_index(toy_index), toy)


def photo(color):
    buffer = io.BytesIO()
    Image.new("RGB", (30, 50), color).save(buffer, "PNG")
    return buffer.getvalue()


def test_the_nearest_come_first_with_their_distances(recommender):
    matches = recommender.similar(photo("red"), k=4)
    assert [match.rank for match in matches] == [1, 2, 3, 4]
    assert [match.product.id for match in matches][:2] == ["1", "4"]  # red, then yellow: half of it is red
    assert {match.product.id for match in matches[2:]} == {"2", "3"}
    np.testing.assert_allclose(
        [match.distance for match in matches], [0, (2 - 2**0.5) ** 0.5, 2**0.5, 2**0.5], atol=1e-6
    )
    np.testing.assert_allclose([match.cosine for match in matches], [1, 0.5**0.5, 0, 0], atol=1e-6)
    assert matches[0].product.attributes["productDisplayName"] == "Red shirt"


def test_there_are_five_matches_by_default_and_never_more_than_products(recommender):
    assert len(recommender.similar(photo("red"))) == 4
    assert len(recommender.similar(photo("red"), k=2)) == 2


def test_a_path_and_its_bytes_are_the_same_query(recommender, tmp_path):
    path = tmp_path / "photo.png"
    path.write_bytes(photo("green"))
    assert recommender.similar(path) == recommender.similar(path.read_bytes())


def test_a_product_finds_itself_first(recommender):
    for row in range(4):
        product = recommender.index.product(row)
        assert recommender.similar(product.path, k=1)[0].product == product


def vectors_with_ties(n=3000, d=16, seed=5):
    """Return unit vectors, every tenth of which occurs three times: ties that any search must order alike."""
    vectors = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    vectors[1::10] = vectors[::10]
    vectors[2::10] = vectors[::10]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def ranking_of(**spaces):
    n = len(spaces["look"])
    return Ranking(Index(Path("."), tuple(f"{row}.jpg" for row in range(n)), spaces, {}, {}))


def assert_equal_except_ties(rows, distances, expected_rows, expected_distances):
    """Check that distances are equal, and rows too unless products at the same distance were swapped."""
    np.testing.assert_allclose(distances, expected_distances, atol=2e-7)
    for row, other, distance in zip(rows, expected_rows, expected_distances):
        tied = np.isclose(expected_distances, distance, atol=2e-7).sum() > 1 or distance == expected_distances[-1]
        assert row == other or tied


def test_one_query_finds_the_same_as_scikit_learn():
    look = vectors_with_ties()
    ranking = ranking_of(look=look)
    fitted = NearestNeighbors(algorithm="brute", metric="euclidean").fit(look)
    for row in range(200):
        distances, rows = fitted.kneighbors(look[row : row + 1], n_neighbors=6)
        found, measured = ranking.nearest({"look": look[row : row + 1]}, 6)
        assert_equal_except_ties(found[0], measured[0], rows[0], distances[0])


def test_without_ties_the_rows_equal_those_of_scikit_learn():
    look = np.random.default_rng(6).normal(size=(5000, 64)).astype(np.float32)
    look /= np.linalg.norm(look, axis=1, keepdims=True)
    queries = look[:50] + np.float32(0.01)
    expected = NearestNeighbors(algorithm="brute", metric="euclidean").fit(look).kneighbors(queries, n_neighbors=10)[1]
    ranking = ranking_of(look=look)
    np.testing.assert_array_equal(ranking.nearest({"look": queries}, 10)[0], expected)
    np.testing.assert_array_equal([ranking.nearest({"look": q[None]}, 10)[0][0] for q in queries], expected)


def test_ties_keep_the_catalogues_order():
    look = np.tile(np.array([[0, 1], [1, 0]], np.float32), (4, 1))
    ranking = ranking_of(look=look)
    for queries in (look[1:2], look[[1, 3]]):
        np.testing.assert_array_equal(ranking.nearest({"look": queries}, 4)[0][0], [1, 3, 5, 7])


def test_weights_average_the_squared_distances_of_the_spaces():
    index = Index(
        Path("."),
        ("a.jpg", "b.jpg"),
        {"look": np.eye(2, dtype=np.float32), "color": np.eye(2, dtype=np.float32)[::-1]},
        {},
        {},
    )
    query = {"look": np.array([[1, 0]], np.float32), "color": np.array([[1, 0]], np.float32)}
    rows, distances = Ranking(index, {"look": 3.0, "color": 1.0}).nearest(query, 2)
    np.testing.assert_array_equal(rows, [[0, 1]])  # a: 0 in look, 2 in color; b: the opposite
    np.testing.assert_allclose(distances, [[(2 / 4) ** 0.5, (6 / 4) ** 0.5]], atol=1e-6)


def test_filters_and_excluded_products_apply_before_the_ranking():
    look = vectors_with_ties(400)
    attributes = {str(row): {"gender": "Men" if row % 40 == 7 else "Women"} for row in range(400)}
    index = Index(Path("."), tuple(f"{row}.jpg" for row in range(400)), {"look": look}, attributes, {})
    ranking = Ranking(index)
    men = [match.product.id for match in ranking.distinct_matches({"look": look[:1]}, 5, filters={"gender": ("Men",)})]
    assert len(men) == 5 and all(int(id) % 40 == 7 for id in men)
    rest = ranking.distinct_matches(
        {"look": look[:1]}, 10, filters={"gender": ("Men",)}, excluded=[int(men[0]), int(men[1])]
    )
    assert [match.product.id for match in rest][:3] == men[2:] and len(rest) == 8
    assert ranking.distinct_matches({"look": look[:1]}, 5, filters={"gender": ("Nobody",)}) == []
    several, _ = ranking.nearest({"look": look[:2]}, 3, filters={"gender": ("Men",)})
    assert several.shape == (2, 3) and (several % 40 == 7).all()


def test_a_product_can_be_the_query(recommender):
    row = recommender.row("4")
    assert recommender.index.product(row).id == "4" and recommender.row("nobody") is None
    matches = recommender.distinct_matches(recommender.product_vectors(row), 3, excluded=[row])
    assert "4" not in [match.product.id for match in matches] and len(matches) == 3


def test_products_with_the_same_picture_share_one_rank():
    angle = np.array([0, 0.01, 0.02, 0.6, 0.9, 1.2])
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    ranking = ranking_of(look=vectors, fashion=vectors)
    matches = ranking.distinct_matches({"look": vectors[:1], "fashion": vectors[:1]}, 3)
    assert [match.product.name for match in matches] == ["0.jpg", "3.jpg", "4.jpg"]
    assert [product.name for product in matches[0].same] == ["1.jpg", "2.jpg"]
    assert [match.rank for match in matches] == [1, 2, 3] and matches[1].same == ()


def test_a_picture_that_thousands_of_products_share_costs_little():
    look = np.random.default_rng(0).normal(size=(6000, 8)).astype(np.float32)
    look[:1500] = look[0]
    look /= np.linalg.norm(look, axis=1, keepdims=True)
    start = time.perf_counter()
    matches = ranking_of(look=look).distinct_matches({"look": look[:1]}, 5)
    assert [len(match.same) for match in matches] == [1499, 0, 0, 0, 0]
    # Comparing each of 5,120 products with each other one takes ten times as long.
    assert time.perf_counter() - start < 2


def test_rows_that_the_index_does_not_have_exclude_nothing(recommender):
    vectors, everything = recommender.product_vectors(0), len(recommender.index.names)
    assert len(recommender.distinct_matches(vectors, everything, excluded=[-1, everything])) == everything


def test_bad_photos_and_wrong_widths_get_their_sentence(recommender):
    with pytest.raises(ImageError, match="is not an image"):
        recommender.similar(b"hello")
    with pytest.raises(IndexFileError, match="look vectors of 3 numbers, the photo's has 5"):
        recommender.nearest({"look": np.ones((1, 5), np.float32)})
    with pytest.raises(IndexFileError, match="look vectors of 3 numbers, the photo's has 0"):
        recommender.nearest({})


@pytest.mark.parametrize("spaces", [("look",), ("look", "fashion")])
@pytest.mark.parametrize("angle", [0.0, 0.0005, 0.02, 0.1, 0.2, 0.5])
def test_search_audit_and_closeness_agree_on_which_products_show_one_picture(spaces, angle):
    plane = np.array([[1, 0], [np.cos(angle), np.sin(angle)], [0, 1]], np.float32)
    shop = Index(Path("."), ("1.jpg", "2.jpg", "3.jpg"), dict.fromkeys(spaces, plane), {}, {})
    matches = Ranking(shop).distinct_matches(dict.fromkeys(spaces, plane[:1]), 3)
    folded = [product.id for product in matches[0].same] == ["2"]
    grouped = [[product.id for product in group.products] for group in find_duplicates(shop)] == [["1", "2"]]
    passed_over = neighbor_distances(shop, np.array([0]))[0] > 1
    assert folded == grouped == passed_over == (angle < 0.01 if spaces == ("look",) else angle < 0.15)


@pytest.mark.parametrize("k", [0, -1])
def test_asking_for_no_match_gives_none(recommender, k):
    vectors = recommender.product_vectors(0)
    assert recommender.distinct_matches(vectors, k) == []
    rows, distances = recommender.nearest(vectors, k)
    assert rows.shape == distances.shape == (1, 0)


@pytest.mark.parametrize(
    "weights", [{"nothing": 1.0}, {"look": 0.0}, {"look": -1.0}, {"look": 1.0, "fashion": -1.0}, {"look": np.nan},
                {"look": np.inf}]
)  # fmt: skip
def test_weights_that_rank_nothing_are_refused_with_a_sentence(recommender, weights):
    vectors = recommender.product_vectors(0)
    with pytest.raises(LookalikeError, match="Weights must be numbers of at least 0.*space of the index: look"):
        recommender.distinct_matches(vectors, rule=weights)
    with pytest.raises(LookalikeError, match="Weights must be"):
        Ranking(recommender.index, weights)


@pytest.mark.parametrize("word, found", [(None, 4), ("Women", 2), (("Women",), 2), ((), 4), (7, 0), (np.nan, 0)])
def test_a_filter_of_any_type_has_a_result(word, found):
    attributes = {str(row): {"gender": "Women" if row < 2 else "Men"} for row in range(4)}
    shop = Index(
        Path("."), tuple(f"{row}.jpg" for row in range(4)), {"look": np.eye(4, dtype=np.float32)}, attributes, {}
    )
    matches = Ranking(shop).distinct_matches({"look": shop.look[:1]}, filters={"gender": word})
    assert len(matches) == found


def test_a_ranking_may_have_one_more_space():
    looks = np.eye(3, dtype=np.float32)
    ranking = Ranking(Index(Path("."), tuple("abc"), {"look": looks}, {}, {}))
    joined = ranking.with_space("words", np.array([[0, 1], [0, 1], [1, 0]], np.float32))
    query = {"look": looks[:1], "words": np.array([[1, 0]], np.float32)}
    rule = RankingRule({"look": 0.4, "words": 0.6})
    rows, distances = joined.nearest(query, 3, rule)
    assert rows[0].tolist() == [2, 0, 1]
    np.testing.assert_allclose(distances[0], np.sqrt([0.8, 1.2, 2.0]))
    assert ranking.nearest(query, 1)[0][0].tolist() == [0], "the first ranking stays as it is"
    np.testing.assert_allclose(ranking.distances(query, [1, 0]), [2**0.5, 0], atol=1e-6)


def test_no_space_can_be_added_to_vectors_on_a_server():
    class Elsewhere:
        widths, max_matches = {"look": 3}, 3

    class Remote(Index):
        def searcher(self):
            return Elsewhere()

    ranking = Ranking(Remote(Path("."), tuple("abc"), {"look": np.eye(3, dtype=np.float32)}, {}, {}))
    with pytest.raises(IndexFileError, match="only to an index in this machine's memory"):
        ranking.with_space("words", np.zeros((3, 2), np.float32))
