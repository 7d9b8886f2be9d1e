"""Find images; turn bytes or a path into upright RGB pixels, safely and cheaply."""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener

from .errors import CatalogueError, ImageError

# A catalogue may hold any of these; every other format Pillow knows is refused by content, whatever
# the file is called, because rarely used decoders are where hostile files aim.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF")
MAX_BYTES = 50_000_000
MAX_PIXELS = 100_000_000
# Raise it whenever decode or prepare below give other pixels for the same file.
PREPARATION = 1

register_heif_opener()
# Pillow's own guard would warn or raise with a text of its own; MAX_PIXELS is checked first.
Image.MAX_IMAGE_PIXELS = None


def suffixes():
    """The lower-case file suffixes, dot included, of the formats that can be indexed."""
    return frozenset(s for s, name in Image.registered_extensions().items() if name in FORMATS)


def find_images(folder):
    """Every image file below folder, at any depth, as Paths in the order of their POSIX path.

    Raises CatalogueError where the folder does not exist or holds no image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CatalogueError(
            f"There is no folder {folder}. Put the catalogue's images there, or name their folder with --images."
        )
    known = suffixes()
    found = [
        Path(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
        if os.path.splitext(name)[1].lower() in known and not name.startswith(".")
    ]
    if not found:
        raise CatalogueError(f"There is no image in {folder}. Looked for {', '.join(sorted(known))} at any depth.")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def decode(source, size, called="The photo"):
    """Pixels of an image file (a path or its bytes) as an upright RGB Pillow image.

    A JPEG is decoded at the smallest of its own scales that still covers size × size pixels, so the
    image returned may be smaller than the file's. Raises ImageError with a reason to show, in which
    bytes are named as called says.
    """
    try:
        with _open(source, called) as image:
            _check_pixels(image)
            image.draft("RGB", (size, size))
            # Only the first frame of an animation is looked at.
            image.seek(0)
            return _flat_rgb(ImageOps.exif_transpose(image))
    except ImageError:
        raise
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly every built-in exception on damage.
        raise ImageError(f"{_name(source, called)} is damaged and cannot be read ({_reason(error)}). Try another file.")


def prepare(image, size):
    """The pixels a backbone sees: uint8 (size, size, 3), aspect ignored, antialiased."""
    resized = image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(resized, dtype=np.uint8)


def load_pixels(source, size, called="The photo"):
    """decode and prepare in one: the one way from a file to pixels, for products and photos alike."""
    return prepare(decode(source, size, called), size)


def thumbnail(source, side):
    """JPEG bytes of an image at most side pixels wide and high, without its metadata."""
    image = decode(source, side)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85, optimize=True)
    return buffer.getvalue()


def check_bytes(size, name):
    """Raise ImageError where a file of size bytes is empty or beyond the limit."""
    if size == 0:
        raise ImageError(f"{name} is empty. Choose an image file.")
    if size > MAX_BYTES:
        raise ImageError(
            f"{name} has {size / 1e6:.0f} MB; the limit is {MAX_BYTES / 1e6:.0f} MB. Save it smaller and try again."
        )


def _open(source, called):
    """The lazily opened image: nothing is decoded yet."""
    name = _name(source, called)
    check_bytes(len(source) if isinstance(source, bytes) else _file_size(source), name)
    try:
        return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
    except UnidentifiedImageError:
        raise ImageError(f"{name} is not an image. Use a JPEG, PNG, WebP, HEIC or AVIF file.") from None


def _file_size(path):
    try:
        return os.stat(path).st_size
    except OSError as error:
        raise ImageError(f"{Path(path).name} cannot be read ({error.strerror}).") from None


def _check_pixels(image):
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"The image has {width} × {height} pixels; the limit is {MAX_PIXELS // 1_000_000} megapixels. "
            "Save it smaller and try again."
        )


def _flat_rgb(image):
    """RGB without alpha: what is transparent becomes white, as a shop's page would show it."""
    if image.mode.startswith("I") or image.mode == "F":
        return _from_16_bit(image).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def _from_16_bit(image):
    """Pillow's own conversion clips 16-bit gray at 255; scale it instead."""
    gray = np.asarray(image).astype(np.float32)
    top = 65535.0 if image.mode.startswith("I;16") or gray.max() > 255 else 255.0
    return Image.fromarray(np.clip(gray / top * 255, 0, 255).astype(np.uint8), "L")


def _name(source, called):
    return called if isinstance(source, bytes) else Path(source).name


def _reason(error):
    return (str(error) or type(error).__name__).splitlines()[0][:120].rstrip(".")
