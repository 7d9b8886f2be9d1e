"""Why two images match: sums one can check by hand, and the real networks in a few places."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.embedding import fashion
from lookalike.embedding.backbones import Backbone, Preprocessing
from lookalike.embedding.color import ANCHORS
from lookalike.embedding.embedder import Embedder
from lookalike.images.decoding import load_pixels
from lookalike.index.attributes import read_styles
from lookalike.index.catalogue import Product
from lookalike.search.explain import (
    COLUMNS,
    attribute_cosine,
    common_colors,
    confident_labels,
    heat_picture,
    tally_votes,
)
from lookalike.search.query import View, focus, look_at, vectors
from tests.support.data import data
from tests.support.toy import ToyEngine


def a_map(*placed):
    """Return a feature map of 2 × 2 cells × 2 channels with those (row, column, channel, value), 0 elsewhere."""
    cells = np.zeros((2, 2, 2), np.float32)
    for row, column, channel, value in placed:
        cells[row, column, channel] = value
    return cells


# Its look is (0.6, 0.8): channel 0 comes from the upper left, channel 1 from the lower right.
QUERY = a_map((0, 0, 0, 3), (1, 1, 1, 4), (1, 0, 1, 2))
# Its look is (0.8, 0.6): both from the upper right. The cosine is 0.48 + 0.48.
PRODUCT = a_map((0, 1, 0, 8), (0, 1, 1, 6), (1, 0, 0, 5))


def test_each_channels_share_lies_where_its_maximum_is():
    found = attribute_cosine(QUERY, PRODUCT)
    assert found.cosine == pytest.approx(0.96)
    np.testing.assert_allclose(found.query, [[0.48, 0], [0, 0.48]], atol=1e-6)
    np.testing.assert_allclose(found.product, [[0, 0.96], [0, 0]], atol=1e-6)
    assert found.pairs[0, 1, 1, 0, 1] == pytest.approx(0.48)


def test_only_the_regions_own_cells_explain_it():
    """Without the lower right the look is (3, 2) / √13, and its cosine (3 · 0.8 + 2 · 0.6) / √13."""
    found = attribute_cosine(QUERY, PRODUCT, np.array([[True, True], [True, False]]))
    assert found.cosine == pytest.approx(3.6 / 13**0.5)
    np.testing.assert_allclose(found.query, np.array([[2.4, 0], [1.2, 0]]) / 13**0.5, atol=1e-6)


def test_the_views_of_a_union_share_one_cosine():
    """Channel 0 has its maximum, 3, in the first photo, channel 1 its 4 in the second."""
    first, second = a_map((0, 0, 0, 3), (0, 0, 1, 1)), a_map((1, 1, 1, 4))
    found = attribute_cosine([first, second], PRODUCT)
    assert found.cosine == pytest.approx(0.96) and found.queries.shape == (2, 2, 2)
    np.testing.assert_allclose(found.queries, [[[0.48, 0], [0, 0]], [[0, 0], [0, 0.48]]], atol=1e-6)
    only_first = attribute_cosine([first, second], PRODUCT, [None, np.zeros((2, 2), bool)])
    np.testing.assert_array_equal(only_first.queries[1], 0)


def test_with_average_pooling_every_pair_of_cells_contributes():
    """The means are (3, 6) / 4 and (13, 6) / 4."""
    found = attribute_cosine(QUERY, PRODUCT, pooling="average")
    lengths = (45 * 205) ** 0.5
    assert found.cosine == pytest.approx((3 * 13 + 6 * 6) / lengths)
    np.testing.assert_allclose(found.query, np.array([[39, 0], [12, 24]]) / lengths, rtol=1e-5)


@pytest.mark.parametrize("pooling", ["max", "average", "none"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_the_pairs_add_up_to_the_cosine_of_the_looks_for_every_pooling(pooling, count):
    rng = np.random.default_rng(count)
    grid = (1, 1) if pooling == "none" else (3, 2)
    # Lengths differ, as those of an encoder's raw vectors do.
    maps = [rng.random((*grid, 8), np.float32) * 4.0**place for place in range(count + 1)]
    image = Image.new("RGB", (8, 8))
    views = [View(image, np.zeros((8, 8, 3), np.uint8), map) for map in maps]
    backbone = Backbone("toy", Path("toy.bin"), "0" * 64, Preprocessing(8, "RGB", (0.0,) * 3, (1.0,) * 3), pooling)
    toy = Embedder(backbone, ToyEngine())
    looks = [vectors(toy, some)["look"][0] for some in (views[:count], views[count:])]
    found = attribute_cosine(maps[:count], maps[count], pooling=pooling)
    assert found.cosine == pytest.approx(float(looks[0] @ looks[1]), abs=1e-5)
    assert found.queries.sum() == pytest.approx(found.product.sum(), abs=1e-5)


def test_blank_images_share_nothing():
    assert attribute_cosine(np.zeros((2, 2, 3)), np.zeros((2, 2, 3))).cosine == 0


def test_the_heats_of_real_images_add_up_to_the_cosine_of_their_looks(embedder, photos):
    views = [look_at(embedder, path) for path in photos[:3]]
    product = look_at(embedder, photos[3])
    look = vectors(embedder, [product])["look"][0]
    for some in ([views[0]], views):
        found = attribute_cosine([view.map for view in some], product.map)
        cosine = float(vectors(embedder, some)["look"][0] @ look)
        for total in (found.queries.sum(), found.product.sum(), found.cosine):
            assert total == pytest.approx(cosine, abs=1e-5)


def test_the_heat_of_a_region_adds_up_to_its_cosine(embedder, photos):
    view, product = (look_at(embedder, path) for path in photos[:2])
    region = (0.0, 0.2, 1.0, 1.0)
    seen, cells = focus(embedder, view, region)
    found = attribute_cosine(seen.map, product.map, cells)
    cosine = vectors(embedder, [view], region)["look"] @ vectors(embedder, [product])["look"].T
    assert found.query.sum() == pytest.approx(float(cosine[0, 0]), abs=1e-5)


def test_a_heat_picture_keeps_its_shape_and_fades_without_heat():
    picture = Image.open(io.BytesIO(heat_picture(Image.new("RGB", (600, 300), (20, 20, 20)), np.eye(2), 200)))
    assert picture.format == "JPEG" and picture.size == (200, 100)
    light = np.asarray(picture.convert("L"), np.float32)
    assert light[10, 10] < 40 and light[90, 190] < 40 and light[90, 10] > 160 and light[10, 190] > 160


def test_a_heat_picture_does_not_change_its_image_and_works_without_any_heat():
    image = Image.new("RGB", (40, 60), "white")
    heat_picture(image, np.zeros((7, 7)), 20)
    assert image.size == (40, 60)


def test_common_colors_have_the_smaller_of_both_shares():
    query, product = (np.zeros(len(ANCHORS), np.float32) for _ in range(2))
    names = list(ANCHORS)
    for vector, parts in ((query, {"red": 0.7, "black": 0.25, "teal": 0.05}), (product, {"red": 0.4, "black": 0.6})):
        for name, share in parts.items():
            vector[names.index(name)] = share**0.5
    found = common_colors(query, product)
    assert [(color.name, color.rgb) for color in found] == [("red", ANCHORS["red"]), ("black", ANCHORS["black"])]
    assert [color.share for color in found] == pytest.approx([0.4, 0.25])
    assert common_colors(query, np.eye(len(ANCHORS), dtype=np.float32)[names.index("white")]) == ()


def test_labels_of_held_out_products_are_mostly_right(embedder):
    """Real products that the network never saw, a hundred of them."""
    images, styles = (data("fashion-product-images", name) for name in ("images", "styles.csv"))
    attributes = read_styles(styles)
    held = json.loads(fashion.WEIGHTS.with_suffix(".json").read_text())["held_out"]["product_ids"][:100]
    found = embedder.vectors(np.stack([load_pixels(images / f"{name}.jpg", 224) for name in held]))["fashion"]
    words = [(word, name) for vector, name in zip(found, held) for word in confident_labels(vector)]
    right = [word in (attributes[name].get(column) for column in COLUMNS) for word, name in words]
    assert np.mean(right) >= 0.82 and len(words) >= 200


def test_improbable_labels_are_left_out(embedder, photos):
    vector = embedder.vectors(load_pixels(photos[0], 224)[None])["fashion"][0]
    assert confident_labels(vector, min_probability=1.1) == ()
    assert len(confident_labels(vector, min_probability=0.0)) == 3


def products(*colors):
    """Return products with those base colors, None for unknown."""
    return [Product("1.jpg", Path("1.jpg"), {"baseColour": color} if color else {}, "1") for color in colors]


def test_neighbors_elect_the_most_frequent_word_with_its_share():
    found = tally_votes(products("Black", "Black", "Blue", "Black"), [0, 0, 0, 0])
    assert found == [("baseColour", "Black", 0.75)]


def test_nearer_neighbors_count_more():
    # Cosines 1, 0.5 and 0.5: one near against two far is a draw, and the nearer one's word stands.
    assert tally_votes(products("Red", "Blue", "Blue"), [0, 1, 1]) == [("baseColour", "Red", 0.5)]
    # At √2 there is nothing in common, and beyond it a vote never counts against anything.
    assert tally_votes(products("Red", "Blue", "Blue"), [0, 2**0.5, 2]) == [("baseColour", "Red", pytest.approx(1))]


def test_a_share_below_min_share_is_left_out():
    three = products("Red", "Blue", "Green")
    assert tally_votes(three, [0, 0, 0]) == []
    assert tally_votes(three, [0, 0, 0], min_share=0.3) == [("baseColour", "Red", pytest.approx(1 / 3))]


def test_unknown_values_do_not_vote_and_a_majority_of_them_elects_nothing():
    assert tally_votes(products("Red", "Red", None), [0, 0, 0]) == [("baseColour", "Red", 1)]
    assert tally_votes(products("Red", None, None), [0, 0, 0]) == []


def test_votes_come_in_the_order_of_the_columns():
    shoe = Product("1.jpg", Path("1.jpg"), {"baseColour": "Black", "gender": "Men", "articleType": "Casual Shoes"}, "1")
    assert [word for _, word, _ in tally_votes([shoe], [0.3])] == ["Casual Shoes", "Black", "Men"]
    assert tally_votes([shoe], [0.3], columns=("gender",)) == [("gender", "Men", 1)]


def test_no_neighbors_elect_nothing():
    assert tally_votes([], []) == []
    assert tally_votes(products("Red"), [2]) == []
    assert tally_votes(products("Red"), [float("nan")]) == []
