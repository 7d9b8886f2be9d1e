"""The page Look up through Streamlit's AppTest, without a browser: what it says and shows."""

import io
import json

import pytest
from PIL import Image

from lookalike.serving.expiring_cache import ExpiringCache
from lookalike.serving.state import server_state
from lookalike.web import texts
from tests.support.app_page import badges, names, photo, results, upload
from tests.support.data import ROOT


def test_a_photo_gives_five_products(open_app, demo_index):
    app = upload(open_app(demo_index), photo().read_bytes())
    assert not app.exception and not app.error
    assert len(names(app)) == 5 and app.header[0].value == texts.YOUR_PHOTO
    assert len(badges(app)) == 5 and texts.closeness_label(1.0) in badges(app)[0]


def test_several_photos_are_one_query(open_app, demo_index):
    app = open_app(demo_index)
    both = [(f"{number}.jpg", photo(number).read_bytes(), "image/jpeg") for number in (0, 60)]
    app.file_uploader[0].set_value(both).run()
    assert not app.exception and app.header[0].value == texts.YOUR_PHOTOS
    assert len(results(app)) == 5


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "HEIF", "AVIF"])
def test_every_kind_of_photo_is_answered(open_app, demo_index, kind):
    buffer = io.BytesIO()
    Image.new("RGB", (300, 400), "navy").save(buffer, kind)
    assert len(results(upload(open_app(demo_index), buffer.getvalue()))) == 5


@pytest.mark.parametrize(
    "content, sentence", [(b"hello", "is not an image"), (b"", "is empty"), (b"\xff\xd8\xff\xe0", "")]
)
def test_a_file_that_is_no_image_gets_a_sentence(open_app, demo_index, content, sentence):
    app = upload(open_app(demo_index), content)
    assert not app.exception
    assert len(app.error) == 1 and app.error[0].value.startswith("The photo") and sentence in app.error[0].value


def test_an_image_with_too_many_pixels_gets_a_sentence(open_app, demo_index):
    buffer = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(buffer, "PNG")
    app = upload(open_app(demo_index), buffer.getvalue())
    assert "the limit is 100 megapixels" in app.error[0].value


def test_without_an_index_the_page_shows_the_command_that_makes_one(open_app, tmp_path):
    app = open_app(tmp_path)
    assert not app.exception and not app.file_uploader
    assert app.subheader[0].value == texts.NO_INDEX
    assert "There is no index" in app.warning[0].value
    assert texts.NO_INDEX_COMMAND in app.code[0].value


def test_a_damaged_index_gets_a_sentence(open_app, demo_index, tmp_path):
    for path in demo_index.glob("[!.]*"):
        (tmp_path / path.name).write_bytes(path.read_bytes()[:-9])
    app = open_app(tmp_path)
    assert not app.exception and "damaged" in app.warning[0].value


def test_a_sentence_about_the_index_is_shown_unchanged(open_app, demo_index, tmp_path):
    for path in demo_index.glob("[!.]*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    manifest = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps({**manifest, "backbone": "[look](https://a.example)"}))
    app = open_app(tmp_path)
    assert not app.exception and r"made with \[look\]\(https:gray[]\://a.example\)" in app.warning[0].value


def test_photos_are_kept_only_if_the_shop_has_switched_that_on(open_app, demo_index, tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (300, 400), "navy").save(buffer, "PNG")
    kept = tmp_path / "uploads"
    upload(open_app(demo_index), buffer.getvalue(), "../../evil.jpg")
    assert not kept.exists() and [path.name for path in (ROOT / "uploads").iterdir()] == [".gitkeep"]
    upload(open_app(demo_index, LOOKALIKE_KEEP_UPLOADS=kept), buffer.getvalue(), "../../evil.jpg")
    assert len(list(kept.iterdir())) == 1 and "evil" not in next(kept.iterdir()).name


def test_what_is_computed_from_a_photo_is_forgotten_by_the_clock(open_app, demo_index, monkeypatch):
    caches = {name: ExpiringCache(10, 3600) for name in ("photo_views", "assessments", "thumbnails")}
    for name, cache in caches.items():
        monkeypatch.setattr(server_state(), name, cache)
    buffer = io.BytesIO()
    Image.new("RGB", (301, 403), "teal").save(buffer, "PNG")
    assert len(results(upload(open_app(demo_index), buffer.getvalue()))) == 5
    assert [len(cache._entries) for cache in caches.values()] == [1, 1, 1]


def test_the_page_says_that_photos_are_kept_exactly_if_they_are(open_app, demo_index, tmp_path):
    said = [
        [caption.value for caption in open_app(demo_index, **kept).caption]
        for kept in ({}, {"LOOKALIKE_KEEP_UPLOADS": tmp_path / "uploads"})
    ]
    assert [texts.PHOTOS_KEPT in captions for captions in said] == [False, True]


@pytest.mark.parametrize("query", ["product", "photo"])
def test_any_name_may_stand_in_the_address(open_app, demo_index, query):
    """Streamlit refuses two underscores in the key of a component, and random names have them now and then."""
    app = open_app(demo_index)
    for name in ("a__b", "a b", "é/..", "x" * 200):
        app.query_params[query] = name
        assert not app.run().exception, name
