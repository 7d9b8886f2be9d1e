"""Wide and tall photos: fashion and color see the garment in its own shape, and regions stay where they are drawn."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from lookalike.analysis.evaluation import LabeledImage, embed_images
from lookalike.embedding.color import ANCHORS, color_names
from lookalike.embedding.embedder import FashionMaps
from lookalike.embedding.fashion import pool_cells, project_cells
from lookalike.embedding.padding import content_box, coverage_of_boxes, pad_to_frame
from lookalike.extraction.build import build_index
from lookalike.extraction.pipeline import File, embed_files
from lookalike.images.decoding import load_pixels, load_prepared
from lookalike.index.reading import load_index
from lookalike.search.query import look_at, vectors
from lookalike.search.recommender import Recommender
from tests.support.data import ROOT
from training import dataset

PRODUCTS = sorted((ROOT / "images").glob("*.jpg"))[:24]


@pytest.mark.parametrize(
    "aspect, box",
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
def test_only_an_image_wider_or_taller_than_a_catalogues_is_padded(aspect, box):
    assert content_box(aspect, 192) == box


def test_a_padded_image_keeps_its_pixels_and_repeats_its_edges():
    column = np.arange(8, dtype=np.uint8)[:, None, None] * np.ones((1, 8, 3), np.uint8)
    (padded,), boxes = pad_to_frame(np.stack([column]), [2], 8)
    assert (
        (padded[:2] == padded[2]).all() and (padded[6:] == padded[5]).all() and boxes.tolist() == [[0, 0.25, 1, 0.75]]
    )
    assert padded[2:6, 0, 0].tolist() == pytest.approx([0.5, 2.5, 4.5, 6.5], abs=0.8)


def test_pixels_of_a_catalogues_shape_stay_as_they_are():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    for aspects in (None, [0.75, 1, 0.8]):
        padded, boxes = pad_to_frame(pixels, aspects, 8)
        assert np.array_equal(padded, pixels) and (boxes == (0, 0, 1, 1)).all()


def test_padding_never_counts_as_garment():
    boxes = np.float32([[0, 0, 1, 1], [0, 0.25, 1, 0.75], [0.125, 0, 1, 1]])
    assert (coverage_of_boxes(boxes[:1], 4) == 1).all()
    assert coverage_of_boxes(boxes, 4)[1].tolist() == [[0] * 4, [1] * 4, [1] * 4, [0] * 4]
    assert coverage_of_boxes(boxes, 4)[2, 0].tolist() == [0.5, 1, 1, 1]
    maps = FashionMaps(None, boxes, None, np.full((3, 4, 4), 0.5, np.float32), None)
    assert maps.visible_garment[1].sum() == 4 and maps.visible_garment.dtype == np.float32


def test_a_regions_cells_lie_within_the_image():
    everything = np.ones((7, 7), bool)
    assert project_cells(everything, 6).all() and project_cells(everything, 6, (0, 0, 1, 1)).all()
    inner = project_cells(everything, 12, (0, 0.25, 1, 0.75))
    assert inner[3:9].all() and not inner[:3].any() and not inner[9:].any()
    upper = np.zeros((7, 7), bool)
    upper[0] = True
    assert np.flatnonzero(project_cells(upper, 12, (0, 0.25, 1, 0.75)).any(axis=1)).tolist() == [3]
    for thin in ((0, 0.49, 1, 0.51), (0.495, 0, 0.505, 1)):
        assert project_cells(upper, 6, thin).any()


def widen(path, factor=2.2):
    """Return a product's image with white to its left and right, factor times as wide as high."""
    image = Image.open(path).convert("RGB")
    return ImageOps.pad(image, (round(image.height * factor), image.height), color="white")


def test_a_wide_photo_is_seen_as_a_square_filled_with_its_edges(embedder, tmp_path):
    for path in PRODUCTS[:4]:
        wide, square = tmp_path / "wide.png", tmp_path / "square.png"
        widen(path).save(wide)
        pixels = np.asarray(Image.open(wide))
        rest = pixels.shape[1] - pixels.shape[0]
        Image.fromarray(np.pad(pixels, ((rest // 2, rest - rest // 2), (0, 0), (0, 0)), mode="edge")).save(square)
        shown, aspect = load_prepared(wide, 224)
        expected = embedder.vectors(load_pixels(square, 224)[None])["fashion"]
        padded, squashed = (embedder.vectors(shown[None], shape)["fashion"] @ expected.T for shape in ([aspect], None))
        assert padded > 0.995 > squashed, (path, padded, squashed)


def test_products_and_photos_are_padded_alike(embedder, tmp_path):
    path = tmp_path / "wide.png"
    widen(PRODUCTS[0]).save(path)
    (done,) = embed_files([File("wide.png", path, None)], embedder, lambda content: False, 1, 1)
    query = vectors(embedder, [look_at(embedder, path)])
    np.testing.assert_allclose(done.row, np.concatenate([part[0] for part in query.values()]), atol=1e-6)


def save_stripes(path, shares):
    """Save a photo three times as wide as high: a stripe for each (color, number of rows)."""
    image, top = Image.new("RGB", (600, 200)), 0
    for color, rows in shares:
        image.paste(ANCHORS[color], (0, top, 600, top + rows))
        top += rows
    image.save(path)
    return path


def test_a_region_of_a_wide_photo_has_the_colors_inside_it(embedder, tmp_path):
    photo = save_stripes(tmp_path / "stripes.png", [("blue", 50), ("red", 50), ("green", 50), ("yellow", 50)])
    view = look_at(embedder, photo)
    for region, name in (((0, 0.25, 1, 0.5), "red"), ((0, 0.5, 1, 0.75), "green")):
        assert color_names(vectors(embedder, [view], region, max_crop_share=0)["color"][0])[0] == name


def test_a_regions_fashion_vector_is_pooled_from_the_cells_of_the_photo(embedder, tmp_path):
    """The upper three of seven rows of a photo twice as wide as high are the second and third of six."""
    photo = tmp_path / "wide.png"
    widen(PRODUCTS[0], 2).save(photo)
    view, inner = look_at(embedder, photo), np.zeros((6, 6), bool)
    inner[1:3] = True
    maps = view.fashion
    expected = pool_cells(maps.last[0], maps.garment[0], maps.pixels[0], inner)
    found = vectors(embedder, [view], (0, 0, 1, 0.45), max_crop_share=0)
    for name, own in zip(("fashion", "detail"), expected):
        np.testing.assert_allclose(found[name][0], own, atol=1e-6)


def test_the_app_and_evaluate_find_a_wide_product_by_its_own_photo(embedder, tmp_path):
    (tmp_path / "images").mkdir()
    for path in PRODUCTS[:6]:
        widen(path).save(tmp_path / "images" / f"{path.stem}.png")
    build_index(tmp_path / "images", tmp_path, embedder)
    recommender = Recommender(load_index(tmp_path), embedder, {"fashion": 1})
    photos = sorted((tmp_path / "images").iterdir())
    _, asked, _ = embed_images([LabeledImage(path, {}) for path in photos], embedder, lambda batches, **_: batches)
    _, distances = recommender.nearest(asked, 1)
    assert max(distances.max(), *(recommender.similar(path, 1)[0].distance for path in photos)) < 1e-3


@pytest.mark.parametrize("sides", [(90, 120), (100, 100), (240, 100), (100, 300), (1000, 90)])
def test_training_and_the_app_show_the_network_the_same_pixels(sides, tmp_path):
    path = tmp_path / "photo.png"
    noise = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    Image.fromarray(noise).resize(sides, Image.Resampling.BICUBIC).save(path)
    shown, aspect = load_prepared(path, dataset.SIDE)
    (seen,), _ = pad_to_frame(shown[None], [aspect], dataset.SIDE)
    assert np.abs(dataset.prepare(path).astype(int) - seen).max() <= 1


def test_cached_training_pixels_are_prepared_again_after_a_change(tmp_path, monkeypatch):
    path, cache = tmp_path / "wide.png", tmp_path / "photos.npy"
    widen(PRODUCTS[0]).save(path)
    kept = np.array(dataset.load_pixels([path], cache))
    np.save(cache, np.zeros_like(kept))
    assert not dataset.load_pixels([path], cache).any()
    monkeypatch.setattr(dataset, "PREPARATION", "otherwise")
    np.testing.assert_array_equal(dataset.load_pixels([path], cache), kept)
