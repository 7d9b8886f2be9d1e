"""Convert pixels described by a color profile (ICC) to sRGB, which everything here computes in.

Phones take photos in Display P3, where a saturated red has the numbers of a dull one in sRGB. Only profiles of three
primaries and three curves are read, which phones and cameras write. With any other profile, pixels stay as they are.
"""

import struct
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Numbers: TypeAlias = NDArray[np.float64]
Curve: TypeAlias = Callable[[Numbers], Numbers]

# The longest profile of this kind has curves of 4,096 numbers each.
MAX_PROFILE_BYTES, MAX_TAGS = 100_000, 100

# The lookup table has this many steps a channel; Pillow interpolates between them.
STEPS = 33

# A table that changes no color by more than this, of 1, is left out: most profiles are sRGB's own.
MIN_DIFFERENCE = 0.75 / 255

D50 = np.array([0.9642, 1.0, 0.8249])

# sRGB's primaries as profiles state them, adapted to D50 (IEC 61966-2-1; Bradford).
SRGB = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)


def convert_to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an RGB image with sRGB's numbers; the image itself if the profile is not one that is read."""
    table = _conversion_table(profile) if profile and len(profile) <= MAX_PROFILE_BYTES else None
    return image.filter(table) if table else image


def profile_from_jpeg(parts: Mapping[int, bytes]) -> bytes:
    """Join a JPEG's numbered parts of a profile; b"" if it is longer than any that is read."""
    fits = sum(map(len, parts.values())) <= MAX_PROFILE_BYTES
    return b"".join(part for _, part in sorted(parts.items())) if fits else b""


def profile_from_png(chunk: bytes) -> bytes:
    """Unpack the profile in a PNG's iCCP chunk, after its name and compression method; b"" if damaged or too long."""
    packed = chunk[chunk.find(b"\0") + 2 :]
    try:
        profile = zlib.decompressobj().decompress(packed, MAX_PROFILE_BYTES + 1)
    except zlib.error:
        return b""
    return profile if len(profile) <= MAX_PROFILE_BYTES else b""


@lru_cache(maxsize=16)
def _conversion_table(profile: bytes) -> ImageFilter.Color3DLUT | None:
    """Return the table from a profile's numbers to sRGB's; None if they are the same or it cannot be read."""
    try:
        matrix, curves = _read_profile(profile)
    except (ValueError, KeyError, struct.error):
        return None
    steps = np.linspace(0, 1, STEPS)
    with np.errstate(all="ignore"):
        linear = np.stack([curve(steps) for curve in curves])
        # In Pillow's tables, red varies fastest.
        blue, green, red = np.meshgrid(linear[2], linear[1], linear[0], indexing="ij")
        wanted = _encode_srgb(np.stack([red, green, blue], axis=-1) @ (np.linalg.inv(SRGB) @ matrix).T)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    if not np.isfinite(wanted).all() or np.abs(wanted - np.stack([red, green, blue], axis=-1)).max() < MIN_DIFFERENCE:
        return None
    return ImageFilter.Color3DLUT(STEPS, wanted.astype(np.float32).ravel())


def _encode_srgb(linear: Numbers) -> Numbers:
    linear = linear.clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _read_profile(profile: bytes) -> tuple[Numbers, list[Curve]]:
    """Return the matrix (3, 3) from linear RGB to XYZ, and the three curves; raises ValueError for other profiles."""
    if profile[16:24] != b"RGB XYZ " or profile[36:40] != b"acsp":
        raise ValueError("not a profile of three primaries")
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = dict(_tag(profile, number) for number in range(min(count, MAX_TAGS)))
    matrix = np.column_stack([_fixed(tags[name], 8, 3) for name in (b"rXYZ", b"gXYZ", b"bXYZ")])
    if np.abs(matrix.sum(axis=1) - D50).max() > 0.05:
        raise ValueError("its primaries do not add up to white")
    return matrix, [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]


def _tag(profile: bytes, number: int) -> tuple[bytes, bytes]:
    name, start, length = struct.unpack_from(">4sII", profile, 132 + 12 * number)
    return name, profile[start : start + length]


def _fixed(tag: bytes, at: int, count: int) -> Numbers:
    """Read ICC fixed-point numbers: 16 bits before the point, 16 after."""
    return np.array(struct.unpack_from(f">{count}i", tag, at)) / 65536


def _curve(tag: bytes) -> Curve:
    """Return the function from a pixel's number to its light, both 0 to 1."""
    if tag[:4] == b"para":
        return _parametric(tag)
    if tag[:4] != b"curv":
        raise ValueError("not a curve")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return lambda values: values
    numbers = np.array(struct.unpack_from(f">{count}H", tag, 12))
    if count == 1:
        return lambda values: values ** (numbers[0] / 256)
    places = np.linspace(0, 1, count)
    return lambda values: np.interp(values, places, numbers / 65535)


def _parametric(tag: bytes) -> Curve:
    """Return one of the five kinds of curve in ICC.1, with its names: a power above d, a line below."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind > 4:
        raise ValueError("an unknown kind of curve")
    g, *rest = _fixed(tag, 12, (1, 3, 4, 5, 7)[kind])
    a, b, c, d, e, f = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind in (1, 2):
        a, b, *offset = rest
        e = f = offset[0] if offset else 0.0
        d = -b / a if a else 0.0
    elif kind in (3, 4):
        a, b, c, d, *offsets = rest
        e, f = offsets or (0.0, 0.0)
    return lambda values: np.where(values >= d, np.maximum(a * values + b, 0) ** g + e, c * values + f)
