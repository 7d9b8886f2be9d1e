"""Find and cut off rims that belong to a frame, not to the photo: bars, borders, and what a phone's screenshot adds.

A rim consists of lines of one color, from the image's edge to a hard, straight edge, at two opposite sides; the color
may change from line to line. Between them there may be icons and writing, which may also cross the edge. A product's
own plain ground is no rim: what stands on it has an irregular outline.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
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
# What share of a rim must be lines of one color; the others hold writing and icons.
MIN_PLAIN = 0.15
# What share of the picture's outermost lines must differ from the rim beside them: on each side, and at the mean.
MIN_EDGE, MIN_MEAN_EDGE = 0.6, 0.9
# A JPEG blurs an edge over so many lines.
MAX_BLUR = 9
# In a hard edge, two lines make at least this share of all the contrast.
MIN_JUMP = 0.5
# How far writing may reach from the rim over the edge and into the rim again, in shares of the image's side.
MAX_WRITING = 0.3
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
        inside = _find_inside(pixels[top:bottom, left:right])
        if inside is None:
            break
        left, top, right, bottom = left + inside[0], top + inside[1], left + inside[2], top + inside[3]
    if (left, top, right, bottom) == (0, 0, pixels.shape[1], pixels.shape[0]):
        return 0, 0, *image.size
    return left * factor, top * factor, min(right * factor, image.width), min(bottom * factor, image.height)


def _find_inside(pixels: Pixels) -> Box | None:
    """Return where a picture, uint8 (height, width, 3), lies within its outermost frame; None if it has none."""
    # Lines of uint8 (n, 3, length): colors apart, and the pixels of a line side by side, are the fastest to compare.
    rows, columns = pixels.transpose(0, 2, 1), pixels.transpose(1, 2, 0)
    may_be_framed = [_is_plain(lines[[0, -1]]).all() for lines in (rows, columns)]
    if min(pixels.shape[:2]) < MIN_SIDE or not any(may_be_framed):
        return None
    rows, columns = np.ascontiguousarray(rows), np.ascontiguousarray(columns)
    if may_be_framed[0] and (box := _framed_by_lines(rows, columns)):
        return box
    if may_be_framed[1] and (box := _framed_by_lines(columns, rows)):
        return box[1], box[0], box[3], box[2]
    return None


def _framed_by_lines(rows: Pixels, columns: Pixels) -> Box | None:
    """Return where a picture lies that has a rim above and one below; None if it has not. columns are rows, turned."""
    height, width = len(rows), len(columns)
    plain = _is_plain(rows)
    top, bottom = _longest_run(~plain)
    if bottom - top < MIN_CONTENT * height or min(top, height - bottom) < MIN_RIM * height:
        return None
    if min(plain[:top].mean(), plain[bottom:].mean()) < MIN_PLAIN:
        return None
    outermost, columns = rows[[0, -1]], columns[:, :, top:bottom]
    plain = _is_plain(columns)
    left, right = _longest_run(~plain)
    is_gradient = False
    if min(left, width - right) < MIN_RIM * width:
        between = None if plain[0] or plain[-1] else _find_between_gradients(columns)
        (left, right), is_gradient = between or (0, width), between is not None
    if right - left < MIN_CONTENT * width:
        return None
    rows, is_framed, is_light = rows[:, :, left:right], right - left < width, outermost.mean() > LIGHT
    # On a light ground, what crosses an edge is a bag's handle.
    may_be_crossed = not (is_framed and is_light)
    sides = [(rows, top, 1, False), (rows, bottom - 1, -1, False)]
    if is_framed:
        sides += [(columns, left, 1, is_gradient), (columns, right - 1, -1, is_gradient)]
    edges = []
    for side in sides:
        edges.append(_find_edge(*side, may_be_crossed))
        if edges[-1][1] < MIN_EDGE:
            return None
    if float(np.mean([strength for _, strength in edges])) < MIN_MEAN_EDGE:
        return None
    top, bottom = edges[0][0], edges[1][0] + 1
    if is_framed:
        left, right = edges[2][0], edges[3][0] + 1
        on_light = is_light and right - left < MIN_SCREEN * width
        if on_light and (right - left) * (bottom - top) < MIN_AREA_ON_LIGHT * width * height:
            return None
    if bottom - top < MIN_CONTENT * height or right - left < MIN_CONTENT * width:
        return None
    return left, top, right, bottom


def _find_between_gradients(columns: Pixels) -> tuple[int, int] | None:
    """Return where a picture lies whose rims change their color from top to bottom; None if it has no such rims.

    Each line of such a rim is like the outermost one. So are some lines of a smooth photo, but no hard edge follows.
    """
    width = len(columns)
    left, right = _longest_run(~(_is_like(columns, columns[0]) | _is_like(columns, columns[-1])))
    if min(left, width - right) < MIN_RIM * width or right - left < MIN_CONTENT * width:
        return None
    edges = _find_edge(columns, left, 1, True), _find_edge(columns, right - 1, -1, True)
    return (left, right) if min(strength for _, strength in edges) >= MIN_EDGE else None


def _find_edge(
    lines: Pixels, first: int, step: int, is_gradient: bool, may_be_crossed: bool = False
) -> tuple[int, float]:
    """Return the first line within a picture's edge, and what share of the edge differs from the rim beside first.

    The rim has one color unless it is a gradient. Where the edge may be crossed by writing, it may lie further within.
    """
    rim = lines[first - step][None]
    rim = rim if is_gradient else _line_colors(rim)
    edge = _measure_edge(lines, rim, first, step)
    if edge[1] < MIN_EDGE and may_be_crossed:
        room = (len(lines) - 1 - first if step > 0 else first) - MAX_BLUR
        ahead = lines[first + step * np.arange(min(room, round(MAX_WRITING * len(lines))))]
        differs = _count_strays(ahead, rim) >= MIN_EDGE * lines.shape[2]
        if differs.any():
            edge = _measure_edge(lines, rim, first + step * int(differs.argmax()), step)
    return edge


def _measure_edge(lines: Pixels, rim: Pixels, first: int, step: int) -> tuple[int, float]:
    """Return the same for an edge that lies in the lines from first on."""
    within = lines[first + step * np.arange(-1, MAX_BLUR)]
    contrasts = (np.maximum(within, rim) - np.minimum(within, rim)).mean(axis=(1, 2))
    if (contrasts[2:] - contrasts[:-2]).max() < MIN_JUMP * contrasts.max():
        return first, 0.0  # a soft edge
    shares = _count_strays(within, rim) / within.shape[2]
    place = int((shares >= 0.9 * shares.max()).argmax()) - 1
    return first + step * (place + WITHIN), float(shares.max())


def _is_plain(lines: Pixels) -> Mask:
    """Return of which lines, uint8 (n, 3, length), all pixels have one color."""
    lines = lines[:, :, :: max(1, lines.shape[2] // LINE_SAMPLE)]
    return _count_strays(lines, _line_colors(lines)) <= MAX_STRAY * lines.shape[2]


def _is_like(lines: Pixels, other: Pixels) -> Mask:
    """Return which lines, uint8 (n, 3, length), have the colors of another line, uint8 (3, length)."""
    step = max(1, lines.shape[2] // LINE_SAMPLE)
    lines, other = lines[:, :, ::step], other[None, :, ::step]
    return _count_strays(lines, other) <= MAX_STRAY * lines.shape[2]


def _line_colors(lines: Pixels) -> Pixels:
    """Return the color of each line, the median of some of its pixels: uint8 (n, 3, 1)."""
    some = lines[:, :, :: max(1, lines.shape[2] // COLOR_SAMPLE)]
    middle = some.shape[2] // 2
    return np.partition(some, middle, axis=2)[:, :, middle, None]


def _count_strays(lines: Pixels, colors: Pixels) -> NDArray[np.uint16]:
    """Return how many pixels of each line have another color, uint16 (n,)."""
    differs = np.maximum(lines, colors) - np.minimum(lines, colors) > MAX_NOISE
    counts: NDArray[np.uint16] = (differs[:, 0] | differs[:, 1] | differs[:, 2]).sum(axis=1, dtype=np.uint16)
    return counts


def _longest_run(mask: Mask) -> tuple[int, int]:
    """Return the first place of the longest run of True, and the place after its last; (0, 0) if there is none."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    if not len(ends):
        return 0, 0
    runs = ends.reshape(-1, 2)
    first, last = runs[(runs[:, 1] - runs[:, 0]).argmax()]
    return int(first), int(last)
