"""Photos labeled one by one, and pictures of the very product: what asks, what is right, and what is refused."""

import csv

import numpy as np
import pytest
from PIL import Image

from lookalike.analysis.labeled_photos import (
    LabeledPhoto,
    labeled_photo_queries,
    read_labeled_photos,
    read_same_products,
    same_product_queries,
    with_products,
)
from lookalike.analysis.metrics import BOTH, COLOR, SAME_PRODUCT, TYPE, evaluate
from lookalike.errors import CatalogueError
from lookalike.extraction.build import build_index
from lookalike.index.reading import load_index
from lookalike.search.recommender import Recommender
from tests.cli.test_commands import lookalike
from tests.support.data import ROOT

ATTRIBUTES = {
    "1": {"articleType": "Shirts", "baseColour": "Red"},
    "2": {"articleType": "Shirts", "baseColour": "Green"},
    "3": {"articleType": "Caps", "baseColour": "Blue"},
    "4": {"articleType": "Caps", "baseColour": "Yellow"},
}


@pytest.fixture
def shop(catalogue, toy):
    build_index(catalogue, catalogue.parent, toy)
    return Recommender(load_index(catalogue.parent), toy)


def write_csv(path, *rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_types_colors_and_pairs_of_them_are_right():
    right = LabeledPhoto("a.jpg", ("Shirts", "Tops"), ("Grey",)).right
    assert right[TYPE] == {("Shirts",), ("Tops",)}
    assert right[COLOR] == {("Grey",), ("Grey Melange",), ("Charcoal",), ("Silver",)}
    assert len(right[BOTH]) == 8 and ("Tops", "Silver") in right[BOTH]
    assert LabeledPhoto("a.jpg", ("Shirts",), ()).right == {TYPE: {("Shirts",)}}


def test_rows_are_read_with_their_box_and_without_bad_ones(tmp_path):
    row = {"path": "a.jpg", "types": "Shirts | Tops", "colors": "Red", "flag": "", "left": "0.1", "top": "0.2"}
    row |= {"right": "0.5", "bottom": "0.6"}
    others = [{"path": f"{flag}.jpg", "flag": flag} for flag in ("bad", "many", "wrong", "part")]
    path = write_csv(tmp_path / "labels.csv", row, *others)
    first, second = read_labeled_photos(path)
    assert first == LabeledPhoto("a.jpg", ("Shirts", "Tops"), ("Red",), (0.1, 0.2, 0.5, 0.6))
    assert second == LabeledPhoto("part.jpg", (), ())


@pytest.mark.parametrize(
    "content, sentence",
    [
        ("path,types\na.jpg,Shirts\n", "has no column colors"),
        ("types,colors\nShirts,Red\n", "needs a column path or file"),
        (None, "cannot be read as CSV"),
        (b"\xff\xfe\x00", "cannot be read as CSV"),
        ("", "has no column types"),
    ],
)
def test_a_file_that_judges_nothing_gets_a_sentence(tmp_path, content, sentence):
    path = tmp_path / "labels.csv"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CatalogueError, match=sentence):
        read_labeled_photos(path)


def test_photos_are_judged_by_what_fits_them_and_parts_by_their_own(shop, tmp_path):
    picture = Image.new("RGB", (40, 20), "red")
    picture.paste("blue", (20, 0, 40, 20))
    picture.save(tmp_path / "two.png")
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    labels = write_csv(
        tmp_path / "labels.csv",
        {"file": "two.png", "types": "Shirts", "colors": "Red", "left": 0, "top": 0, "right": 0.5, "bottom": 1},
        {"file": "two.png", "types": "Caps", "colors": "Blue", "left": 0.5, "top": 0, "right": 1, "bottom": 1},
        {"file": "broken.png", "types": "Caps", "colors": "Blue"},
        {"file": "missing.png", "types": "Caps", "colors": "Blue"},
        {"file": "two.png"},
    )
    queries = labeled_photo_queries(tmp_path, read_labeled_photos(labels), shop)
    assert len(queries.rows) == 2 and not np.allclose(*queries.vectors["look"])
    assert "2 of 5 labeled photos" in queries.notes[0] and "broken.png" in queries.notes[1]
    figures = evaluate(shop.index, ATTRIBUTES, queries)["look"]
    # All four products are among the five: two of each type, one of each color.
    assert figures[TYPE].precision == pytest.approx(2 / 5) and figures[BOTH].precision == pytest.approx(1 / 5)
    with pytest.raises(CatalogueError, match="None of the 5 labeled photos"):
        labeled_photo_queries(tmp_path / "elsewhere", read_labeled_photos(labels), shop)


def test_another_picture_of_a_product_asks_for_it(shop, tmp_path):
    for name, color in (("back.png", "red"), ("side.png", "green"), ("alone.png", "blue")):
        Image.new("RGB", (30, 30), color).save(tmp_path / name)
    table = write_csv(
        tmp_path / "products.csv",
        {"file": "1.png", "product": "shirt"},
        {"file": "back.png", "product": "shirt"},
        {"file": "2.png", "product": "blouse"},
        {"file": "4.png", "product": "cap"},
        {"file": "side.png", "product": "cap"},
        {"file": "alone.png", "product": "nowhere"},
    )
    products = read_same_products(table)
    queries = same_product_queries(tmp_path, products, shop)
    assert len(queries.rows) == 2
    figures = evaluate(shop.index, with_products(shop.index, products), queries)["look"]
    assert set(figures) == {f"{SAME_PRODUCT} first", f"{SAME_PRODUCT} of 5"}
    # The back is as red as the shirt; the side is green, and yellow shares that with it only in part.
    assert figures[f"{SAME_PRODUCT} first"].precision == 0.5 and figures[f"{SAME_PRODUCT} of 5"].precision == 1
    with pytest.raises(CatalogueError, match="shows a product of the index in another picture"):
        same_product_queries(tmp_path, {"1.png": "shirt"}, shop)


def test_a_page_shows_the_questions_and_their_five(tmp_path, demo_index):
    """The demo's own pictures as photos: each page names what is asked, and checks what is right."""
    photos = sorted((ROOT / "images").glob("*.jpg"))[:2]
    rows = [{"path": photo.name, "types": "Caps", "colors": "Red"} for photo in photos]
    labels = write_csv(tmp_path / "labels.csv", *rows)
    page = tmp_path / "page.html"
    asked = ("--index", demo_index, "--queries", ROOT / "images", "--labels", labels, "--html", page)
    done = lookalike("evaluate", *asked, "--space", "default")
    assert done.returncode == 0 and f"The pictures are in {page}" in done.stderr
    text = page.read_text()
    assert text.count("data:image/jpeg") == 2 * 6 and text.count('class="asked"') == 2 and "<script" not in text
    done = lookalike("evaluate", *asked[:-1], tmp_path / "missing" / "page.html", "--space", "default")
    assert done.returncode == 1 and "cannot be written" in done.stderr and "Traceback" not in done.stderr


def test_evaluate_takes_one_kind_of_judge_and_needs_the_photos(tmp_path):
    done = lookalike("evaluate", "--queries", tmp_path, "--labels", "a.csv", "--same-product", "b.csv")
    assert done.returncode == 2 and "exclude each other" in done.stderr
    done = lookalike("evaluate", "--labels", "a.csv")
    assert done.returncode == 1 and "Name the folder of the photos with --queries" in done.stderr
