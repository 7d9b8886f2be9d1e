"""Colors as they were meant: pixels described by a color profile (ICC) → sRGB, which everything here computes in.

Phones photograph in Display P3, in which a saturated red has the numbers of a dull one in sRGB. Only profiles of
three primaries and three curves are read, which phones and cameras write; of any other the pixels stay as they are.
"""

import struct
import zlib
from functools import lru_cache

import numpy as np
from PIL import ImageFilter

# The longest such profile has curves of 4,096 numbers each.
MAX_BYTES, MAX_TAGS = 100_000, 100

# Steps of the table that colors are looked up in, between which Pillow interpolates.
STEPS = 33

# Less than this, of 1, is no difference: most profiles are sRGB's own.
SAME = 0.75 / 255

D50 = np.array([0.9642, 1.0, 0.8249])

# sRGB's primaries as profiles have them, adapted to D50 (IEC 61966-2-1; Bradford).
SRGB = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)


def in_srgb(image, profile):
    """The RGB Pillow image in sRGB's numbers; as it is where the profile's bytes say nothing of use."""
    table = _table(profile) if profile and len(profile) <= MAX_BYTES else None
    return image.filter(table) if table else image


def from_jpeg(parts):
    """A profile from the numbered parts that a JPEG holds, a dict; b"" where it is longer than any that is read."""
    whole = sum(map(len, parts.values())) <= MAX_BYTES
    return b"".join(part for _, part in sorted(parts.items())) if whole else b""


def from_png(part):
    """The profile in a PNG's part iCCP, after its name and how it is packed; b"" where it is none or too long."""
    packed = part[part.find(b"\0") + 2 :]
    try:
        profile = zlib.decompressobj().decompress(packed, MAX_BYTES + 1)
    except zlib.error:
        return b""
    return profile if len(profile) <= MAX_BYTES else b""


@lru_cache(maxsize=16)
def _table(profile):
    """What gives sRGB's numbers for a profile's, or None where they are the same or it cannot be read."""
    try:
        matrix, curves = _read(profile)
    except (ValueError, KeyError, struct.error):
        return None
    steps = np.linspace(0, 1, STEPS)
    with np.errstate(all="ignore"):
        linear = np.stack([curve(steps) for curve in curves])
        # Pillow's tables run through red first.
        blue, green, red = np.meshgrid(linear[2], linear[1], linear[0], indexing="ij")
        wanted = _encoded(np.stack([red, green, blue], axis=-1) @ (np.linalg.inv(SRGB) @ matrix).T)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    if not np.isfinite(wanted).all() or np.abs(wanted - np.stack([red, green, blue], axis=-1)).max() < SAME:
        return None
    return ImageFilter.Color3DLUT(STEPS, wanted.astype(np.float32).ravel())


def _encoded(linear):
    linear = linear.clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _read(profile):
    """The matrix (3, 3) from linear red, green, blue to XYZ, and their three curves; ValueError for other profiles."""
    if profile[16:24] != b"RGB XYZ " or profile[36:40] != b"acsp":
        raise ValueError("no profile of three primaries")
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = dict(_tag(profile, number) for number in range(min(count, MAX_TAGS)))
    matrix = np.column_stack([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")])
    if np.abs(matrix.sum(axis=1) - D50).max() > 0.05:
        raise ValueError("its white is no white")
    return matrix, [_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]


def _tag(profile, number):
    name, start, length = struct.unpack_from(">4sII", profile, 132 + 12 * number)
    return name, profile[start : start + length]


def _xyz(tag):
    return _fixed(tag, 8, 3)


def _fixed(tag, at, count):
    return np.array(struct.unpack_from(f">{count}i", tag, at)) / 65536


def _curve(tag):
    """The function from a number to its light, both 0 to 1."""
    if tag[:4] == b"para":
        return _parametric(tag)
    if tag[:4] != b"curv":
        raise ValueError("no curve")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return lambda values: values
    numbers = np.array(struct.unpack_from(f">{count}H", tag, 12))
    if count == 1:
        return lambda values: values ** (numbers[0] / 256)
    places = np.linspace(0, 1, count)
    return lambda values: np.interp(values, places, numbers / 65535)


def _parametric(tag):
    """One of the five kinds of ICC.1, in its names: a power above d, a line below."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind > 4:
        raise ValueError("no such curve")
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
