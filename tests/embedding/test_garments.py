"""Finding garments: from the head's outputs to boxes by hand, and the released head on real photos."""

import json

import numpy as np
import pytest

from lookalike.embedding import garments
from lookalike.embedding.embedder import load_finder
from lookalike.embedding.garments import (
    Garment,
    describe_finder,
    find_garments,
    main_garment,
    outfit,
    overlap,
    read_garments,
)
from lookalike.errors import WeightsError
from lookalike.images.decoding import load_pixels
from tests.support.data import ROOT, data

SIDE = 8


def outputs(*found):
    """Return what the head gives for garments, each a name, the cell of its middle, its box and its score."""
    finder = describe_finder()
    chances = np.zeros((SIDE, SIDE, len(finder.garments)), np.float32)
    distances = np.zeros((SIDE, SIDE, len(finder.garments), 4), np.float32)
    for name, (row, column), (left, top, right, bottom), score in found:
        x, y = (column + 0.5) / SIDE, (row + 0.5) / SIDE
        place = finder.garments.index(name)
        chances[row, column, place] = score
        distances[row, column, place] = np.log([x - left, y - top, right - x, bottom - y])
    return chances, distances.reshape(SIDE, SIDE, -1)


def test_a_box_reaches_from_its_cell_as_far_as_the_distances_say():
    (one,) = read_garments(*outputs(("top", (2, 3), (0.2, 0.1, 0.7, 0.5), 0.9)))
    assert one.garment == "top" and one.box == pytest.approx((0.2, 0.1, 0.7, 0.5), abs=1e-3)
    assert one.score == pytest.approx(0.9) and one.area == pytest.approx(0.2, abs=1e-3)


def test_of_two_boxes_at_one_place_the_likelier_one_stands():
    top, jacket, shoes = (0.2, 0.1, 0.7, 0.5), (0.1, 0.1, 0.9, 0.7), ("footwear", (6, 3), (0.3, 0.8, 0.6, 1), 0.7)
    doubled = ("top", (3, 5), (0.22, 0.1, 0.7, 0.52), 0.95)
    found = read_garments(*outputs(("top", (2, 3), top, 0.8), doubled, ("dress", (2, 3), top, 0.9), shoes))
    assert [(one.garment, round(one.score, 2)) for one in found] == [("top", 0.95), ("footwear", 0.7)]
    both = read_garments(*outputs(("top", (2, 3), top, 0.8), ("outerwear", (3, 3), jacket, 0.9), shoes))
    assert [one.garment for one in both] == ["outerwear", "top", "footwear"]


def test_the_mean_of_what_neighbors_see_is_the_box():
    left, right = ("top", (2, 2), (0.1, 0.1, 0.5, 0.5), 0.6), ("top", (2, 3), (0.2, 0.1, 0.6, 0.5), 0.6)
    (one,) = read_garments(*outputs(left, right))
    assert one.box == pytest.approx((0.15, 0.1, 0.55, 0.5), abs=1e-3)


def test_a_photo_of_one_thing_shows_that_alone():
    """Other kinds are seen faintly in it."""
    shirt, trousers = ("top", (2, 3), (0.2, 0.1, 0.7, 0.5), 0.4), ("bottom", (5, 3), (0.2, 0.5, 0.7, 0.9), 0.35)
    assert [one.garment for one in read_garments(*outputs(shirt, trousers))] == ["top"]
    assert [one.garment for one in read_garments(*outputs(("belt", (2, 3), (0.2, 0.1, 0.7, 0.5), 0.2)))] == ["belt"]


def test_what_is_unlikely_is_not_there():
    finder = describe_finder()
    least = finder.least["bag"] - 0.01
    top, bottom = ("top", (2, 3), (0.2, 0.1, 0.7, 0.5), 0.95), ("bottom", (5, 3), (0.2, 0.5, 0.7, 0.9), 0.95)
    bag = ("bag", (2, 6), (0.7, 0.2, 0.9, 0.5), least)
    assert [one.garment for one in read_garments(*outputs(top, bottom, bag))] == ["top", "bottom"]
    assert read_garments(*outputs(("bag", (2, 3), (0.3, 0.2, 0.6, 0.5), finder.least_alone - 0.01))) == []
    assert read_garments(*outputs()) == []


def test_one_of_an_outfit_is_meant():
    shirt, shoes = Garment("top", (0.2, 0.1, 0.8, 0.5), 0.8), Garment("footwear", (0.4, 0.9, 0.6, 1.0), 0.9)
    assert outfit([shirt]) == () and outfit([shoes, shirt]) == [shoes, shirt]
    assert main_garment([shoes, shirt]) is shirt


def test_overlap_is_what_is_shared_of_both():
    assert overlap((0, 0, 1, 1), (0, 0, 0.5, 1)) == pytest.approx(0.5)
    assert overlap((0, 0, 0.2, 0.2), (0.5, 0.5, 1, 1)) == 0 and overlap((0, 0, 0, 0), (0, 0, 0, 0)) == 0


def test_the_head_belongs_to_the_fashion_network():
    """Its weights mean nothing on the maps of another one."""
    stored = json.loads(garments.DESCRIPTION.read_text())
    assert stored["fashion"] == json.loads(garments.DESCRIPTION.with_name("fashion.json").read_text())["sha256"]
    assert describe_finder().least.keys() == set(describe_finder().garments)


def test_a_damaged_description_gets_one_sentence(tmp_path):
    broken = tmp_path / "garments.json"
    broken.write_text('{"side": 256}')
    with pytest.raises(WeightsError, match="does not describe the garment finder .* Fetch the repository again"):
        describe_finder.__wrapped__(broken)


def test_a_picture_of_one_product_shows_no_outfit():
    finder, side = load_finder(), describe_finder().side
    pictures = sorted((ROOT / "images").glob("*.jpg"))[::8]
    counts = [len(find_garments(finder, load_pixels(picture, side))) for picture in pictures]
    assert np.mean([count <= 1 for count in counts]) >= 0.95, counts


def test_two_garments_of_an_outfit_are_found():
    street = data("street-outfits", "images")
    finder, side = load_finder(), describe_finder().side
    last = sorted(street.iterdir())[-40:]
    counts = [len(find_garments(finder, load_pixels(path, side))) for path in last]
    assert np.mean([count >= 2 for count in counts]) >= 0.95


def test_a_photo_of_one_thing_is_seen_as_such():
    finder, side = load_finder(), describe_finder().side
    photos = sorted(data("shopper-photos").rglob("*.jpg"))[::6]
    counts = [len(find_garments(finder, load_pixels(path, side))) for path in photos]
    assert np.mean([count == 1 for count in counts]) >= 0.85
