"""Unusual catalogues through AppTest: odd names, a single picture, a picture that cannot be read for a moment."""

import os
import shutil

import pytest
from PIL import Image

from lookalike.extraction.build import build_index
from lookalike.index.reading import load_index
from lookalike.index.thumbnails import remove_thumbnails
from lookalike.web import pictures, texts
from lookalike.web.look_up import results as results_view
from tests.support.app_page import badges, button, names, open_product, photo, results, upload


@pytest.fixture
def shop(open_app, embedder, tmp_path):
    """shop({name: source file}) makes an index of these images and returns its folder; names may be bytes."""

    def make(files):
        folder = tmp_path / "images"
        folder.mkdir(exist_ok=True)
        for name, source in files.items():
            path = os.fsencode(folder) + b"/" + os.fsencode(name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copy(source, path)
        build_index(folder, tmp_path, embedder)
        return tmp_path

    return make


def test_a_name_that_is_not_utf8_can_be_shown_searched_and_kept(open_app, shop):
    folder = shop({b"caf\xe9.jpg": photo(0), "1.jpg": photo(1), "2.jpg": photo(2), "a/1.jpg": photo(3)})
    app = open_app(folder)
    assert not app.exception, "the start page shows it as an example"
    odd = r"caf\udce9"
    assert odd in results(open_product(app, "1")) and not app.exception
    button(app, f"keep-{odd}").click().run()
    button(app, f"why-{odd}").click().run()
    button(app, f"like-{odd}").click().run()
    assert not app.exception and app.query_params["product"] == odd
    assert len(results(app)) == 4, "three results and the favorite"


@pytest.mark.parametrize("count", [1, 3])
def test_a_catalogue_with_one_picture_shows_a_percentage(open_app, shop, count):
    folder = shop({f"{number}.jpg": photo() for number in range(count)})
    app = upload(open_app(folder), photo().read_bytes())
    assert len(names(app)) == 1 and len(badges(app)) == 1 and "100% alike" in badges(app)[0]
    app = open_product(open_app(folder), "0")
    assert not app.exception
    if count == 1:
        assert [warning.value for warning in app.warning] == [texts.NO_OTHERS]


def test_only_a_few_of_many_products_with_the_same_placeholder_are_shown(open_app, shop, monkeypatch):
    monkeypatch.setattr(results_view, "MAX_SAME", 2)
    folder = shop({"0.jpg": photo(0)} | {f"none-{number}.jpg": photo(1) for number in range(6)})
    app = open_product(open_app(folder), "0")
    assert not app.exception
    shown = [caption.value for caption in app.caption if "none" in caption.value]
    assert len(shown) == 2 and texts.more_products_note(3) in [caption.value for caption in app.caption]


def test_a_product_searched_by_its_name_is_still_found_when_its_namesake_is_deleted(open_app, shop):
    folder = shop({"a/1.jpg": photo(0), "b/1.jpg": photo(1), "2.jpg": photo(2)})
    app = open_product(open_app(folder), "2")
    button(app, "keep-images/b/1.jpg").click().run()
    (folder / "images" / "a" / "1.jpg").unlink()
    shop({})
    app = open_product(app, "images/b/1.jpg")
    assert not app.exception and not app.error and results(app) == ["kept-1", "2"]
    button(app, "forget-1").click().run()
    assert results(app) == ["2"]


def test_a_picture_that_cannot_be_read_is_tried_again(shop, no_decoder, monkeypatch):
    folder = shop({"0.jpg": photo(0)})
    Image.open(photo(1)).save(folder / "images" / "1.tif")
    shop({})
    index = load_index(folder)
    tiff = index.product(1)
    with no_decoder():
        assert pictures.of_product(index, tiff, "with its thumbnail").startswith(b"\xff\xd8")
    remove_thumbnails(folder)
    with no_decoder():
        assert pictures.of_product(index, tiff, "this version") is None
    assert pictures.of_product(index, tiff, "this version") is None, "not before a minute has passed"
    monkeypatch.setattr(pictures, "RETRY_SECONDS", 0)
    assert pictures.of_product(index, tiff, "this version").startswith(b"\xff\xd8")
    with no_decoder():
        assert pictures.of_product(index, tiff, "this version"), "a good picture is kept"


def test_why_says_that_a_picture_cannot_be_read_right_now(open_app, shop, no_decoder):
    folder = shop({"0.jpg": photo(0)})
    Image.open(photo(1)).save(folder / "images" / "1.tif")
    shop({})
    app = open_product(open_app(folder), "0")
    with no_decoder():
        button(app, "why-1").click().run()
        assert not app.exception and "cannot be opened right now" in app.warning[0].value
    app.run()
    assert not app.exception and not app.warning and texts.WHY_HEATS in [caption.value for caption in app.caption]


def test_filters_show_a_shops_words_unchanged(open_app, embedder, tmp_path):
    (tmp_path / "images").mkdir()
    for number in range(4):
        shutil.copy(photo(number), tmp_path / "images" / f"{number}.jpg")
    (tmp_path / "styles.csv").write_text("id,our_offers\n0,*sale*\n1,*sale*\n2,none\n3,none\n")
    build_index(tmp_path / "images", tmp_path, embedder, tmp_path / "styles.csv")
    app = open_product(open_app(tmp_path), "0")
    assert r"\*sale\* (2)" in app.pills[0].options
    app.pills[0].set_value(["*sale*"]).run()
    assert not app.exception and results(app) == ["1"] and app.query_params["only.our_offers"] == "*sale*"
