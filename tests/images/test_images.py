"""Finding and decoding images: every format, upright, sRGB, on white, and a sentence for each bad file."""

import io

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import CatalogueError, ImageError
from lookalike.images import decoding
from lookalike.images.discovery import find_images
from tests.support.data import data


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def halves(left, right, size=(64, 64), mode="RGB"):
    image = Image.new(mode, size, left)
    image.paste(right, (size[0] // 2, 0, size[0], size[1]))
    return image


def test_images_are_found_at_any_depth_in_any_case_in_a_fixed_order(tmp_path):
    seen = ("b.JPG", "a/z.png", "a/deep/er/x.WebP", "c.jpeg", "d.heic", "e.Avif")
    for name in (*seen, "notes.txt", ".hidden.png", ".trash/x.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert found == ["a/deep/er/x.WebP", "a/z.png", "b.JPG", "c.jpeg", "d.heic", "e.Avif"]


def test_a_missing_folder_and_an_empty_one_each_get_a_sentence(tmp_path):
    with pytest.raises(CatalogueError, match="There is no folder .*--images"):
        find_images(tmp_path / "missing")
    with pytest.raises(CatalogueError, match="There is no image in"):
        find_images(tmp_path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF"])
def test_every_format_gives_the_same_picture(kind):
    pixels = decoding.load_pixels(encoded(halves("red", "blue"), kind), 8)
    assert pixels.shape == (8, 8, 3) and pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels[4, 1], (255, 0, 0), atol=12)
    np.testing.assert_allclose(pixels[4, 6], (0, 0, 255), atol=12)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_phone_photo_is_turned_upright(orientation):
    upright = Image.new("RGB", (48, 96), "white")
    upright.paste("red", (0, 0, 24, 48))  # the upper left quarter
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that each orientation reverses
    stored = upright.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[274] = orientation
    shown = decoding.decode(encoded(stored, "JPEG", exif=exif, quality=95), 48)
    assert shown.size == (48, 96)
    np.testing.assert_allclose(shown.getpixel((8, 16)), (255, 0, 0), atol=12)
    np.testing.assert_allclose(shown.getpixel((40, 80)), (255, 255, 255), atol=12)


def test_transparent_pixels_become_white():
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    assert (decoding.load_pixels(encoded(image, "PNG"), 8) == 255).all()
    palette = Image.new("P", (32, 32), 0)
    palette.putpalette([10, 20, 30] * 256)
    assert (decoding.load_pixels(encoded(palette, "PNG", transparency=0), 8) == 255).all()


@pytest.mark.parametrize(
    "mode, color", [("L", 128), ("LA", (128, 255)), ("1", 1), ("CMYK", (0, 0, 0, 127)), ("I;16", 128 * 257)]
)
def test_unusual_modes_keep_their_brightness(mode, color):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    pixels = decoding.load_pixels(encoded(Image.new(mode, (32, 32), color), kind), 8)
    np.testing.assert_allclose(pixels, 255 if mode == "1" else 128, atol=2)


def test_an_animation_shows_its_first_frame():
    frames = [Image.new("RGB", (32, 32), color) for color in ("red", "blue")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decoding.load_pixels(content, 8)[0, 0], (255, 0, 0))


def test_a_jpeg_is_decoded_small():
    content = encoded(halves("red", "blue", (1800, 2400)), "JPEG")
    assert decoding.decode(content, 224).size == (450, 600)


BAD = {
    "empty": (b"", "is empty"),
    "text": (b"not a picture at all", "is not an image"),
    "truncated": (encoded(halves("red", "blue", (400, 400)), "JPEG")[:900], "is damaged"),
    "cut png": (encoded(Image.effect_noise((64, 64), 90), "PNG")[:1500], "is damaged"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not an image"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not an image"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("on_disk", [True, False])
def test_a_bad_file_gets_its_sentence(name, on_disk, tmp_path):
    content, sentence = BAD[name]
    source = content
    if on_disk:
        source = tmp_path / "photo.jpg"
        source.write_bytes(content)
    with pytest.raises(ImageError, match=sentence) as caught:
        decoding.load_pixels(source, 224)
    assert str(caught.value).startswith("photo.jpg" if on_disk else "The photo")


def test_a_missing_file_gets_its_sentence(tmp_path):
    with pytest.raises(ImageError, match="gone.jpg cannot be read"):
        decoding.load_pixels(tmp_path / "gone.jpg", 224)


def test_too_many_pixels_are_refused_before_decoding(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (20_000, 20_000)).save(path)
    assert path.stat().st_size < 100_000
    with pytest.raises(ImageError, match="20000 × 20000 pixels; the limit is 100 megapixels"):
        decoding.load_pixels(path, 224)


def test_too_many_bytes_are_refused(tmp_path):
    path = tmp_path / "large.jpg"
    with open(path, "wb") as file:
        file.truncate(decoding.MAX_FILE_BYTES + 1)
    with pytest.raises(ImageError, match="has 50 MB; the limit is 50 MB"):
        decoding.load_pixels(path, 224)


def test_a_thumbnail_is_small_and_has_no_metadata():
    exif = Image.Exif()
    exif[0x010F] = "A maker"
    exif.get_ifd(0x8825)[1] = "N"
    content = encoded(halves("red", "blue", (900, 1200)), "JPEG", exif=exif)
    thumbnail = Image.open(io.BytesIO(decoding.thumbnail(content, 480)))
    assert thumbnail.size == (360, 480)
    assert not thumbnail.getexif()


def test_a_real_photo_is_squashed_into_the_backbones_square():
    path = next(data("fashion-product-images", "fullres").glob("*.jpg"))
    pixels = decoding.load_pixels(path, 224)
    full = np.asarray(Image.open(path).convert("RGB").resize((224, 224), Image.Resampling.BOX), dtype=float)
    assert np.abs(pixels - full).mean() < 3
