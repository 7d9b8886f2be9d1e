"""Products on other backgrounds: the same ones each time, only those that can be cut out, and learned from."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lookalike.extraction.build import build_index
from lookalike.index.reading import load_index
from lookalike.tuning import tune as tuning
from lookalike.tuning.augmentation import composite_vectors
from lookalike.tuning.tune import tune

COUNT = 140


@pytest.fixture(scope="module")
def shop(tmp_path_factory, embedder):
    """An index of drawn products on white, red and blue ones; two do not stand on white, one is gone."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "images").mkdir()
    for number in range(COUNT):
        image = Image.new("RGB", (120, 160), "white" if number not in (3, 70) else "green")
        color = (180, number, 20) if number % 2 else (20, number, 180)
        ImageDraw.Draw(image).rectangle((30, 20 + number % 40, 90, 140), color)
        image.save(folder / "images" / f"{number:03}.png")
    rows = "".join(f"{number:03},{('Blue', 'Red')[number % 2]}\n" for number in range(COUNT))
    (folder / "styles.csv").write_text("id,baseColour\n" + rows)
    build_index(folder / "images", folder, embedder, folder / "styles.csv")
    (folder / "images" / "005.png").unlink()
    return load_index(folder)


def shown(shop, rows, embedder):
    return composite_vectors(shop, rows, embedder.size, embedder.fashion_vectors)


def test_what_stands_on_white_is_there_and_is_another_picture(shop, embedder):
    vectors, rows = shown(shop, np.arange(80), embedder)
    assert rows.tolist() == [row for row in range(80) if row not in (3, 5, 70)]
    assert {name: matrix.shape for name, matrix in vectors.items()} == {"fashion": (77, 256), "color": (77, 40)}
    alike = (vectors["fashion"] * shop.spaces["fashion"][rows]).sum(axis=1)
    assert alike.max() < 0.999


def test_a_products_background_is_its_own_whatever_else_is_asked_for(shop):
    def pixels(pixels, aspects):
        return {"pixels": pixels}

    every, _ = composite_vectors(shop, np.arange(12), 64, pixels)
    last, rows = composite_vectors(shop, np.array([11, 10]), 64, pixels)
    assert rows.tolist() == [11, 10]
    np.testing.assert_array_equal(last["pixels"], every["pixels"][[-1, -2]])
    assert len({image[0, 0].tobytes() for image in every["pixels"]}) > 6


def test_where_none_can_be_cut_out_there_is_nothing(shop, embedder):
    vectors, rows = shown(shop, np.array([3, 5]), embedder)
    assert vectors == {} and len(rows) == 0


def test_a_head_learns_from_them_but_never_from_those_it_is_judged_by(shop, embedder, monkeypatch):
    fits, attributes = [], [shop.product(row).attributes for row in range(COUNT)]
    fit_head = tuning.fit_head

    def watched(vectors, own, columns=None):
        fits.append((vectors, own))
        return fit_head(vectors, own, columns)

    monkeypatch.setattr(tuning, "fit_head", watched)
    _, gain = tune(shop, embedder, attributes)
    judged_by, judged = 21, fits[0][1]
    assert [own == {} for own in judged[:COUNT]].count(True) == judged_by and {} not in judged[COUNT:]
    assert COUNT - judged_by - 3 <= len(judged) - COUNT <= COUNT - judged_by
    assert all(len(vectors["fashion"]) == len(own) for vectors, own in fits)
    assert gain.composed is not None


def test_a_word_is_no_commoner_for_being_seen_on_two_backgrounds(shop, embedder):
    """A column most of whose words come once or twice cannot be learned, on however many backgrounds."""
    colors = [shop.product(row).attributes for row in range(COUNT)]
    rare = [own | {"article": f"number {row // 2}"} for row, own in enumerate(colors)]
    assert set(tuning._fitted(shop, rare, shown(shop, np.arange(COUNT), embedder)).words) == {"baseColour"}
