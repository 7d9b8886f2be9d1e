"""Thumbnails made while indexing: of what takes long to decode, from the pixels at hand, and only once."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.embedding.backbones import Backbone, Preprocessing
from lookalike.embedding.embedder import Embedder
from lookalike.extraction.build import Interrupted, build_index
from lookalike.files import file_sha256
from lookalike.images import decoding
from lookalike.index.reading import FILES
from lookalike.index.thumbnails import THUMBNAILS, find_thumbnail
from tests.support.decodings import count_decodings
from tests.support.toy import ToyEngine


@pytest.fixture
def toy():
    """The toy embedder, for pictures as large as real backbones see."""
    preprocessing = Preprocessing(224, "RGB", (0.0,) * 3, (255.0,) * 3)
    return Embedder(Backbone("toy", Path("toy.bin"), "0" * 64, preprocessing), ToyEngine())


def save(path, size, number=0, **options):
    """Save a picture with some detail, different for each number."""
    noise = np.random.default_rng(number).integers(0, 255, (12, 9, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(path, **options)


@pytest.fixture
def shop(tmp_path):
    """Two originals, a picture of 240 × 320 and one of 60 × 80, and a file that is no image."""
    images = tmp_path / "images"
    save(images / "1.jpg", (900, 1200), 1, quality=95)
    save(images / "2.png", (1200, 900), 2)
    save(images / "3.jpg", (240, 320), 3)
    save(images / "4.webp", (60, 80), 4)
    (images / "5.jpg").write_bytes(b"hello")
    return tmp_path


def kept(shop, name):
    return find_thumbnail(shop, file_sha256(shop / "images" / name))


def test_large_pictures_get_one_and_small_ones_need_none(shop, toy):
    build_index(shop / "images", shop, toy)
    sizes = {name: Image.open(io.BytesIO(kept(shop, name))).size for name in ("1.jpg", "2.png")}
    assert sizes == {"1.jpg": (450, 600), "2.png": (560, 420)}
    assert kept(shop, "3.jpg") is None and kept(shop, "4.webp") is None


def test_it_shows_what_the_page_would_show_upright_and_without_metadata(tmp_path, toy):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "at home"
    save(tmp_path / "images" / "1.jpg", (1200, 900), 1, exif=exif, comment=b"mine", quality=95)
    build_index(tmp_path / "images", tmp_path, toy)
    picture = kept(tmp_path, "1.jpg")
    shown = Image.open(io.BytesIO(picture))
    assert shown.size == (450, 600) and not shown.getexif() and "comment" not in shown.info
    assert b"at home" not in picture and b"mine" not in picture
    usual = Image.open(io.BytesIO(decoding.thumbnail(tmp_path / "images" / "1.jpg", 560))).resize(shown.size)
    assert np.abs(np.asarray(shown, int) - np.asarray(usual, int)).mean() < 2


def test_each_file_is_decoded_once(shop, toy, monkeypatch):
    decoded = count_decodings(monkeypatch)
    build_index(shop / "images", shop, toy)
    assert sorted(decoded.values()) == [1, 1, 1, 1]
    build_index(shop / "images", shop, toy)
    assert sorted(decoded.values()) == [1, 1, 1, 1], "nothing is new"


def test_only_new_and_changed_pictures_are_made_anew_and_the_old_ones_go(shop, toy, monkeypatch):
    build_index(shop / "images", shop, toy)
    old = file_sha256(shop / "images" / "1.jpg")
    save(shop / "images" / "1.jpg", (900, 1200), 7, quality=95)
    shutil.copy(shop / "images" / "2.png", shop / "images" / "6.png")
    decoded = count_decodings(monkeypatch)
    build_index(shop / "images", shop, toy)
    assert list(decoded.values()) == [1]
    assert kept(shop, "1.jpg") and kept(shop, "6.png") and find_thumbnail(shop, old) is None


def test_an_index_made_without_gets_them_without_embedding_again(shop, toy):
    assert build_index(shop / "images", shop, toy, thumbnails=False).embedded == 4
    assert not (shop / THUMBNAILS).exists()
    index = {name: (shop / name).read_bytes() for name in FILES if (shop / name).exists()}
    assert build_index(shop / "images", shop, toy).embedded == 0
    assert kept(shop, "1.jpg") and kept(shop, "2.png")
    assert index == {name: (shop / name).read_bytes() for name in FILES if (shop / name).exists()}


def test_without_thumbnails_those_of_earlier_runs_go(shop, toy):
    build_index(shop / "images", shop, toy)
    assert (shop / THUMBNAILS).exists()
    build_index(shop / "images", shop, toy, thumbnails=False)
    assert not (shop / THUMBNAILS).exists()


def test_damaged_or_lost_ones_come_back_with_the_next_run(shop, toy):
    for damage in (b"hello" * 1000, None):
        build_index(shop / "images", shop, toy)
        (shop / THUMBNAILS).unlink() if damage is None else (shop / THUMBNAILS).write_bytes(damage)
        assert build_index(shop / "images", shop, toy).embedded == 0 and kept(shop, "1.jpg")


def test_a_stopped_run_loses_none(shop, toy, monkeypatch):
    def stop_at_once(items, **counts):
        yield next(items)
        raise KeyboardInterrupt

    for done in (1, 2, 3, 4, 5):
        with pytest.raises(Interrupted, match=f"{done} of 5 images are done and saved"):
            build_index(shop / "images", shop, toy, batch_size=1, workers=1, progress=stop_at_once)
    decoded = count_decodings(monkeypatch)
    build_index(shop / "images", shop, toy)
    assert kept(shop, "1.jpg") and kept(shop, "2.png") and not decoded


def test_a_small_network_gets_the_same_thumbnails(shop, toy, tmp_path):
    """Its pixels would be too few, so the picture is decoded again for them."""
    small = Embedder(
        Backbone("toy", Path("toy.bin"), "0" * 64, Preprocessing(8, "RGB", (0.0,) * 3, (255.0,) * 3)), ToyEngine()
    )
    build_index(shop / "images", shop, toy)
    large = kept(shop, "1.jpg")
    build_index(shop / "images", shop, small, rebuild=True, thumbnails=False)
    build_index(shop / "images", shop, small)
    assert kept(shop, "1.jpg") == large


def test_a_picture_of_many_bytes_or_a_rare_kind_gets_one(tmp_path, toy):
    noise = np.random.default_rng(1).integers(0, 255, (320, 240, 3), np.uint8)
    (tmp_path / "images").mkdir()
    Image.fromarray(noise).save(tmp_path / "images" / "many.png")
    save(tmp_path / "images" / "rare.tiff", (60, 80))
    build_index(tmp_path / "images", tmp_path, toy)
    assert Image.open(io.BytesIO(kept(tmp_path, "many.png"))).size == (240, 320)
    assert Image.open(io.BytesIO(kept(tmp_path, "rare.tiff"))).size == (60, 80)
