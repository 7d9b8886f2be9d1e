"""The page through Streamlit's own AppTest: what it says and shows, without a browser."""

import io

import pytest
from conftest import ROOT
from PIL import Image
from streamlit.testing.v1 import AppTest

from lookalike import texts


@pytest.fixture
def page(monkeypatch):
    """page(index folder, **environment) is the app, run once."""

    def open_page(index, **environment):
        for name, value in {"LOOKALIKE_INDEX": str(index), **environment}.items():
            monkeypatch.setenv(name, str(value))
        return AppTest.from_file(str(ROOT / "app.py"), default_timeout=120).run()

    return open_page


def upload(app, content, name="photo.jpg"):
    return app.file_uploader[0].set_value((name, content, "image/jpeg")).run()


def cards(app):
    return [markdown.value for markdown in app.markdown if markdown.value.startswith("**")]


def test_a_photo_gives_five_products(page, demo_index):
    photo = sorted((ROOT / "images").iterdir())[0]
    app = upload(page(demo_index), photo.read_bytes())
    assert not app.exception and not app.error
    assert len(cards(app)) == 6 and cards(app)[0] == f"**{texts.YOUR_PHOTO}**"
    assert sum("alike" in markdown.value for markdown in app.markdown) == 5
    assert "100% alike" in "".join(markdown.value for markdown in app.markdown)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "HEIF", "AVIF"])
def test_every_kind_of_photo_is_answered(page, demo_index, kind):
    buffer = io.BytesIO()
    Image.new("RGB", (300, 400), "navy").save(buffer, kind)
    assert len(cards(upload(page(demo_index), buffer.getvalue()))) == 6


@pytest.mark.parametrize(
    "content, sentence", [(b"hello", "is not an image"), (b"", "is empty"), (b"\xff\xd8\xff\xe0", "")]
)
def test_no_image_gets_a_sentence_and_no_exception(page, demo_index, content, sentence):
    app = upload(page(demo_index), content)
    assert not app.exception
    assert len(app.error) == 1 and app.error[0].value.startswith("The photo") and sentence in app.error[0].value


def test_too_large_gets_a_sentence(page, demo_index):
    buffer = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(buffer, "PNG")
    app = upload(page(demo_index), buffer.getvalue())
    assert "the limit is 100 megapixels" in app.error[0].value


def test_no_index_yet_shows_the_command(page, tmp_path):
    app = page(tmp_path)
    assert not app.exception and not app.file_uploader
    assert app.subheader[0].value == texts.NO_INDEX
    assert "There is no index" in app.warning[0].value
    assert "python extract_features.py" in app.code[0].value


def test_a_damaged_index_shows_the_command(page, demo_index, tmp_path):
    for path in demo_index.glob("[!.]*"):
        (tmp_path / path.name).write_bytes(path.read_bytes()[:-9])
    app = page(tmp_path)
    assert not app.exception and "damaged" in app.warning[0].value


def test_nothing_is_kept_unless_switched_on(page, demo_index, tmp_path):
    buffer = io.BytesIO()
    Image.new("RGB", (300, 400), "navy").save(buffer, "PNG")
    kept = tmp_path / "uploads"
    upload(page(demo_index), buffer.getvalue(), "../../evil.jpg")
    assert not kept.exists() and [path.name for path in (ROOT / "uploads").iterdir()] == [".gitkeep"]
    upload(page(demo_index, LOOKALIKE_KEEP_UPLOADS=kept), buffer.getvalue(), "../../evil.jpg")
    assert len(list(kept.iterdir())) == 1 and "evil" not in next(kept.iterdir()).name
