import hashlib
import io

from PIL import Image

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
