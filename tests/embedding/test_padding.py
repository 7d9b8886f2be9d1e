"""Wide and tall photos: fashion and color see the garment in its own shape, and regions lie where they are drawn."""

import os
import sys

import numpy as np
import pytest
from PIL import Image, ImageOps

from lookalike.analysis.evaluation import Query, _embedded
from lookalike.embedding.color import ANCHORS, names
from lookalike.embedding.embedder import FashionMaps
from lookalike.embedding.fashion import fashion_vector, spread
from lookalike.embedding.padding import content_box, coverage_of_boxes, pad_to_frame
from lookalike.extraction.build import build_index
from lookalike.extraction.pipeline import File, embed_files
from lookalike.images.decoding import load_pixels, load_prepared
from lookalike.index.reading import load_index
from lookalike.search.query import look_at, vectors
from lookalike.search.recommender import Recommender
from tests.support.data import ROOT

PRODUCTS = sorted((ROOT / "images").glob("*.jpg"))[:24]


@pytest.mark.parametrize(
    "aspect, place",
    [
        (3 / 4, (0, 0, 192, 192)),
        (0.9, (0, 0, 192, 192)),
        (1, (0, 0, 192, 192)),
        (2, (0, 48, 192, 144)),
        (4 / 3, (0, 24, 192, 168)),
        (3 / 8, (48, 0, 144, 192)),
        (100, (0, 95, 192, 97)),
        (1 / 1000, (95, 0, 96, 192)),
    ],
)
def test_only_what_is_wider_or_taller_than_a_catalogue_is_extended(aspect, place):
    assert content_box(aspect, 192) == place


def test_an_extended_image_keeps_its_pixels_and_repeats_its_rims():
    column = np.arange(8, dtype=np.uint8)[:, None, None] * np.ones((1, 8, 3), np.uint8)
    (made,), boxes = pad_to_frame(np.stack([column]), [2], 8)
    assert (made[:2] == made[2]).all() and (made[6:] == made[5]).all() and boxes.tolist() == [[0, 0.25, 1, 0.75]]
    assert made[2:6, 0, 0].tolist() == pytest.approx([0.5, 2.5, 4.5, 6.5], abs=0.8)


def test_pixels_of_a_catalogues_shape_are_handed_on_as_they_are():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    for aspects in (None, [0.75, 1, 0.8]):
        made, boxes = pad_to_frame(pixels, aspects, 8)
        assert np.array_equal(made, pixels) and (boxes == (0, 0, 1, 1)).all()


def test_what_an_image_was_extended_by_is_no_garment():
    boxes = np.float32([[0, 0, 1, 1], [0, 0.25, 1, 0.75], [0.125, 0, 1, 1]])
    assert (coverage_of_boxes(boxes[:1], 4) == 1).all()
    assert coverage_of_boxes(boxes, 4)[1].tolist() == [[0] * 4, [1] * 4, [1] * 4, [0] * 4]
    assert coverage_of_boxes(boxes, 4)[2, 0].tolist() == [0.5, 1, 1, 1]
    maps = FashionMaps(None, boxes, None, np.full((3, 4, 4), 0.5, np.float32))
    assert maps.seen[1].sum() == 4 and maps.seen.dtype == np.float32


def test_a_regions_cells_lie_within_the_image():
    everything = np.ones((7, 7), bool)
    assert spread(everything, 6).all() and spread(everything, 6, (0, 0, 1, 1)).all()
    inner = spread(everything, 12, (0, 0.25, 1, 0.75))
    assert inner[3:9].all() and not inner[:3].any() and not inner[9:].any()
    upper = np.zeros((7, 7), bool)
    upper[0] = True
    assert np.flatnonzero(spread(upper, 12, (0, 0.25, 1, 0.75)).any(axis=1)).tolist() == [3]
    for thin in ((0, 0.49, 1, 0.51), (0.495, 0, 0.505, 1)):
        assert spread(upper, 6, thin).any()


def widened(path, factor=2.2):
    """A product's image with as much white to its left and right that it is so many times as wide as high."""
    image = Image.open(path).convert("RGB")
    return ImageOps.pad(image, (round(image.height * factor), image.height), color="white")


def test_a_wide_photo_is_seen_as_the_square_that_its_rims_fill(embedder, tmp_path):
    for path in PRODUCTS[:4]:
        wide, square = tmp_path / "wide.png", tmp_path / "square.png"
        widened(path).save(wide)
        pixels = np.asarray(Image.open(wide))
        rest = pixels.shape[1] - pixels.shape[0]
        Image.fromarray(np.pad(pixels, ((rest // 2, rest - rest // 2), (0, 0), (0, 0)), mode="edge")).save(square)
        shown, aspect = load_prepared(wide, 224)
        expected = embedder.vectors(load_pixels(square, 224)[None])["fashion"]
        seen, squashed = (embedder.vectors(shown[None], shape)["fashion"] @ expected.T for shape in ([aspect], None))
        assert seen > 0.995 > squashed, (path, seen, squashed)


def test_products_and_photos_are_extended_alike(embedder, tmp_path):
    path = tmp_path / "wide.png"
    widened(PRODUCTS[0]).save(path)
    (done,) = embed_files([File("wide.png", path, None)], embedder, lambda content: False, 1, 1)
    query = vectors(embedder, [look_at(embedder, path)])
    np.testing.assert_allclose(done.row, np.concatenate([part[0] for part in query.values()]), atol=1e-6)


def striped(path, shares):
    """A photo three times as wide as high, of stripes of these colors, which take so many of its rows."""
    image, top = Image.new("RGB", (600, 200)), 0
    for color, rows in shares:
        image.paste(ANCHORS[color], (0, top, 600, top + rows))
        top += rows
    image.save(path)
    return path


def test_a_region_of_a_wide_photo_is_what_lies_in_it(embedder, tmp_path):
    photo = striped(tmp_path / "stripes.png", [("blue", 50), ("red", 50), ("green", 50), ("yellow", 50)])
    view = look_at(embedder, photo)
    for region, name in (((0, 0.25, 1, 0.5), "red"), ((0, 0.5, 1, 0.75), "green")):
        assert names(vectors(embedder, [view], region, closer=0)["color"][0])[0] == name


def test_a_regions_fashion_vector_is_pooled_from_the_cells_that_the_photo_takes(embedder, tmp_path):
    """The upper three of seven rows of a photo twice as wide as high are the second and third of six."""
    photo = tmp_path / "wide.png"
    widened(PRODUCTS[0], 2).save(photo)
    view, inner = look_at(embedder, photo), np.zeros((6, 6), bool)
    inner[1:3] = True
    maps = view.fashion
    expected = fashion_vector(maps.last[0], maps.garment[0], maps.pixels[0], inner)
    found = vectors(embedder, [view], (0, 0, 1, 0.45), closer=0)["fashion"][0]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_app_and_evaluate_find_a_wide_product_by_its_own_photo(embedder, tmp_path):
    (tmp_path / "images").mkdir()
    for path in PRODUCTS[:6]:
        widened(path).save(tmp_path / "images" / f"{path.stem}.png")
    build_index(tmp_path / "images", tmp_path, embedder)
    recommender = Recommender(load_index(tmp_path), embedder, {"fashion": 1})
    photos = sorted((tmp_path / "images").iterdir())
    _, asked, _ = _embedded([Query(path, {}) for path in photos], embedder, lambda batches, **_: batches)
    _, distances = recommender.nearest(asked, 1)
    assert max(distances.max(), *(recommender.similar(path, 1)[0].distance for path in photos)) < 1e-3


@pytest.mark.parametrize("sides", [(90, 120), (100, 100), (240, 100), (100, 300), (1000, 90)])
def test_trainings_see_what_the_app_shows_the_network(sides, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(os.fspath(ROOT / "training"))
    sys.modules.pop("pixels", None)
    import pixels as trainings

    path = tmp_path / "photo.png"
    noise = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(noise).resize(sides, Image.Resampling.BICUBIC).save(path)
    shown, aspect = load_prepared(path, trainings.SIDE)
    (seen,), _ = pad_to_frame(shown[None], [aspect], trainings.SIDE)
    assert np.abs(trainings.prepare(path).astype(int) - seen).max() <= 1


def test_a_trainings_kept_pixels_are_made_anew_where_they_were_prepared_otherwise(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(os.fspath(ROOT / "training"))
    sys.modules.pop("pixels", None)
    import pixels as trainings

    path, cache = tmp_path / "wide.png", tmp_path / "photos.npy"
    widened(PRODUCTS[0]).save(path)
    kept = np.array(trainings.load([path], cache))
    np.save(cache, np.zeros_like(kept))
    assert not trainings.load([path], cache).any()
    monkeypatch.setattr(trainings, "PREPARATION", "otherwise")
    np.testing.assert_array_equal(trainings.load([path], cache), kept)
