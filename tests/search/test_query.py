"""Queries: whole photos, regions and unions, with colors one can pool by hand and the real networks."""

import gc
import io
import timeit
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from lookalike.embedding.backbones import Backbone, Preprocessing, find_backbone
from lookalike.embedding.color import color_names
from lookalike.embedding.embedder import Embedder, load_embedder
from lookalike.errors import ImageError
from lookalike.images.decoding import load_pixels
from lookalike.search.query import MAX_SIDE, cells, decode_photo, embed_photo, focus, look_at, rectangle, vectors
from tests.support.data import ROOT
from tests.support.toy import ToyEngine

HALF = 0.5**0.5
LEFT_HALF = (0.0, 0.0, 0.5, 1.0)


def png(*quarters, half=4):
    """Return a square PNG with these colors: upper left, upper right, lower left, lower right."""
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


def test_a_whole_photo_has_the_vectors_of_a_product(toy):
    photo = png("red", "lime", "blue", "black")
    view = look_at(toy, photo)
    assert view.map.shape == (2, 2, 3) and view.fashion is None and view.image.size == (8, 8)
    expected = toy.vectors(load_pixels(photo, 8)[None])
    assert vectors(toy, [view]).keys() == expected.keys() == {"look"}
    np.testing.assert_array_equal(vectors(toy, [view])["look"], expected["look"])


def test_a_whole_photo_has_the_vectors_of_a_product_with_the_real_networks(embedder, photos):
    for path in photos:
        found = vectors(embedder, [look_at(embedder, path)])
        expected = embedder.vectors(load_pixels(path, 224)[None])
        assert list(found) == list(expected) == ["look", "fashion", "color", "detail"]
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name])


def test_a_region_is_pooled_over_its_own_cells_only(toy, four):
    np.testing.assert_allclose(
        vectors(toy, [four], {(0, 0), (0, 1)}, max_crop_share=0)["look"], [[HALF, HALF, 0]], atol=1e-6
    )
    np.testing.assert_allclose(vectors(toy, [four], {(1, 0)}, max_crop_share=0)["look"], [[0, 0, 1]])
    np.testing.assert_allclose(vectors(toy, [four], LEFT_HALF, max_crop_share=0)["look"], [[HALF, 0, HALF]], atol=1e-6)


def test_a_small_region_is_embedded_once_in_a_crop(toy):
    """The upper half of the upper left quarter: red alone, in a crop of the photo."""
    four = look_at(toy, png("red", "lime", "blue", "black", half=40))
    region = (0.05, 0.05, 0.4, 0.2)
    seen, mask = focus(toy, four, region)
    assert seen is not four and mask.tolist() == [[True, True], [False, False]] and seen.image.size[0] < 40
    np.testing.assert_allclose(vectors(toy, [four], region)["look"], [[1, 0, 0]], atol=1e-2)
    assert focus(toy, four, region)[0] is seen
    for step in range(20):
        focus(toy, four, (0.0, 0.0, 0.1, 0.1 + step / 100))
    assert len(four.crops) <= 4


def test_a_crop_around_cells_leaves_out_the_other_cells(toy):
    """First one cell, then two, one above the other. Their crops contain a part of the right half too."""
    photo = look_at(toy, png("red", "lime", "blue", "black", half=40))
    for region, look in (({(1, 0)}, [[0, 0, 1]]), ({(0, 0), (1, 0)}, [[HALF, 0, HALF]])):
        seen, mask = focus(toy, photo, region, max_crop_share=1)
        assert seen is not photo and mask.any() and not mask[:, 1].all()
        np.testing.assert_allclose(vectors(toy, [photo], region, max_crop_share=1)["look"], look, atol=0.05)


def test_a_crop_has_the_shape_of_catalogue_images_and_stays_inside_the_photo(toy):
    photo = look_at(toy, png("red", "lime", "blue", "white", half=200))
    for region in ((0.4, 0.4, 0.6, 0.45), (0.9, 0.2, 1.0, 0.4), (0.0, 0.95, 0.05, 1.0)):
        seen, _ = focus(toy, photo, region)
        assert seen.image.width / seen.image.height == pytest.approx(3 / 4, abs=0.03)
        assert np.asarray(seen.image).max(axis=2).min() == 255  # Pillow would add black from outside


def test_a_large_region_is_not_embedded_again(toy, four):
    seen, mask = focus(toy, four, (0.0, 0.0, 1.0, 0.9))
    assert seen is four and mask.all() and not four.crops
    assert focus(toy, four)[1] is None and focus(toy, four, set())[1] is None


def test_several_views_are_pooled_as_one(toy):
    red, green = (look_at(toy, png(*[color] * 4)) for color in ("red", "lime"))
    np.testing.assert_allclose(vectors(toy, [red, green])["look"], [[HALF, HALF, 0]], atol=1e-6)
    half_green = look_at(toy, png(*["#008000"] * 4))
    expected = np.array([[255, 128, 0]]) / np.hypot(255, 128)
    np.testing.assert_allclose(vectors(toy, [red, half_green])["look"], expected, atol=1e-5)


def test_each_view_may_have_its_own_region(toy, four):
    red = look_at(toy, png(*["red"] * 4))
    found = vectors(toy, [red, four], [None, {(1, 0)}], max_crop_share=0)["look"]
    np.testing.assert_allclose(found, [[HALF, 0, HALF]], atol=1e-6)
    for wrong in (LEFT_HALF, [None]):
        with pytest.raises(ValueError):
            vectors(toy, [red, four], wrong)


def test_average_and_no_pooling_have_unions_too():
    """Means of cells are averaged; vectors that were never cells are normalized first."""
    for pooling in ("average", "none"):
        embedder = with_pooling(pooling)
        views = [look_at(embedder, png(*[color] * 4)) for color in ("red", "lime")]
        np.testing.assert_allclose(vectors(embedder, views)["look"], [[HALF, HALF, 0]], atol=1e-6)


def test_a_union_is_the_maximum_of_the_looks_and_lies_between_its_photos(embedder, photos):
    views = [look_at(embedder, path) for path in photos[:2]]
    both, first, second = (vectors(embedder, some) for some in (views, views[:1], views[1:]))
    most = np.max([embedder.feature_maps(view.pixels[None])[0].max(axis=(0, 1)) for view in views], axis=0)
    np.testing.assert_allclose(both["look"][0], most / np.linalg.norm(most), atol=1e-6)
    for name in ("fashion", "color"):
        assert float((both[name] @ first[name].T)[0, 0]) > float((first[name] @ second[name].T)[0, 0])
    np.testing.assert_allclose(both["color"] ** 2, (first["color"] ** 2 + second["color"] ** 2) / 2, atol=1e-6)


@pytest.mark.parametrize("precision, off", [("f32", 1e-5), ("auto", 0.01)])
def test_marking_every_cell_is_the_same_as_the_whole_photo(photos, precision, off):
    """In f32 to the last digits. Where the engine computes the network's end in bf16, pooling again is more exact.

    The difference depends on the processor: 0.001 to 0.006 were seen, while bf16 itself is up to 0.02 from f32.
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
    """Two pieces of cloth lie side by side, and each half is queried by itself."""
    image = Image.new("RGB", (800, 600), "white")
    for left, color in ((60, (200, 30, 40)), (460, (28, 34, 90))):
        image.paste(color, (left, 120, left + 280, 480))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    view = look_at(embedder, buffer.getvalue())
    for region, name in (((0.07, 0.2, 0.43, 0.8), "red"), ((0.57, 0.2, 0.93, 0.8), "navy blue")):
        assert name in color_names(vectors(embedder, [view], region, closer)["color"][0])[:2]


def test_pooling_a_region_takes_no_pass_of_the_network(embedder, photos):
    view = look_at(embedder, photos[0])
    vectors(embedder, [view], LEFT_HALF, max_crop_share=0)
    once = timeit.repeat(lambda: vectors(embedder, [view], LEFT_HALF, max_crop_share=0), number=1, repeat=20)
    assert not view.crops and min(once) < 0.05


def test_an_embedder_without_the_last_map_crops_every_region(photos):
    embedder = load_embedder(find_backbone("efficientnet-lite0"), throughput=True)
    seen, mask = focus(embedder, look_at(embedder, photos[0]), (0.0, 0.0, 1.0, 0.9))
    assert mask is None and seen.fashion.vectors.shape == (1, 256)


def test_a_rectangle_covers_the_cells_whose_middles_are_inside():
    assert cells((0.0, 0.0, 0.5, 0.5), (2, 2)).tolist() == [[True, False], [False, False]]
    assert cells((0.3, 0.0, 0.8, 1.0), (2, 2)).tolist() == [[False, True], [False, True]]
    assert cells((0.9, 0.9, 0.95, 0.95), (7, 7)).sum() == 1 and cells((1.0, 1.0, 1.0, 1.0), (7, 7))[6, 6]
    assert cells(None, (2, 3)).all() and cells(set(), (2, 3)).all() and cells((-1, -1, 5, 5), (2, 3)).all()
    assert cells({(0, 2), (1, 0)}, (2, 3)).tolist() == [[False, False, True], [True, False, False]]


def test_cells_span_a_rectangle_and_rectangles_are_clipped():
    assert rectangle({(0, 1), (1, 1)}, (4, 4)) == (0.25, 0.0, 0.5, 0.5)
    assert rectangle((0.8, -1, 0.2, 7), (4, 4)) == (0.2, 0.0, 0.8, 1.0)


def large_photo():
    image, buffer = Image.new("RGB", (3000, 1500), "red"), io.BytesIO()
    exif = image.getexif()
    exif[0x0112] = 6  # turned by a quarter
    image.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def test_a_photo_is_kept_upright_and_enlarged_only_when_needed(toy, tmp_path):
    view = look_at(toy, large_photo())
    assert view.image.size == (188, 375)
    assert view.enlarged().size == (MAX_SIDE // 2, MAX_SIDE) and view.enlarged() is view.enlarged()
    path = tmp_path / "photo.jpg"
    path.write_bytes(large_photo())
    view = look_at(toy, path)
    path.unlink()
    with pytest.raises(ImageError, match="photo.jpg cannot be read"):
        view.enlarged()
    assert view.thumbnail(64).startswith(b"\xff\xd8")


def test_a_large_image_without_a_smaller_decode_is_kept_at_the_limit(toy):
    buffer = io.BytesIO()
    Image.new("RGB", (3000, 1500), "red").save(buffer, "PNG")
    view = look_at(toy, buffer.getvalue())
    assert view.image.size == (MAX_SIDE, MAX_SIDE // 2) and view.enlarged() is view.image


def test_a_thumbnail_is_made_without_changing_the_image(toy, four):
    shown = Image.open(io.BytesIO(four.thumbnail(4)))
    assert shown.size == (4, 4) and shown.format == "JPEG" and four.image.size == (8, 8)


def test_the_steps_of_a_look_can_be_measured(toy):
    stages = []

    @contextmanager
    def stage(name):
        stages.append(name)
        yield

    look_at(toy, png("red", "lime", "blue", "black"), stage=stage)
    assert stages == ["decode", "embed"]


def test_threads_share_one_crop(toy):
    view = look_at(toy, png("red", "lime", "blue", "black", half=40))
    with ThreadPoolExecutor(8) as pool:
        crops = list(pool.map(lambda _: focus(toy, view, (0.05, 0.05, 0.4, 0.2))[0], range(8)))
    assert len(set(map(id, crops))) == 1


def test_bytes_that_are_not_an_image_are_refused_by_their_name(toy):
    with pytest.raises(ImageError, match="beach.jpg is not an image"):
        look_at(toy, b"no image", called="beach.jpg")


def jpeg(width, height):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(buffer, "JPEG")
    return buffer.getvalue()


def test_only_a_photo_that_was_decoded_small_is_ever_decoded_again(toy):
    for kind in ("PNG", "WEBP", "TIFF", "AVIF"):
        buffer = io.BytesIO()
        Image.new("RGB", (300, 400), "red").save(buffer, kind)
        assert decode_photo(toy, buffer.getvalue()).larger is None
    assert decode_photo(toy, jpeg(15, 15)).larger is None
    assert decode_photo(toy, jpeg(300, 400)).larger is not None


def test_a_photo_whose_file_is_gone_is_as_large_as_it_was_decoded_until_the_file_comes_again(toy):
    photo, files = jpeg(300, 400), [None]
    view = embed_photo(toy, decode_photo(toy, photo, reread=lambda: files[0]))
    assert view.enlarged() is view.image and max(view.image.size) < 400
    view.larger.reread_from(lambda: photo)
    assert view.enlarged().size == (300, 400) and view.larger.is_decoded


def test_a_view_keeps_no_bytes_of_a_photo_that_others_keep(toy):
    photo = jpeg(300, 400)
    view = embed_photo(toy, decode_photo(toy, photo, reread=lambda: None))
    held = gc.get_referents(view, view.larger, vars(view.larger))
    assert not any(value is photo for value in held)
