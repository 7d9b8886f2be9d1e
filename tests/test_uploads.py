import hashlib
import io

from PIL import Image

from lookalike import decoding_apart
from lookalike.uploads import keep


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


def test_what_cannot_be_copied_costs_the_visitor_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding_apart, "SECONDS", 1e-6)
    buffer = io.BytesIO()
    Image.new("RGB", (20, 30), "red").save(buffer, "TIFF")
    assert keep(buffer.getvalue(), tmp_path) is None and not list(tmp_path.iterdir())
