"""Pixels → color vector: what share of the garment, not of its background, is near each color."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.types import Matrix, Pixels

# The colors that shops name, as sRGB; the vector has one number for each, in this order.
ANCHORS = {
    "black": (20, 20, 22),
    "charcoal": (58, 60, 64),
    "grey": (128, 129, 131),
    "silver": (186, 188, 192),
    "white": (247, 247, 247),
    "off white": (238, 233, 220),
    "cream": (244, 232, 193),
    "beige": (220, 200, 166),
    "tan": (196, 152, 104),
    "khaki": (168, 152, 108),
    "brown": (110, 70, 42),
    "dark brown": (62, 42, 32),
    "rust": (166, 72, 34),
    "orange": (240, 128, 32),
    "peach": (250, 196, 160),
    "skin": (214, 164, 136),
    "mustard": (208, 160, 36),
    "gold": (196, 164, 84),
    "yellow": (248, 220, 56),
    "lime green": (176, 214, 56),
    "green": (44, 140, 64),
    "dark green": (24, 66, 44),
    "olive": (96, 98, 52),
    "sea green": (104, 180, 140),
    "teal": (24, 120, 124),
    "turquoise": (64, 190, 200),
    "sky blue": (148, 196, 232),
    "blue": (40, 92, 184),
    "steel blue": (92, 120, 152),
    "denim blue": (72, 88, 120),
    "navy blue": (28, 34, 72),
    "purple": (100, 52, 132),
    "lavender": (188, 168, 212),
    "mauve": (150, 108, 132),
    "magenta": (206, 40, 124),
    "pink": (240, 160, 188),
    "hot pink": (236, 88, 150),
    "red": (206, 30, 40),
    "maroon": (108, 24, 40),
    "burgundy": (72, 20, 34),
}

# How far, in CIELAB units, a color still counts for an anchor; the eye would call it "a bit different".
REACH = 9.0

# Each side of a garment cell is divided into this many parts to look at its colors.
PARTS = 2

# Levels of a channel in the lookup table; a step of 8 shades is finer than any anchor's reach.
LEVELS = 32


def color_vectors(pixels: Pixels, garment: Matrix) -> Matrix:
    """Return color vectors, float32 (n, 40) of norm 1.

    pixels are uint8 (n, s, s, 3), garment are scores (n, g, g) from 0 to 1; s is a multiple of 2 g. The square of each
    number is the share of the garment near that anchor, so the product of two vectors is what their colors share.
    """
    return np.sqrt(color_shares(pixels, garment)).astype(np.float32)


def color_shares(pixels: Pixels, garment: Matrix) -> Matrix:
    """Return the shares themselves, float32 (n, 40), which add up to 1; the arguments are those of color_vectors."""
    n, side = pixels.shape[:2]
    cells = PARTS * garment.shape[1]
    step = side // cells
    small = pixels.reshape(n, cells, step, cells, step, 3).mean(axis=(2, 4), dtype=np.float32)
    levels = (small * (LEVELS / 256)).astype(np.int32)
    places = (levels[..., 0] * LEVELS + levels[..., 1]) * LEVELS + levels[..., 2]
    near = _nearness_table()[places.reshape(n, -1)]
    shares = np.einsum("np,npa->na", _part_weights(garment), near, optimize=True)
    return shares / shares.sum(axis=1, keepdims=True)


def color_names(vector: Matrix, min_share: float = 0.2) -> list[str]:
    """Return the names of the colors that take at least min_share of a garment, largest first: at least one."""
    shares = np.asarray(vector) ** 2
    order = np.argsort(-shares, kind="stable")
    return [list(ANCHORS)[place] for rank, place in enumerate(order) if rank == 0 or shares[place] >= min_share]


def _part_weights(garment: Matrix) -> Matrix:
    """Return how much each part of a cell counts: (n, 4 g²). Cells at the edge, half background, hardly do."""
    scores = np.repeat(np.repeat(garment, PARTS, axis=1), PARTS, axis=2).reshape(len(garment), -1)
    return scores**3 + 1e-6


@lru_cache(maxsize=1)
def _nearness_table() -> Matrix:
    """Return how much each color of the lookup table belongs to each anchor: float32 (32768, 40), rows add to 1."""
    steps = (np.arange(LEVELS) + 0.5) * (256 / LEVELS)
    colors = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    squares = ((to_lab(colors)[:, None] - to_lab(list(ANCHORS.values()))[None]) ** 2).sum(axis=2)
    nearness = np.exp(-(squares - squares.min(axis=1, keepdims=True)) / (2 * REACH**2))
    return (nearness / nearness.sum(axis=1, keepdims=True)).astype(np.float32)


def to_lab(rgb: ArrayLike) -> NDArray[np.float64]:
    """Convert sRGB (…, 3) from 0 to 255 to CIELAB for daylight (D65), L from 0 to 100."""
    linear = np.asarray(rgb, np.float64) / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ matrix.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)
