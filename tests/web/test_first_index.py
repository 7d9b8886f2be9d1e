"""Where there is no index, the page makes one of a small folder of images, if somebody asks for it."""

import shutil

import pytest

from lookalike.web import texts
from tests.support.app_page import photo


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "images").mkdir()
    for number in range(3):
        shutil.copy(photo(number), tmp_path / "images")
    return tmp_path


def make_button(app):
    return next((button for button in app.button if button.label == texts.MAKE_INDEX), None)


def test_the_page_makes_the_first_index_when_somebody_taps(open_app, shop):
    app = open_app(shop)
    assert not app.exception and not (shop / "index.json").exists()
    make_button(app).click().run(timeout=180)
    assert not app.exception and app.file_uploader and not app.warning
    assert (shop / "index.json").is_file()


def test_it_makes_the_first_index_unasked_if_told_so(open_app, shop):
    app = open_app(shop, LOOKALIKE_INDEX_AT_START="1")
    assert not app.exception and app.file_uploader and (shop / "index.json").is_file()


def test_it_offers_nothing_without_images_or_for_many_or_beside_an_index(open_app, shop, tmp_path):
    assert make_button(open_app(shop))
    (shop / "filenames.pkl").write_bytes(b"damaged")
    assert not make_button(open_app(shop))
    for number in range(2001):
        (tmp_path / "many" / "images" / f"{number}.jpg").parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "many" / "images" / f"{number}.jpg").touch()
    assert not make_button(open_app(tmp_path / "many"))
    assert not make_button(open_app(tmp_path / "none"))


def test_a_run_that_fails_is_said_and_can_be_begun_again(open_app, shop):
    (shop / "images" / "one.jpg").write_bytes((shop / "images" / photo().name).read_bytes())
    (shop / "index.json.new").mkdir()
    (shop / "embeddings.pkl.new").mkdir()
    app = open_app(shop, LOOKALIKE_INDEX_AT_START="1")
    assert not app.exception and [error.value for error in app.error] == [texts.NO_INDEX_MADE]
    assert not open_app(shop, LOOKALIKE_INDEX_AT_START="1").file_uploader
    for name in ("index.json.new", "embeddings.pkl.new"):
        (shop / name).rmdir()
    app = open_app(shop)
    make_button(app).click().run(timeout=180)
    assert not app.exception and app.file_uploader
