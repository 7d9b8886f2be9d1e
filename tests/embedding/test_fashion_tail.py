"""The fashion network's last layers in numpy: they give the network's own vectors, and those of regions."""

import numpy as np
import pytest

from lookalike.embedding.backbones import find_backbone
from lookalike.embedding.embedder import load_embedder
from lookalike.embedding.engines.tensorflow import TensorFlowEngine
from lookalike.embedding.fashion import INDEXED_OUTPUTS, describe_fashion, find_fashion, pool_cells, project_cells
from lookalike.images.decoding import load_pixels
from tests.support.data import ROOT

EVERYWHERE = np.ones((6, 6), bool)
SIDE = describe_fashion().preprocessing.size


@pytest.fixture(scope="module")
def pixels():
    return np.stack([load_pixels(path, SIDE) for path in sorted((ROOT / "images").glob("*.jpg"))[:12]])


@pytest.fixture(scope="module")
def maps(pixels):
    return load_embedder(find_backbone("efficientnet-lite0"), precision="f32").fashion_maps(pixels)


def vectors_of_whole_images(last, garment, pixels):
    pooled = [pool_cells(*image, EVERYWHERE) for image in zip(last, garment, pixels)]
    fashion, detail = (np.stack(own) for own in zip(*pooled))
    return fashion, detail


def test_the_whole_image_gives_the_networks_own_vectors(maps):
    found = vectors_of_whole_images(maps.last, maps.garment, maps.pixels)
    for ours, own, width in zip(found, (maps.vectors, maps.details), (256, 96)):
        assert ours.shape == (12, width) and ours.dtype == np.float32
        assert (ours * own).sum(axis=1).min() >= 0.9999
        np.testing.assert_allclose(ours, own, atol=1e-5)


@pytest.mark.tensorflow
def test_it_gives_tensorflows_vector_too(maps, pixels):
    vectors, garment, details, last = TensorFlowEngine(find_fashion()).outputs(pixels)
    for ours, own in zip(vectors_of_whole_images(last, garment, pixels), (vectors, details)):
        assert (ours * own).sum(axis=1).min() >= 0.9999
    assert (maps.vectors * vectors).sum(axis=1).min() >= 0.9999
    assert (maps.details * details).sum(axis=1).min() >= 0.9999


def test_an_engine_for_indexing_gives_the_same_vectors_without_the_last_map(maps, pixels):
    quick = load_embedder(find_backbone("efficientnet-lite0"), precision="f32", throughput=True).fashion_maps(pixels)
    assert quick.last is None and maps.last.shape == (12, 6, 6, 1280)
    np.testing.assert_allclose(quick.vectors, maps.vectors, atol=1e-6)
    np.testing.assert_allclose(quick.details, maps.details, atol=1e-6)
    np.testing.assert_allclose(quick.garment, maps.garment, atol=1e-5)


@pytest.mark.tensorflow
def test_tensorflow_computes_no_more_than_indexing_needs(pixels):
    assert len(TensorFlowEngine(find_fashion(), throughput=True, max_outputs=INDEXED_OUTPUTS).outputs(pixels[:1])) == 3


def test_pixels_outside_the_region_change_nothing(maps):
    cells = np.zeros((6, 6), bool)
    cells[2:5, 1:4] = True
    inside = pool_cells(maps.last[0], maps.garment[0], maps.pixels[0], cells)
    last, garment, pixels = maps.last[1].copy(), maps.garment[1].copy(), maps.pixels[1].copy()
    for array, source, cell in ((last, maps.last[0], 1), (garment, maps.garment[0], 2), (pixels, maps.pixels[0], 32)):
        part = slice(2 * cell, 5 * cell), slice(cell, 4 * cell)
        array[part] = source[part]
    for ours, own, whole in zip(pool_cells(last, garment, pixels, cells), inside, (maps.vectors[0], maps.details[0])):
        np.testing.assert_array_equal(ours, own)
        assert np.linalg.norm(own) == pytest.approx(1, abs=1e-5)
        assert own @ whole < 0.9999


def test_pooling_over_equal_cells_does_not_depend_on_their_number():
    rng = np.random.default_rng(3)
    last, garment = np.broadcast_to(rng.random(1280, np.float32), (6, 6, 1280)), np.full((12, 12), 0.7, np.float32)
    pixels, one = np.full((SIDE, SIDE, 3), (20, 90, 200), np.uint8), np.zeros((6, 6), bool)
    one[3, 5] = True
    whole = pool_cells(last, garment, pixels, EVERYWHERE)
    for ours, own in zip(pool_cells(last, garment, pixels, one), whole):
        np.testing.assert_allclose(ours, own, atol=1e-4)


def test_cells_project_to_the_cells_they_cover():
    cells = np.array([[True, False], [False, False]])
    np.testing.assert_array_equal(project_cells(cells, 4), np.kron(cells, np.ones((2, 2), bool)))
    np.testing.assert_array_equal(project_cells(cells, 1), [[True]])
    np.testing.assert_array_equal(project_cells(np.array([[True]]), 3), np.ones((3, 3), bool))
    assert not project_cells(~np.ones((7, 7), bool), 6).any()


@pytest.mark.parametrize("count", [1, 3, 7, 10, 14])
@pytest.mark.parametrize("side", [6, 12])
def test_some_cells_always_give_some_and_all_give_all(count, side):
    """Also for the cell of 7 × 7 whose middle is a corner of four cells of 6 × 6."""
    assert project_cells(np.ones((count, count), bool), side).all()
    for cell in np.ndindex(count, count):
        cells = np.zeros((count, count), bool)
        cells[cell] = True
        found = np.argwhere(project_cells(cells, side)) / side
        # No cell is taken that is farther away than the size of one cell of either grid.
        assert len(found) and (abs(found - np.array(cell) / count) <= 1 / side + 1 / count).all()
