import io
import os
import stat

import pytest
from PIL import Image

from lookalike.files import sha256
from lookalike.images.decoding import decode
from lookalike.search.query import LargerPhoto, look_at
from lookalike.serving.uploads import keep


def encode(format, **options):
    buffer = io.BytesIO()
    Image.new("RGB", (20, 30), "red").save(buffer, format, **options)
    return buffer.getvalue()


def test_a_photo_is_kept_once_by_its_content_without_its_metadata(tmp_path, toy):
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"  # where the photo was taken
    photo = encode("JPEG", exif=exif)
    view = look_at(toy, photo)
    path = keep(view, sha256(photo), tmp_path / "uploads")
    written_at = path.stat().st_mtime_ns
    assert keep(view, sha256(photo), tmp_path / "uploads") == path and path.stat().st_mtime_ns == written_at
    assert path.name == sha256(photo) + ".jpg"
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert not Image.open(path).getexif()


def test_a_large_photo_is_kept_with_more_pixels_than_the_networks_see(tmp_path, toy):
    buffer = io.BytesIO()
    Image.new("RGB", (3000, 2000), "red").save(buffer, "JPEG")
    kept = Image.open(keep(look_at(toy, buffer.getvalue()), "0" * 64, tmp_path))
    assert kept.size == (1024, 683)


def test_a_failed_copy_does_not_fail_the_visitors_search(tmp_path, toy, no_decoder):
    picture = tmp_path / "photo.tif"
    picture.write_bytes(encode("TIFF"))
    view = look_at(toy, picture)
    with no_decoder():
        assert keep(view, "0" * 64, tmp_path / "kept") is None and not (tmp_path / "kept").exists()


def test_too_little_memory_for_the_copy_does_not_fail_the_visitors_search(tmp_path, toy):
    def read_again():
        raise MemoryError

    view = look_at(toy, encode("JPEG"))
    view.larger = LargerPhoto(read_again, "The photo")
    assert keep(view, "0" * 64, tmp_path) is None and not list(tmp_path.iterdir())


def test_kept_photos_are_for_the_shops_own_user_alone(tmp_path, toy):
    previous = os.umask(0o022)
    try:
        path = keep(look_at(toy, encode("JPEG")), "0" * 64, tmp_path / "uploads")
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_full_disk_leaves_no_part_of_a_photo(tmp_path, monkeypatch, name):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, name, full)
    assert keep(decode(encode("JPEG"), 1024), "0" * 64, tmp_path) is None and not list(tmp_path.iterdir())
