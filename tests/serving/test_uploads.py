import hashlib
import io
import os

from PIL import Image

from lookalike.serving.uploads import keep


def test_a_photo_is_kept_once_by_its_content_without_its_metadata(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"  # where the photo was taken
    buffer = io.BytesIO()
    Image.new("RGB", (20, 30), "red").save(buffer, "JPEG", exif=exif)
    path = keep(buffer.getvalue(), tmp_path / "uploads")
    assert keep(buffer.getvalue(), tmp_path / "uploads") == path
    assert path.name == hashlib.sha256(buffer.getvalue()).hexdigest() + ".jpg"
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert not Image.open(path).getexif()


def test_what_cannot_be_copied_costs_the_visitor_nothing(tmp_path, no_decoder):
    buffer = io.BytesIO()
    Image.new("RGB", (20, 30), "red").save(buffer, "TIFF")
    with no_decoder():
        assert keep(buffer.getvalue(), tmp_path) is None and not list(tmp_path.iterdir())


def test_a_disk_that_refuses_leaves_no_part_of_a_photo(tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    buffer = io.BytesIO()
    Image.new("RGB", (20, 30), "red").save(buffer, "JPEG")
    assert keep(buffer.getvalue(), tmp_path) is None and not list(tmp_path.iterdir())
