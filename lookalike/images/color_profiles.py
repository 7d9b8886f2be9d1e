"""Convert pixels to sRGB, which everything here computes in: from an ICC profile, or from code points (H.273).

Phones take photos in Display P3, where a saturated red has the numbers of a dull one in sRGB; scanners and print shops
bring profiles of their own; and newer files name their colors by two numbers. All come out as a browser shows them.
LittleCMS reads the profiles, in C and from strangers' files, so only sandbox.py's processes may call convert_to_srgb.
"""

import io
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFilter

Numbers: TypeAlias = NDArray[np.float64]

CodePoints: TypeAlias = tuple[int, int]
"""The numbers of the primaries and of the transfer function, as H.273 lists them."""

# Profiles of printers hold tables of up to some megabytes.
MAX_PROFILE_BYTES = 4_000_000

# From a profile's color space to the mode that its numbers have in Pillow.
MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}

# A profile that changes no color by more than this, of 255, is sRGB's own: most are.
MAX_DIFFERENCE = 1

# No paper is darker, no ink lighter and no gray of RGB more colored, of 255: such a profile is damaged.
MIN_WHITE, MAX_BLACK, MAX_TINT = 200, 100, 100

# x and y of red, green and blue (H.273, table 2), all of them with the white point D65.
PRIMARIES = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060),  # BT.709 and sRGB
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060),  # BT.601, 625 lines
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070),  # BT.601, 525 lines
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),  # BT.2020
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # Display P3
}
D65 = (0.3127, 0.3290)

# Transfer functions (H.273, table 3). Screens show video's with the gamma of BT.1886.
SRGB, PQ, HLG, UNSPECIFIED, LINEAR = 13, 16, 18, 2, 8
VIDEO = (1, 6, 14, 15)
GAMMAS = {**dict.fromkeys(VIDEO, 2.4), 4: 2.2, 5: 2.8, LINEAR: 1.0}

# In nits: what PQ counts up to, a screen's white (BT.2408), and the brightest that HDR pictures are usually made for.
PQ_PEAK, WHITE, HDR_PEAK = 10_000, 203, 1_000

# A table of code points has this many steps a channel; Pillow interpolates between them.
STEPS = 65


def convert_to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an RGB image with sRGB's numbers, ignoring a profile that is damaged or not for images of this mode.

    An RGB image whose profile is ignored or changes nothing is returned itself.
    """
    color_space = _color_space(profile) if profile and len(profile) <= MAX_PROFILE_BYTES else None
    mode = MODES.get(color_space or "")
    # Gray is RGB of three equal numbers, so a profile for RGB describes it too.
    fits = image.mode == mode or (mode == "RGB" and image.mode != "CMYK")
    transform = _transform(profile, mode) if profile and mode and fits else None
    if image.mode == "LAB":
        transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), _srgb(), "LAB", "RGB")
    elif transform is None or mode == "RGB":
        image = image if image.mode == "RGB" else image.convert("RGB")
    return image if transform is None else ImageCms.applyTransform(image, transform) or image


def is_srgb(profile: bytes) -> bool:
    """Return whether the profile describes RGB images and leaves their numbers as they are."""
    return _color_space(profile) == "RGB" and _transform(profile, "RGB") is None


def convert_code_points(image: Image.Image, code_points: CodePoints) -> Image.Image:
    """Return an RGB image with sRGB's numbers; the image itself if the code points are sRGB's or unknown."""
    table = _code_point_table(*code_points)
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


def _open_profile(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@lru_cache(maxsize=16)
def _color_space(profile: bytes) -> str | None:
    """Return what a device's profile describes: RGB, GRAY, CMYK, …; None if it is damaged or no device's."""
    try:
        opened = _open_profile(profile).profile
        color_space, device = opened.xcolor_space.strip(), opened.device_class.strip()
    except (OSError, ValueError, TypeError):
        return None
    return color_space if device in ("mntr", "scnr", "prtr", "spac") else None


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return LittleCMS's transform from a profile's numbers to sRGB's; None if it changes nothing or makes no sense."""
    try:
        # As in browsers: the perceptual table, where a profile has several.
        transform = ImageCms.buildTransform(
            _open_profile(profile), _srgb(), mode, "RGB", renderingIntent=ImageCms.Intent.PERCEPTUAL
        )
        levels = (Image.new(mode, (1, 1), (level,) * len(mode)) for level in (0, 128, 255))
        least, gray, most = (_apply(transform, level) for level in levels)
    except (OSError, ValueError, ImageCms.PyCMSError):
        return None
    white, black = (least, most) if mode == "CMYK" else (most, least)
    if white.min() < MIN_WHITE or black.max() > MAX_BLACK:
        return None
    if mode == "RGB":
        if np.ptp(gray) > MAX_TINT:
            return None
        sample = _every_color(17)
        if np.abs(_apply(transform, sample) - np.asarray(sample, int)).max() <= MAX_DIFFERENCE:
            return None
    return transform


def _apply(transform: ImageCms.ImageCmsTransform, image: Image.Image) -> NDArray[np.int_]:
    return np.asarray(ImageCms.applyTransform(image, transform), int)


def _every_color(steps: int) -> Image.Image:
    """Return an RGB image with steps values of each channel, in all combinations."""
    values = np.linspace(0, 255, steps).round().astype(np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(values, values, values), axis=-1).reshape(steps, -1, 3))


@lru_cache(maxsize=16)
def _code_point_table(primaries: int, transfer: int) -> ImageFilter.Color3DLUT | None:
    """Return the table from the numbers that code points describe to sRGB's; None if they are the same or unknown."""
    primaries = 1 if primaries == UNSPECIFIED else primaries
    transfer = SRGB if transfer == UNSPECIFIED else transfer
    if primaries not in PRIMARIES or (transfer not in (SRGB, PQ, HLG) and transfer not in GAMMAS):
        return None
    if (primaries, transfer) == (1, SRGB):
        return None
    steps = np.linspace(0, 1, STEPS)
    # In Pillow's tables, red varies fastest.
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    values = np.stack([red, green, blue], axis=-1)
    linear = _to_light(values, transfer)
    if transfer in (PQ, HLG):
        wide = _change_primaries(linear, primaries, 9)
        if transfer == HLG:
            wide = _show_hlg(wide)
        linear, primaries = _compress_highlights(wide), 9
    wanted = _encode_srgb(_change_primaries(linear, primaries, 1))
    return ImageFilter.Color3DLUT(STEPS, wanted.astype(np.float32).ravel())


def _to_light(values: Numbers, transfer: int) -> Numbers:
    """Undo a transfer function: numbers from 0 to 1 → light, of which 1 is white; HLG's is the scene's, to 1."""
    if transfer == SRGB:
        return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    if transfer == PQ:  # SMPTE ST 2084
        root = values ** (32 / 2523)
        light = np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)
        return np.asarray(light ** (16384 / 2610) * PQ_PEAK / WHITE)
    if transfer == HLG:  # ARIB STD-B67
        return np.where(values <= 0.5, values**2 / 3, (np.exp((values - 0.55991073) / 0.17883277) + 0.28466892) / 12)
    return np.asarray(values ** GAMMAS[transfer])


def _encode_srgb(linear: Numbers) -> Numbers:
    linear = linear.clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _change_primaries(linear: Numbers, given: int, wanted: int) -> Numbers:
    """Return light (…, 3) in the wanted primaries."""
    return linear @ np.linalg.solve(_to_xyz(wanted), _to_xyz(given)).T


def _to_xyz(primaries: int) -> Numbers:
    """Return the matrix (3, 3) from light in these primaries to XYZ."""
    x, y = np.array(PRIMARIES[primaries]).reshape(3, 2).T
    columns = np.stack([x / y, np.ones(3), (1 - x - y) / y])
    white = np.array([D65[0] / D65[1], 1, (1 - sum(D65)) / D65[1]])
    return np.asarray(columns * np.linalg.solve(columns, white))


def _show_hlg(scene: Numbers) -> Numbers:
    """Return what a screen of HDR_PEAK nits shows of a scene in BT.2020's primaries (BT.2100: gamma 1.2)."""
    luminance = scene @ _to_xyz(9)[1]
    return np.asarray(scene * luminance[..., None].clip(0) ** 0.2 * HDR_PEAK / WHITE)


def _compress_highlights(light: Numbers) -> Numbers:
    """Make room for highlights above white, as browsers do on an ordinary screen; light is in BT.2020's primaries.

    White becomes half of the screen's light. From there a parabola, here as a Bézier curve, rises to HDR_PEAK.
    """
    t = np.linspace(0, 1, 1000)
    weights: list[Any] = [(1 - t) ** 2, 2 * t * (1 - t), t**2]
    above = sum(weight * x for weight, x in zip(weights, (1, 1.65, HDR_PEAK / WHITE), strict=True))
    shown = sum(weight * y for weight, y in zip(weights, (0.5, 0.825, 1), strict=True))
    brightest = np.maximum(light.max(axis=-1, keepdims=True), 1e-9)
    return np.asarray(light * np.where(brightest <= 1, 0.5, np.interp(brightest, above, shown) / brightest))
