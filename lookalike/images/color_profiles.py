"""Convert pixels to sRGB, which everything here computes in: from an ICC profile, or from code points (H.273).

Phones take photos in Display P3, where a saturated red has the numbers of a dull one in sRGB; scanners and print shops
bring profiles of their own; newer files name their colors by two numbers, and older PNGs describe them by a gamma. All
come out as a browser shows them.
LittleCMS reads the profiles, in C and from strangers' files, so only sandbox.py's processes may call convert_to_srgb.
"""

import io
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFilter

Numbers: TypeAlias = NDArray[np.float64]

CodePoints: TypeAlias = tuple[int, int]
"""The numbers of the primaries and of the transfer function, as H.273 lists them."""

Gamma: TypeAlias = tuple[int, ...]
"""A PNG's gamma (gAMA) and, if it has them, x and y of white, red, green and blue (cHRM), in hundred-thousandths."""

# Profiles of printers hold tables of up to some megabytes.
MAX_PROFILE_BYTES = 4_000_000

# From a profile's color space to the mode that its numbers have in Pillow.
MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}

# A profile that changes no color by more than this, of 255, is sRGB's own: most are.
MAX_DIFFERENCE = 1

# No paper is darker, no ink lighter and no gray of RGB more colored, of 255: such a profile is damaged.
MIN_WHITE, MAX_BLACK, MAX_TINT = 200, 100, 100

# x and y of red, green and blue, and of white where that is not D65 (H.273, table 2).
PRIMARIES: dict[int, tuple[float, ...]] = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060),  # BT.709 and sRGB
    4: (0.670, 0.330, 0.210, 0.710, 0.140, 0.080, 0.310, 0.316),  # BT.470, system M
    5: (0.640, 0.330, 0.290, 0.600, 0.150, 0.060),  # BT.601, 625 lines
    6: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070),  # BT.601, 525 lines
    7: (0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, 0.310, 0.316),  # film
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),  # BT.2020
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351),  # cinemas' P3
    12: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # Display P3
    22: (0.630, 0.340, 0.295, 0.605, 0.155, 0.077),  # EBU 3213
}
D65 = (0.3127, 0.3290)

# How the eye adapts to another white: from XYZ to its receptors (Bradford).
RECEPTORS = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

# Transfer functions (H.273, table 3). Screens show video's with the gamma of BT.1886.
SRGB, PQ, HLG, UNSPECIFIED, LINEAR, SMPTE_240M, CINEMA = 13, 16, 18, 2, 8, 7, 17
VIDEO = (1, 6, 11, 14, 15)
GAMMAS = {**dict.fromkeys(VIDEO, 2.4), 4: 2.2, 5: 2.8, LINEAR: 1.0}
TRANSFERS = (SRGB, PQ, HLG, SMPTE_240M, CINEMA, *GAMMAS)

# Without primaries, a PNG's gamma that is this near to sRGB's stands for sRGB itself, as in browsers.
GAMMA, MAX_GAMMA_RATIO = 1 / 2.2, 1.05

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


def are_known(code_points: CodePoints) -> bool:
    """Return whether both code points say something that is known here."""
    return code_points[0] in PRIMARIES and code_points[1] in TRANSFERS


def convert_gamma(image: Image.Image, gamma: Gamma) -> Image.Image:
    """Return an RGB image with sRGB's numbers; the image itself if gamma is sRGB's or makes no sense."""
    to_srgb_curve, to_srgb_primaries = _gamma_tables(gamma)
    image = image.point(to_srgb_curve) if to_srgb_curve else image
    return image.filter(to_srgb_primaries) if to_srgb_primaries else image


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
    if not are_known((primaries, transfer)) or (primaries, transfer) == (1, SRGB):
        return None
    linear, given = _to_light(_all_values(), transfer), PRIMARIES[primaries]
    if transfer in (PQ, HLG):
        wide = _change_primaries(linear, given, PRIMARIES[9])
        if transfer == HLG:
            wide = _show_hlg(wide)
        linear, given = _compress_highlights(wide), PRIMARIES[9]
    return _table(_change_primaries(linear, given, PRIMARIES[1]))


@lru_cache(maxsize=16)
def _gamma_tables(gamma: Gamma) -> tuple[list[int] | None, ImageFilter.Color3DLUT | None]:
    """Return the table of each channel's values from a gamma to sRGB's curve, then one to its primaries, if needed."""
    exponent, *points = (number / 100_000 for number in gamma)
    given = (*points[2:], *points[:2])
    try:
        matrix = np.linalg.solve(_to_xyz(PRIMARIES[1]), _to_xyz(given)) if points else np.eye(3)
    except np.linalg.LinAlgError:
        return None, None
    if not exponent or not np.isfinite(matrix).all():
        return None, None
    if not points and 1 / MAX_GAMMA_RATIO < exponent / GAMMA < MAX_GAMMA_RATIO:
        return None, None
    light = np.linspace(0, 1, 256) ** (1 / exponent)
    curve = (_encode_srgb(light) * 255).round().astype(int).tolist() * 3
    if np.abs(matrix - np.eye(3)).max() < 0.01:
        return curve, None
    return curve, _table(_to_light(_all_values(), SRGB) @ matrix.T)


def _all_values() -> Numbers:
    """Return STEPS values of each channel in all combinations, as Pillow's tables have them: red varies fastest."""
    steps = np.linspace(0, 1, STEPS)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    return np.stack([red, green, blue], axis=-1)


def _table(light: Numbers) -> ImageFilter.Color3DLUT:
    """Return the table that makes sRGB's numbers of the values for which light is given."""
    return ImageFilter.Color3DLUT(STEPS, _encode_srgb(light).astype(np.float32).ravel())


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
    if transfer == SMPTE_240M:
        return np.where(values < 0.0913, values / 4, ((values + 0.1115) / 1.1115) ** (1 / 0.45))
    if transfer == CINEMA:  # SMPTE ST 428-1
        return np.asarray(values**2.6 * 52.37 / 48)
    return np.asarray(values ** GAMMAS[transfer])


def _encode_srgb(linear: Numbers) -> Numbers:
    linear = linear.clip(0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _change_primaries(linear: Numbers, given: Sequence[float], wanted: Sequence[float]) -> Numbers:
    """Return light (…, 3) in the wanted primaries."""
    return linear @ np.linalg.solve(_to_xyz(wanted), _to_xyz(given)).T


def _to_xyz(primaries: Sequence[float]) -> Numbers:
    """Return the matrix (3, 3) from light in these primaries to XYZ, with their white adapted to D65."""
    x, y = np.array([*primaries, *D65][:8]).reshape(4, 2).T
    with np.errstate(divide="ignore", invalid="ignore"):
        points = np.stack([x / y, np.ones(4), (1 - x - y) / y])
        matrix = points[:, :3] * np.linalg.solve(points[:, :3], points[:, 3])
        white = np.array([D65[0] / D65[1], 1, (1 - sum(D65)) / D65[1]])
        adapted = np.diag(RECEPTORS @ white / (RECEPTORS @ points[:, 3]))
    return np.asarray(np.linalg.solve(RECEPTORS, adapted @ RECEPTORS @ matrix))


def _show_hlg(scene: Numbers) -> Numbers:
    """Return what a screen of HDR_PEAK nits shows of a scene in BT.2020's primaries (BT.2100: gamma 1.2)."""
    luminance = scene @ _to_xyz(PRIMARIES[9])[1]
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
