"""Shops that are unlike the usual ones, through AppTest: odd names, one picture, a disk's bad moment."""

import os
import shutil

import pytest
from PIL import Image

from lookalike.extraction.build import build_index
from lookalike.index.reading import load_index
from lookalike.web import pictures, texts
from lookalike.web.look_up import results as results_view
from tests.support.app_page import button, names, photo, results, upload


@pytest.fixture
def shop(open_app, embedder, tmp_path):
    """shop({name: source file}) is a shop's folder with these images and its index; names may be bytes."""

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


def badges(app):
    return [markdown.value for markdown in app.markdown if "-badge[" in markdown.value]


def product(app, identity):
    app.query_params["product"] = identity
    return app.run()


def test_a_name_that_is_no_utf8_is_shown_asked_for_and_kept(open_app, shop):
    folder = shop({b"caf\xe9.jpg": photo(0), "1.jpg": photo(1), "2.jpg": photo(2), "a/1.jpg": photo(3)})
    app = open_app(folder)
    assert not app.exception, "the start page has it among its examples"
    odd = r"caf\udce9"
    assert odd in results(product(app, "1")) and not app.exception
    button(app, f"keep-{odd}").click().run()
    button(app, f"why-{odd}").click().run()
    button(app, f"like-{odd}").click().run()
    assert not app.exception and app.query_params["product"] == odd
    assert len(results(app)) == 4, "three, and the favorite"


@pytest.mark.parametrize("count", [1, 3])
def test_a_shop_of_one_picture_calls_that_picture_alike(open_app, shop, count):
    folder = shop({f"{number}.jpg": photo() for number in range(count)})
    app = upload(open_app(folder), photo().read_bytes())
    assert len(names(app)) == 1 and len(badges(app)) == 1 and "100 % alike" in badges(app)[0].replace("100%", "100 %")
    app = product(open_app(folder), "0")
    assert not app.exception
    if count == 1:
        assert [warning.value for warning in app.warning] == [texts.NO_OTHERS]


def test_of_a_placeholder_that_many_products_have_a_few_are_shown(open_app, shop, monkeypatch):
    monkeypatch.setattr(results_view, "MAX_SAME", 2)
    folder = shop({"0.jpg": photo(0)} | {f"none-{number}.jpg": photo(1) for number in range(6)})
    app = product(open_app(folder), "0")
    assert not app.exception
    shown = [caption.value for caption in app.caption if "none" in caption.value]
    assert len(shown) == 2 and texts.more_products(3) in [caption.value for caption in app.caption]


def test_a_product_asked_for_by_its_name_stays_when_its_namesake_goes(open_app, shop):
    folder = shop({"a/1.jpg": photo(0), "b/1.jpg": photo(1), "2.jpg": photo(2)})
    app = product(open_app(folder), "2")
    button(app, "keep-images/b/1.jpg").click().run()
    (folder / "images" / "a" / "1.jpg").unlink()
    shop({})
    app = product(app, "images/b/1.jpg")
    assert not app.exception and not app.error and results(app) == ["kept-1", "2"]
    button(app, "forget-1").click().run()
    assert results(app) == ["2"]


def test_a_bad_moment_takes_a_picture_away_for_a_moment_only(shop, no_decoder):
    folder = shop({"0.jpg": photo(0)})
    Image.open(photo(1)).save(folder / "images" / "1.tif")
    shop({})
    slow = load_index(folder).product(1)
    with no_decoder():
        assert pictures.of_product(slow, "this version") is None
    # As after a minute.
    pictures._lately.clear()
    assert pictures.of_product(slow, "this version").startswith(b"\xff\xd8")


def test_a_shops_words_are_shown_in_the_filters_as_they_are(open_app, embedder, tmp_path):
    (tmp_path / "images").mkdir()
    for number in range(4):
        shutil.copy(photo(number), tmp_path / "images" / f"{number}.jpg")
    (tmp_path / "styles.csv").write_text("id,our_offers\n0,*sale*\n1,*sale*\n2,none\n3,none\n")
    build_index(tmp_path / "images", tmp_path, embedder, tmp_path / "styles.csv")
    app = product(open_app(tmp_path), "0")
    assert r"\*sale\* (2)" in app.pills[0].options
    app.pills[0].set_value(["*sale*"]).run()
    assert not app.exception and results(app) == ["1"] and app.query_params["only.our_offers"] == "*sale*"
