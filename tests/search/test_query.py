"""Queries: whole photos, regions and unions, with colors one can pool by hand and the real networks."""

import io
import timeit

import numpy as np
import pytest
from PIL import Image

from lookalike.embedding.backbones import Backbone, Preprocessing, find_backbone
from lookalike.embedding.color import names
from lookalike.embedding.embedder import Embedder, load_embedder
from lookalike.errors import ImageError
from lookalike.images.decoding import load_pixels
from lookalike.search.query import LONGEST, cells, focus, look_at, rectangle, vectors
from tests.support.data import ROOT
from tests.support.toy import ToyEngine

HALF = 0.5**0.5
LEFT_HALF = (0.0, 0.0, 0.5, 1.0)


def png(*quarters, half=4):
    """The bytes of a square PNG with the colors upper left, upper right, lower left, lower right."""
    image = Image.new("RGB", (2 * half, 2 * half))
    for place, color in enumerate(quarters):
        left, top = place % 2 * half, place // 2 * half
        image.paste(color, (left, top, left + half, top + half))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def four(toy):
    return look_at(toy, png("red", "lime", "blue", "black"))


def with_pooling(pooling):
    preprocessing = Preprocessing(8, "RGB", (0.0,) * 3, (255.0,) * 3)
    return Embedder(Backbone("toy", ROOT / "toy.bin", "0" * 64, preprocessing, pooling), ToyEngine())


def test_a_whole_photos_vectors_are_those_of_a_product(toy):
    photo = png("red", "lime", "blue", "black")
    view = look_at(toy, photo)
    assert view.map.shape == (2, 2, 3) and view.fashion is None and view.image.size == (8, 8)
    expected = toy.vectors(load_pixels(photo, 8)[None])
    assert vectors(toy, [view]).keys() == expected.keys() == {"look"}
    np.testing.assert_array_equal(vectors(toy, [view])["look"], expected["look"])


def test_a_whole_photos_vectors_are_those_of_a_product_with_the_real_networks(embedder, photos):
    for path in photos:
        found = vectors(embedder, [look_at(embedder, path)])
        expected = embedder.vectors(load_pixels(path, 224)[None])
        assert list(found) == list(expected) == ["look", "fashion", "color"]
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name])


def test_a_region_is_pooled_over_its_cells_only(toy, four):
    np.testing.assert_allclose(vectors(toy, [four], {(0, 0), (0, 1)}, closer=0)["look"], [[HALF, HALF, 0]], atol=1e-6)
    np.testing.assert_allclose(vectors(toy, [four], {(1, 0)}, closer=0)["look"], [[0, 0, 1]])
    np.testing.assert_allclose(vectors(toy, [four], LEFT_HALF, closer=0)["look"], [[HALF, 0, HALF]], atol=1e-6)


def test_a_small_region_is_looked_at_closer_once(toy):
    """The upper half of the upper left quarter: red alone, in a crop of the photo."""
    four = look_at(toy, png("red", "lime", "blue", "black", half=40))
    region = (0.05, 0.05, 0.4, 0.2)
    seen, mask = focus(toy, four, region)
    assert seen is not four and mask.tolist() == [[True, True], [False, False]] and seen.image.size[0] < 40
    np.testing.assert_allclose(vectors(toy, [four], region)["look"], [[1, 0, 0]], atol=1e-2)
    assert focus(toy, four, region)[0] is seen
    for step in range(20):
        focus(toy, four, (0.0, 0.0, 0.1, 0.1 + step / 100))
    assert len(four.closer) <= 4


def test_a_closer_look_at_cells_leaves_out_the_others(toy):
    """One cell, then one above the other; their crops hold a part of the right half too."""
    photo = look_at(toy, png("red", "lime", "blue", "black", half=40))
    for region, look in (({(1, 0)}, [[0, 0, 1]]), ({(0, 0), (1, 0)}, [[HALF, 0, HALF]])):
        seen, mask = focus(toy, photo, region, closer=1)
        assert seen is not photo and mask.any() and not mask[:, 1].all()
        np.testing.assert_allclose(vectors(toy, [photo], region, closer=1)["look"], look, atol=0.05)


def test_a_closer_look_has_the_shape_of_catalogue_images_and_stays_inside(toy):
    photo = look_at(toy, png("red", "lime", "blue", "white", half=200))
    for region in ((0.4, 0.4, 0.6, 0.45), (0.9, 0.2, 1.0, 0.4), (0.0, 0.95, 0.05, 1.0)):
        seen, _ = focus(toy, photo, region)
        assert seen.image.width / seen.image.height == pytest.approx(3 / 4, abs=0.03)
        assert np.asarray(seen.image).max(axis=2).min() == 255  # Pillow would fill in black from outside


def test_a_large_region_is_not_embedded_again(toy, four):
    seen, mask = focus(toy, four, (0.0, 0.0, 1.0, 0.9))
    assert seen is four and mask.all() and not four.closer
    assert focus(toy, four)[1] is None and focus(toy, four, set())[1] is None


def test_several_views_are_pooled_as_one(toy):
    red, green = (look_at(toy, png(*[color] * 4)) for color in ("red", "lime"))
    np.testing.assert_allclose(vectors(toy, [red, green])["look"], [[HALF, HALF, 0]], atol=1e-6)
    half_green = look_at(toy, png(*["#008000"] * 4))
    expected = np.array([[255, 128, 0]]) / np.hypot(255, 128)
    np.testing.assert_allclose(vectors(toy, [red, half_green])["look"], expected, atol=1e-5)


def test_several_views_may_have_a_region_each(toy, four):
    red = look_at(toy, png(*["red"] * 4))
    found = vectors(toy, [red, four], [None, {(1, 0)}], closer=0)["look"]
    np.testing.assert_allclose(found, [[HALF, 0, HALF]], atol=1e-6)
    for wrong in (LEFT_HALF, [None]):
        with pytest.raises(ValueError):
            vectors(toy, [red, four], wrong)


def test_average_and_no_pooling_have_a_union_too():
    """Means of cells are averaged; vectors that were never cells are brought to length 1 first."""
    for pooling in ("average", "none"):
        embedder = with_pooling(pooling)
        views = [look_at(embedder, png(*[color] * 4)) for color in ("red", "lime")]
        np.testing.assert_allclose(vectors(embedder, views)["look"], [[HALF, HALF, 0]], atol=1e-6)


def test_a_union_is_the_maximum_of_the_looks_and_between_its_photos(embedder, photos):
    views = [look_at(embedder, path) for path in photos[:2]]
    both, first, second = (vectors(embedder, some) for some in (views, views[:1], views[1:]))
    most = np.max([embedder.feature_maps(view.pixels[None])[0].max(axis=(0, 1)) for view in views], axis=0)
    np.testing.assert_allclose(both["look"][0], most / np.linalg.norm(most), atol=1e-6)
    for name in ("fashion", "color"):
        assert float((both[name] @ first[name].T)[0, 0]) > float((first[name] @ second[name].T)[0, 0])
    np.testing.assert_allclose(both["color"] ** 2, (first["color"] ** 2 + second["color"] ** 2) / 2, atol=1e-6)


@pytest.mark.parametrize("precision, off", [("f32", 1e-5), ("auto", 0.01)])
def test_every_cell_marked_is_the_whole_photo(photos, precision, off):
    """In f32 to the last digits; where the engine computes the network's end in bf16, pooling anew is the exacter.

    How far apart they are then depends on the processor: 0.001 to 0.006 were seen, where bf16 itself is up to
    0.02 from f32.
    """
    embedder = load_embedder(find_backbone("efficientnet-lite0"), precision=precision)
    view = look_at(embedder, photos[0])
    whole = vectors(embedder, [view])
    for region in ((0.0, 0.0, 1.0, 1.0), {(row, column) for row in range(7) for column in range(7)}):
        marked = vectors(embedder, [view], region)
        np.testing.assert_array_equal(marked["look"], whole["look"])
        assert np.linalg.norm(marked["fashion"] - whole["fashion"]) < off
        assert float((marked["color"] @ whole["color"].T)[0, 0]) > 0.99


@pytest.mark.parametrize("closer", [0, 1])
def test_a_regions_colors_are_its_own(embedder, closer):
    """Two shirts' worth of cloth side by side: each half is asked for by itself."""
    image = Image.new("RGB", (800, 600), "white")
    for left, color in ((60, (200, 30, 40)), (460, (28, 34, 90))):
        image.paste(color, (left, 120, left + 280, 480))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    view = look_at(embedder, buffer.getvalue())
    for region, name in (((0.07, 0.2, 0.43, 0.8), "red"), ((0.57, 0.2, 0.93, 0.8), "navy blue")):
        assert name in names(vectors(embedder, [view], region, closer)["color"][0])[:2]


def test_pooling_anew_takes_no_pass_and_a_blink(embedder, photos):
    view = look_at(embedder, photos[0])
    vectors(embedder, [view], LEFT_HALF, closer=0)
    once = timeit.repeat(lambda: vectors(embedder, [view], LEFT_HALF, closer=0), number=1, repeat=20)
    assert not view.closer and min(once) < 0.05


def test_an_embedder_without_the_last_map_looks_closer(photos):
    embedder = load_embedder(find_backbone("efficientnet-lite0"), throughput=True)
    seen, mask = focus(embedder, look_at(embedder, photos[0]), (0.0, 0.0, 1.0, 0.9))
    assert mask is None and seen.fashion.vectors.shape == (1, 256)


def test_a_rectangle_covers_the_cells_whose_middles_it_holds():
    assert cells((0.0, 0.0, 0.5, 0.5), (2, 2)).tolist() == [[True, False], [False, False]]
    assert cells((0.3, 0.0, 0.8, 1.0), (2, 2)).tolist() == [[False, True], [False, True]]
    assert cells((0.9, 0.9, 0.95, 0.95), (7, 7)).sum() == 1 and cells((1.0, 1.0, 1.0, 1.0), (7, 7))[6, 6]
    assert cells(None, (2, 3)).all() and cells(set(), (2, 3)).all() and cells((-1, -1, 5, 5), (2, 3)).all()
    assert cells({(0, 2), (1, 0)}, (2, 3)).tolist() == [[False, False, True], [True, False, False]]


def test_cells_span_a_rectangle_and_rectangles_are_clipped():
    assert rectangle({(0, 1), (1, 1)}, (4, 4)) == (0.25, 0.0, 0.5, 0.5)
    assert rectangle((0.8, -1, 0.2, 7), (4, 4)) == (0.2, 0.0, 0.8, 1.0)


def test_a_photo_is_kept_upright_and_moderate(toy):
    image, buffer = Image.new("RGB", (3000, 1500), "red"), io.BytesIO()
    exif = image.getexif()
    exif[0x0112] = 6  # turned by a quarter
    image.save(buffer, "JPEG", exif=exif)
    assert look_at(toy, buffer.getvalue()).image.size == (LONGEST // 2, LONGEST)


def test_a_photo_that_is_none_is_refused_by_its_name(toy):
    with pytest.raises(ImageError, match="beach.jpg is not an image"):
        look_at(toy, b"no image", called="beach.jpg")
