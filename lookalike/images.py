"""Find images; turn bytes or a path into upright RGB pixels, safely and cheaply."""

import io
import os
from pathlib import Path

import numpy as np
from PIL import AvifImagePlugin, Image, UnidentifiedImageError
from pillow_heif import register_heif_opener

from .color_profiles import in_srgb
from .decoding_apart import decode_apart
from .errors import CatalogueError, ImageError
from .flattening import flat_rgb, upright
from .image_headers import orientation, read_header

# A catalogue may hold any of these; every other format Pillow knows is refused by content, whatever
# the file is called, because rarely used decoders are where hostile files aim.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "BMP", "TIFF")
MAX_BYTES = 50_000_000
MAX_PIXELS = 100_000_000
# Longer than this many times its width an image shows no product, and some decoders work line by line.
MAX_ASPECT = 100
# What may be decoded where it is asked for: these kinds, and as many pixels times scans as take 2 s at most on
# a slow core. Everything else can claim little and need much, and goes to a process that can be stopped.
KINDS_HERE = ("JPEG", "PNG", "WEBP", "GIF")
PIXELS_HERE, SCANNED_PIXELS_HERE = 25_000_000, 200_000_000
# Raise it whenever decode or prepare below, or framing.py, give other pixels for the same file.
# 2: twice the pixels asked for, transparency blended in one step, no turns by XMP. 3: color profiles are heeded.
# 4: fashion and color see wide and tall images extended, see framing.py.
PREPARATION = 4
# A thumbnail inside a file need not show what the file shows.
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
AvifImagePlugin.DEFAULT_MAX_THREADS = 4
# MAX_PIXELS is checked first, with a text of our own.
Image.MAX_IMAGE_PIXELS = None


def suffixes():
    """The lower-case file suffixes, dot included, of the formats that can be indexed."""
    return frozenset(s for s, name in Image.registered_extensions().items() if name in FORMATS)


def find_images(folder):
    """Every image file below folder, as Paths in the order of their POSIX path; raises CatalogueError."""
    folder = Path(folder)
    if not os.path.isdir(folder):
        raise CatalogueError(
            f"There is no folder {folder}. Put the catalogue's images there, or name their folder with --images."
        )
    known = suffixes()
    found = [
        Path(parent, name)
        for parent, folders, names in os.walk(folder, onerror=_unless_gone)
        for name in _shown(folders, names)
        if os.path.splitext(name)[1].lower() in known
    ]
    if not found:
        raise CatalogueError(f"There is no image in {folder}. Looked for {', '.join(sorted(known))} at any depth.")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _shown(folders, names):
    """The names that are not hidden; hidden folders are taken out of the list that os.walk goes on with.

    What is hidden is none of the catalogue: trash, thumbnails, what systems leave beside files.
    """
    folders[:] = [name for name in folders if not name.startswith(".")]
    return [name for name in names if not name.startswith(".")]


def _unless_gone(error):
    """A folder below the catalogue's that may not be listed must not take its products out of the index unsaid."""
    if not isinstance(error, FileNotFoundError):
        raise CatalogueError(f"{error.filename} cannot be listed ({error.strerror}). Allow it, or move it away.")


def decode(source, size, called="The photo"):
    """Pixels of an image file (a path or its bytes) as an upright RGB Pillow image, without metadata.

    A JPEG is decoded at the smallest of its own scales that covers twice size × size pixels, which finds
    nearly the same products as a full decode; so the image returned may be smaller than the file's.
    Raises ImageError with a reason to show, in which bytes are named as called says.
    """
    name, content = _name(source, called), _content(source, called)
    header = _header(content, name)
    if header.size:
        _check_shape(header.size, name)
    if header.kind not in KINDS_HERE:
        return decode_apart(content, size, name)
    width, height = header.size
    heavy = width * height > PIXELS_HERE and header.kind != "JPEG"
    if heavy or width * height * header.scans > SCANNED_PIXELS_HERE:
        return decode_apart(content, size, name, heavy=True)
    return decode_here(content, size, name)


def decode_here(content, size, name):
    """decode, for bytes, in this process, however long it takes."""
    header = _header(content, name)
    try:
        with Image.open(io.BytesIO(header.content), formats=FORMATS) as image:
            _check_shape(image.size, name)
            image.draft("RGB", (2 * size, 2 * size))
            # Only the first frame of an animation, the one it opens with, is looked at.
            image.load()
            _check_shape(image.size, name)
            turn = max(header.orientation, orientation(image.info.get("exif") or b""))
            flat = in_srgb(flat_rgb(image, 4 * size), header.profile or image.info.get("icc_profile"))
    except (ImageError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise _damaged(name, "its header makes no sense") from None
    except Exception as error:  # Pillow's decoders raise nearly every built-in exception on damage.
        raise _damaged(name, error) from None
    flat = upright(flat, turn)
    # Pillow writes a comment it has read into what it saves.
    flat.info.clear()
    return flat


def prepare(image, size):
    """The pixels a backbone sees: uint8 (size, size, 3), aspect ignored, antialiased; size may be (width, height)."""
    sides = size if isinstance(size, tuple) else (size, size)
    resized = image.resize(sides, Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(resized, dtype=np.uint8)


def load_prepared(source, size, called="The photo"):
    """decode and prepare in one: the one way from a file to pixels, for products and photos alike.

    With the pixels comes the image's width by height, which they do not show.
    """
    image = decode(source, size, called)
    return prepare(image, size), aspect(image)


def load_pixels(source, size, called="The photo"):
    """The pixels of load_prepared alone."""
    return load_prepared(source, size, called)[0]


def aspect(image):
    """The width by the height of a Pillow image."""
    return image.width / image.height


def thumbnail(source, side):
    """JPEG bytes of an image at most side pixels wide and high, without its metadata."""
    # decode gives twice what it is asked for: enough to scale down from.
    image = decode(source, side // 2)
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


def _content(source, called):
    """The file's bytes; one that grows while it is read is cut at the limit and then refused."""
    name, content = _name(source, called), source
    try:
        if not isinstance(source, bytes):
            check_bytes(os.stat(source).st_size, name)
            with open(source, "rb") as file:
                content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # a path with a zero byte is a ValueError
        raise ImageError(f"{name} cannot be read ({getattr(error, 'strerror', error)}).") from None
    check_bytes(len(content), name)
    return content


def _header(content, name):
    try:
        header = read_header(content)
    except ValueError as error:
        raise _damaged(name, error) from None
    if header is None:
        raise ImageError(f"{name} is not an image. Use a JPEG, PNG, WebP, HEIC or AVIF file.")
    return header


def _check_shape(size, name):
    width, height = size
    if not width * height > 0:
        raise _damaged(name, "it has no pixels")
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{name} has {width} × {height} pixels; the limit is {MAX_PIXELS // 1_000_000} megapixels. "
            "Save it smaller and try again."
        )
    if max(size) > MAX_ASPECT * min(size):
        raise ImageError(
            f"{name} has {width} × {height} pixels; the limit is {MAX_ASPECT} times as long as wide. "
            "Crop it to the garment and try again."
        )


def _name(source, called):
    return called if isinstance(source, bytes) else Path(source).name


def _damaged(name, reason):
    text = (str(reason) or type(reason).__name__).splitlines()[0][:120].rstrip(".")
    # A decoder may quote the file, and a terminal acts upon some signs.
    reason = "".join(sign if sign.isprintable() else "?" for sign in text)
    return ImageError(f"{name} is damaged and cannot be read ({reason}). Try another file.")
