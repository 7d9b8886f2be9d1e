"""Products on other backgrounds: the same ones each time, only those that can be cut out, and used for learning."""

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
    """An index of red and blue drawn products on white, except two on green; one file has been deleted."""
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


def composites(shop, rows, embedder):
    return composite_vectors(shop, rows, embedder.size, embedder.fashion_vectors)


def test_products_on_white_become_other_pictures(shop, embedder):
    vectors, rows = composites(shop, np.arange(80), embedder)
    assert rows.tolist() == [row for row in range(80) if row not in (3, 5, 70)]
    assert {name: matrix.shape for name, matrix in vectors.items()} == {
        "fashion": (77, 256),
        "color": (77, 40),
        "detail": (77, 96),
    }
    alike = (vectors["fashion"] * shop.spaces["fashion"][rows]).sum(axis=1)
    assert alike.max() < 0.999


def test_a_products_background_does_not_depend_on_the_other_products(shop):
    def pixels(pixels, aspects):
        return {"pixels": pixels}

    every, _ = composite_vectors(shop, np.arange(12), 64, pixels)
    last, rows = composite_vectors(shop, np.array([11, 10]), 64, pixels)
    assert rows.tolist() == [11, 10]
    np.testing.assert_array_equal(last["pixels"], every["pixels"][[-1, -2]])
    assert len({image[0, 0].tobytes() for image in every["pixels"]}) > 6


def test_no_vectors_are_made_if_nothing_can_be_cut_out(shop, embedder):
    vectors, rows = composites(shop, np.array([3, 5]), embedder)
    assert vectors == {} and len(rows) == 0


def test_a_head_learns_from_composites_but_never_from_held_out_products(shop, embedder, monkeypatch):
    fits, attributes = [], [shop.product(row).attributes for row in range(COUNT)]
    fit_head = tuning.fit_head

    def recording_fit_head(vectors, own, columns=None, photos=None):
        fits.append((vectors, own))
        return fit_head(vectors, own, columns, photos)

    monkeypatch.setattr(tuning, "fit_head", recording_fit_head)
    _, gain = tune(shop, embedder, attributes)
    held_out, learned = 21, fits[0][1]
    assert [own == {} for own in learned[:COUNT]].count(True) == held_out and {} not in learned[COUNT:]
    assert COUNT - held_out - 3 <= len(learned) - COUNT <= COUNT - held_out
    assert all(len(vectors["fashion"]) == len(own) for vectors, own in fits)
    assert gain.composed is not None


def test_a_word_is_not_more_frequent_for_being_seen_on_two_backgrounds(shop, embedder):
    """A column with mostly words that occur once or twice cannot be learned, however many backgrounds there are."""
    colors = [shop.product(row).attributes for row in range(COUNT)]
    rare = [own | {"article": f"number {row // 2}"} for row, own in enumerate(colors)]
    assert set(tuning.fit_with_composites(shop, rare, composites(shop, np.arange(COUNT), embedder)).words) == {
        "baseColour"
    }
