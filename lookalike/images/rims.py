"""Find and cut off rims that belong to a frame, not to the photo: bars, borders, and what a phone's screenshot adds.

A rim consists of lines of one color, from the image's edge to a hard, straight edge, at two opposite sides. Between
them there may be small writing, as in a status bar. A product's own plain ground is no rim: what stands on it has an
irregular outline.
"""

from typing import TypeAlias

import numpy as np
from PIL import Image

from lookalike.types import Mask, Pixels

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""

# Rims are looked for in an image reduced to about this many pixels a side. In a tiny one, any edge looks straight.
MAX_SIDE, MIN_SIDE = 400, 100
# How far the noise of a JPEG strays from a color, in levels, and what share of a line's pixels may stray further.
MAX_NOISE, MAX_STRAY = 10, 0.01
# Of each line, so many pixels are looked at, and the median of so many of these is its color.
LINE_SAMPLE, COLOR_SAMPLE = 128, 16
# Narrower rims do no harm, and what remains must be a picture; in shares of the image's side.
MIN_RIM, MIN_CONTENT = 0.02, 0.2
# What stands on a light ground, free on all four sides, is a product and not a photo unless it is large (a share of the
# image's area) or as wide as a phone's screen (a share of its width).
LIGHT, MIN_AREA_ON_LIGHT, MIN_SCREEN = 200, 0.3, 0.88
# What share of a rim must be lines of one color; the others hold writing.
MIN_PLAIN = 0.4
# What share of the picture's outermost lines must differ from the rim beside them: on each side, and at the mean.
MIN_EDGE, MIN_MEAN_EDGE = 0.6, 0.9
# A JPEG blurs an edge over so many lines.
MAX_BLUR = 9
# In a hard edge, two lines make at least this share of all the contrast.
MIN_JUMP = 0.5
# The picture's outermost lines may be blends of both, and embedding/padding.py would repeat them: they go, too.
WITHIN = 2
# A border within a screenshot within bars.
MAX_FRAMES = 3


def cut_rims(image: Image.Image) -> Image.Image:
    """Return an RGB image without the rims that belong to a frame; the image itself if it has none."""
    box = find_content(image)
    return image if box == (0, 0, *image.size) else image.crop(box)


def find_content(image: Image.Image) -> Box:
    """Return where the picture lies within the rims of an RGB image; all of it if there are none."""
    factor = max(1, round(max(image.size) / MAX_SIDE))
    pixels = np.asarray(image.reduce(factor) if factor > 1 else image)
    left, top, right, bottom = 0, 0, pixels.shape[1], pixels.shape[0]
    for _ in range(MAX_FRAMES):
        inner = pixels[top:bottom, left:right]
        if box := _framed_by_rows(inner):
            inside = box
        elif box := _framed_by_rows(inner.transpose(1, 0, 2)):
            inside = (box[1], box[0], box[3], box[2])
        else:
            break
        left, top, right, bottom = left + inside[0], top + inside[1], left + inside[2], top + inside[3]
    if (left, top, right, bottom) == (0, 0, pixels.shape[1], pixels.shape[0]):
        return 0, 0, *image.size
    return left * factor, top * factor, min(right * factor, image.width), min(bottom * factor, image.height)


def _framed_by_rows(pixels: Pixels) -> Box | None:
    """Return where a picture lies that has a rim above and one below; None if it has not."""
    height, width = pixels.shape[:2]
    if min(height, width) < MIN_SIDE or not _is_plain(pixels[[0, -1]]).all():
        return None
    plain = _is_plain(pixels)
    top, bottom = _longest_run(~plain)
    if bottom - top < MIN_CONTENT * height or min(top, height - bottom) < MIN_RIM * height:
        return None
    if min(plain[:top].mean(), plain[bottom:].mean()) < MIN_PLAIN:
        return None
    left, right = _longest_run(~_is_plain(pixels[top:bottom].transpose(1, 0, 2)))
    if min(left, width - right) < MIN_RIM * width:
        left, right = 0, width
    if right - left < MIN_CONTENT * width:
        return None
    framed = right - left < width
    rows, columns = pixels[:, left:right], pixels[top:bottom].transpose(1, 0, 2)
    edges = [_find_edge(rows, top, 1), _find_edge(rows, bottom - 1, -1)]
    if framed:
        edges += [_find_edge(columns, left, 1), _find_edge(columns, right - 1, -1)]
    strengths = [strength for _, strength in edges]
    if min(strengths) < MIN_EDGE or float(np.mean(strengths)) < MIN_MEAN_EDGE:
        return None
    top, bottom = edges[0][0], edges[1][0] + 1
    if framed:
        left, right = edges[2][0], edges[3][0] + 1
        on_light = pixels[[0, -1]].mean() > LIGHT and right - left < MIN_SCREEN * width
        if on_light and (right - left) * (bottom - top) < MIN_AREA_ON_LIGHT * width * height:
            return None
    return left, top, right, bottom


def _find_edge(lines: Pixels, first: int, step: int) -> tuple[int, float]:
    """Return the first line within a picture's edge, and what share of the edge differs from the rim beside first."""
    rim = _line_color(lines[first - step][None])
    within = lines[first + step * np.arange(-1, MAX_BLUR)]
    contrasts = np.maximum(within, rim).mean(axis=(1, 2)) - np.minimum(within, rim).mean(axis=(1, 2))
    if (contrasts[2:] - contrasts[:-2]).max() < MIN_JUMP * contrasts.max():
        return first, 0.0  # a soft edge
    shares = _differs(within, rim).mean(axis=1)
    place = int((shares >= 0.9 * shares.max()).argmax()) - 1
    return first + step * (place + WITHIN), float(shares.max())


def _is_plain(lines: Pixels) -> Mask:
    """Return of which lines, uint8 (n, length, 3), all pixels have one color."""
    lines = lines[:, :: max(1, lines.shape[1] // LINE_SAMPLE)]
    return _differs(lines, _line_color(lines)).mean(axis=1) <= MAX_STRAY


def _line_color(lines: Pixels) -> Pixels:
    """Return the color of each line, the median of some of its pixels: uint8 (n, 1, 3)."""
    some = np.sort(lines[:, :: max(1, lines.shape[1] // COLOR_SAMPLE)], axis=1)
    return some[:, some.shape[1] // 2][:, None]


def _differs(lines: Pixels, color: Pixels) -> Mask:
    """Return which pixels have another color, (n, length)."""
    return np.any(np.maximum(lines, color) - np.minimum(lines, color) > MAX_NOISE, axis=2)


def _longest_run(mask: Mask) -> tuple[int, int]:
    """Return the first place of the longest run of True, and the place after its last; (0, 0) if there is none."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    if not len(ends):
        return 0, 0
    runs = ends.reshape(-1, 2)
    first, last = runs[(runs[:, 1] - runs[:, 0]).argmax()]
    return int(first), int(last)
