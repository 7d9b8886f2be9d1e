"""Find images; turn bytes or a path into upright RGB pixels, safely and cheaply."""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

from lookalike.errors import ImageError
from lookalike.images.pillow import _check_shape, _header, decode_in_process
from lookalike.images.sandbox import decode_sandboxed

MAX_BYTES = 50_000_000

# What may be decoded where it is asked for: these kinds, and as many pixels times scans as take 2 s at most on
# a slow core. Everything else can claim little and need much, and goes to a process that can be stopped.
KINDS_HERE = ("JPEG", "PNG", "WEBP", "GIF")

PIXELS_HERE, SCANNED_PIXELS_HERE = 25_000_000, 200_000_000

# Raise it whenever decode or prepare below, or framing.py, give other pixels for the same file.
# 2: twice the pixels asked for, transparency blended in one step, no turns by XMP. 3: color profiles are heeded.
# 4: fashion and color see wide and tall images extended, see framing.py.
PREPARATION = 4


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
        return decode_sandboxed(content, size, name)
    width, height = header.size
    heavy = width * height > PIXELS_HERE and header.kind != "JPEG"
    if heavy or width * height * header.scans > SCANNED_PIXELS_HERE:
        return decode_sandboxed(content, size, name, heavy=True)
    return decode_in_process(content, size, name)


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


def _name(source, called):
    return called if isinstance(source, bytes) else Path(source).name
