"""Turn a path or bytes into upright sRGB pixels, safely and cheaply.

This is the top of a staircase: decode chooses between this process and the sandbox, both of which decode with
pillow.py, which reads headers.py first, which reads color_profiles.py. No module imports one above it.
"""

import io
import os
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image

from lookalike.errors import ImageError
from lookalike.files import read_regular_file, sha256
from lookalike.images.headers import Header, require_header
from lookalike.images.pillow import SRGB_PROFILE, decode_in_process
from lookalike.images.sandbox import decode_sandboxed
from lookalike.types import Pixels, StrPath

ImageSource: TypeAlias = bytes | StrPath
"""An image file's bytes, or its path."""

# What a visitor may send, and what a file of the catalogue may have.
MAX_PHOTO_BYTES = 20_000_000
MAX_FILE_BYTES = 50_000_000

# This process decodes only these kinds, and only as many pixels times scans as take 2 s at most on a slow core.
# Every other file can claim little and need much, so it goes to a process that can be killed.
IN_PROCESS_KINDS = ("JPEG", "PNG", "WEBP", "GIF")
MAX_IN_PROCESS_PIXELS, MAX_IN_PROCESS_SCANNED_PIXELS = 25_000_000, 200_000_000

# The SHA-256 of profiles that the sandbox found to be sRGB's own. Their images need no conversion, so from the second
# on they are decoded in this process. Shops use one or two such profiles; visitors may send any number.
MAX_SRGB_PROFILES = 100
_srgb_profiles: set[str] = set()

# Raise it whenever decode or prepare below, or embedding/padding.py, give other pixels for the same file.
# 2: twice the pixels asked for, transparency blended in one step, no turns by XMP. 3: color profiles are applied.
# 4: wide and tall images are extended for fashion and color, see embedding/padding.py.
# 5: every kind of profile, code points and a PNG's gamma are heeded, rims that belong to a frame are cut off, see
#    rims.py, and files of cameras and programs show what browsers show: deep transparency, small first frames, TIFFs of
#    12 and 16 bits.
PREPARATION = 5

# What is kept of a product's picture while it is indexed: a JPEG of the pixels that were decoded for the networks. They
# are at least MIN_KEPT_SIDE a side where the file has so many, and made smaller only beyond MAX_KEPT_SIDE, because that
# takes four times as long as writing the JPEG. Of a file of few bytes and pixels, a thumbnail is made in a moment.
MIN_KEPT_SIDE, MAX_KEPT_SIDE, REDUCED_SIDE, KEPT_QUALITY = 448, 800, 560, 80
MAX_QUICK_BYTES, MAX_QUICK_PIXELS = 50_000, 160_000
# Raise the number added whenever kept_thumbnail gives another JPEG of the same pixels: then all are made anew.
THUMBNAIL_VERSION = 100 * PREPARATION + 1


def decode(source: ImageSource, size: int, called: str = "The photo") -> Image.Image:
    """Return an image file as an upright RGB Pillow image without metadata.

    A JPEG is decoded at the smallest of its own scales that covers twice size × size pixels, which finds nearly the
    same products as a full decode, so the result may be smaller than the file's image. Raises ImageError with a
    sentence to show; it calls bytes by the name in called, and a file by its own name.
    """
    name = called if isinstance(source, bytes) else Path(source).name
    content = read_source(source, name)
    header = require_header(content, name)
    is_sandboxed, heavy = _sandbox_use(header)
    profile = sha256(header.profile) if header.profile else None
    if not is_sandboxed and (profile is None or profile in _srgb_profiles):
        return decode_in_process(content, size, name, header=header)
    image = decode_sandboxed(content, size, name, heavy)
    if image.info.pop(SRGB_PROFILE, False) and profile and len(_srgb_profiles) < MAX_SRGB_PROFILES:
        _srgb_profiles.add(profile)
    return image


def may_be_slow(content: bytes, name: str) -> bool:
    """Return whether decoding bytes may take as long as the sandbox allows; raises ImageError if they are no image."""
    check_bytes(len(content), name)
    return _sandbox_use(require_header(content, name))[0]


def prepare(image: Image.Image, size: int | tuple[int, int]) -> Pixels:
    """Return the pixels a backbone sees: uint8 (size, size, 3), aspect ignored, antialiased.

    size may also be (width, height).
    """
    sides = size if isinstance(size, tuple) else (size, size)
    resized = image.resize(sides, Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(resized, dtype=np.uint8)


def load_prepared(source: ImageSource, size: int, called: str = "The photo") -> tuple[Pixels, float]:
    """Decode and prepare: the one way from a file to pixels, for products and photos alike.

    The image's aspect comes with the pixels, which no longer show it.
    """
    image = decode(source, size, called)
    return prepare(image, size), aspect(image)


def load_pixels(source: ImageSource, size: int, called: str = "The photo") -> Pixels:
    """Return the pixels of load_prepared alone."""
    return load_prepared(source, size, called)[0]


def aspect(image: Image.Image) -> float:
    """Return the width of an image divided by its height."""
    return image.width / image.height


def thumbnail(source: ImageSource, side: int, called: str = "The photo") -> bytes:
    """Return an image file as a JPEG at most side pixels wide and high, without its metadata; raises ImageError."""
    # decode gives twice the size it is asked for: enough to scale down from.
    return jpeg_thumbnail(decode(source, side // 2, called), side)


def kept_thumbnail(content: bytes, image: Image.Image | None, size: int) -> bytes:
    """Return the JPEG to keep of a file of the catalogue, without metadata, b"" if there is no need to keep one.

    image is what decode made of its bytes for size, None if that was not needed. Raises ImageError.
    """
    if is_quick(content):
        return b""
    if image is None or 2 * size < MIN_KEPT_SIDE:
        image = decode(content, max(size, MIN_KEPT_SIDE // 2), "The file")
    if max(image.size) > MAX_KEPT_SIDE:
        image = image.copy()
        image.thumbnail((REDUCED_SIDE, REDUCED_SIDE), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=KEPT_QUALITY)
    return buffer.getvalue()


def is_quick(content: bytes, called: str = "The file") -> bool:
    """Return whether a thumbnail of a file's bytes is made in a moment; raises ImageError if they are no image."""
    if len(content) > MAX_QUICK_BYTES:
        return False
    header = require_header(content, called)
    width, height = header.size or (MAX_QUICK_PIXELS, MAX_QUICK_PIXELS)
    return header.kind in IN_PROCESS_KINDS and width * height <= MAX_QUICK_PIXELS


def jpeg_thumbnail(image: Image.Image, side: int) -> bytes:
    """Return a decoded image as a JPEG at most side pixels wide and high."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85, optimize=True)
    return buffer.getvalue()


def _sandbox_use(header: Header) -> tuple[bool, bool]:
    """Return whether a file is decoded in the sandbox, and whether it is a heavy one there."""
    if header.kind not in IN_PROCESS_KINDS or not header.size:
        return True, False
    pixels = header.size[0] * header.size[1]
    heavy = pixels * header.scans > MAX_IN_PROCESS_SCANNED_PIXELS
    heavy = heavy or (pixels > MAX_IN_PROCESS_PIXELS and header.kind != "JPEG")
    # MAX_IMAGE_PIXELS is the guard of the program around us, which decoding must not lift here; the sandbox has none.
    return heavy or pixels > (Image.MAX_IMAGE_PIXELS or pixels), heavy


def check_bytes(size: int, name: str) -> None:
    """Raise ImageError if a file of size bytes is empty or beyond the limit."""
    if size == 0:
        raise ImageError(f"{name} is empty. Choose an image file.")
    if size > MAX_FILE_BYTES:
        limit = MAX_FILE_BYTES / 1e6
        raise ImageError(f"{name} has {size / 1e6:.0f} MB; the limit is {limit:.0f} MB. Save it smaller and try again.")


def read_source(source: ImageSource, name: str) -> bytes:
    """Return a file's bytes; raises ImageError. A file that grows while it is read is cut at the limit and refused."""
    try:
        if not isinstance(source, bytes):
            check_bytes(os.stat(source).st_size, name)
        content = source if isinstance(source, bytes) else read_regular_file(source, MAX_FILE_BYTES)
    except (OSError, ValueError) as error:  # a path with a zero byte is a ValueError
        raise ImageError(f"{name} cannot be read ({getattr(error, 'strerror', error)}).") from None
    check_bytes(len(content), name)
    return content
