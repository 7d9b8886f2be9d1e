"""Products' pictures on the page and in the API: from the thumbnails beside the index, or else from their files."""

import io
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import ImageError
from lookalike.extraction.build import build_index
from lookalike.files import file_sha256
from lookalike.index.thumbnails import THUMBNAILS, find_thumbnail
from lookalike.serving.state import server_state
from lookalike.settings import Settings
from lookalike.web import pictures
from lookalike.web.api.service import Service
from lookalike.web.product_picture import card_picture, small_picture
from tests.support.app_page import open_product, photo, results
from tests.support.decodings import count_decodings


@pytest.fixture(scope="module")
def made(embedder, tmp_path_factory):
    """A shop of eight originals and its index, with thumbnails."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "images").mkdir()
    for number in range(8):
        with Image.open(photo(number)) as image:
            image.resize((1200, 1600), Image.Resampling.BICUBIC).save(folder / "images" / f"{number}.jpg", quality=90)
    build_index(folder / "images", folder, embedder)
    return folder


@pytest.fixture
def shop(made, tmp_path):
    """The same, in another place, as when it is copied to a server."""
    return shutil.copytree(made, tmp_path / "shop")


def size(picture):
    return Image.open(io.BytesIO(picture)).size


def of_originals(decoded, shop):
    """Return how often each of a shop's own files was decoded for a card."""
    originals = {file_sha256(path) for path in (shop / "images").iterdir()}
    size = pictures.CARD_SIDE // 2
    return [count for (content, asked), count in decoded.items() if content in originals and asked == size]


def test_the_page_shows_thumbnails_and_decodes_no_original(open_app, shop, monkeypatch):
    decoded = count_decodings(monkeypatch)
    app = open_product(open_app(shop), "0")
    assert not app.exception and len(results(app)) == 5
    assert of_originals(decoded, shop) == []


def test_without_thumbnails_the_page_shows_the_same_products(open_app, shop, monkeypatch):
    with_them = results(open_product(open_app(shop), "0"))
    (shop / THUMBNAILS).unlink()
    pictures._product_thumbnail.clear()
    decoded = count_decodings(monkeypatch)
    app = open_product(open_app(shop), "0")
    assert not app.exception and results(app) == with_them
    # The start page has shown some of the six already.
    assert len(of_originals(decoded, shop)) >= 6 and set(of_originals(decoded, shop)) == {1}


def test_a_picture_that_has_changed_shows_what_it_is_now(shop):
    file = shop / "images" / "3.jpg"
    assert card_picture(shop, file, 560) == find_thumbnail(shop, file_sha256(file))
    status = file.stat()
    Image.new("RGB", (1200, 1600), "red").save(file)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    pixels = np.asarray(Image.open(io.BytesIO(card_picture(shop, file, 560))))
    assert pixels.shape[:2] == (560, 420) and (pixels[..., 0] > 250).all()
    file.unlink()
    with pytest.raises(ImageError, match=r"3\.jpg cannot be read"):
        card_picture(shop, file, 560)
    file.write_bytes(b"hello")
    with pytest.raises(ImageError, match=r"3\.jpg is not an image"):
        small_picture(shop, file, 560)


def test_the_api_gives_any_size_and_makes_small_ones_from_the_thumbnail(shop, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_INDEX", str(shop))
    monkeypatch.setattr(server_state(), "settings", Settings.from_environment())
    service, decoded = Service(server_state()), count_decodings(monkeypatch)
    for side in (64, 160, 320, 450, 640, 1024):
        assert size(service.picture("2", side)) == (side * 3 // 4, side)
    originals = {file_sha256(shop / "images" / "2.jpg")}
    assert {asked for content, asked in decoded if content in originals} == {320, 512}
    assert len({content for content, _ in decoded} - originals) == 1
