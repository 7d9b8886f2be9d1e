"""Photos wider or taller than a catalogue's images: squashed into a square, a dress would turn into a shirt.

So the fashion network sees them extended by their own rims, and what is garment is looked for within.
"""

import numpy as np
from PIL import Image

from lookalike.images.decoding import prepare

# Between which shapes, width by height, an image may be squashed into a square: catalogues' images are.
NARROWEST, WIDEST = 3 / 4, 1

WHOLE = (0.0, 0.0, 1.0, 1.0)


def content_box(aspect, size):
    """Where in a square of size pixels an image of that width by height lies: left, top, right, bottom in pixels."""
    sides = (min(1, aspect / NARROWEST), min(1, WIDEST / aspect))
    wide, high = (max(1, round(size * side)) for side in sides)
    left, top = (size - wide) // 2, (size - high) // 2
    return left, top, left + wide, top + high


def pad_to_frame(pixels, aspects, size):
    """Squashed pixels uint8 (n, s, s, 3) of images of those aspects → uint8 (n, size, size, 3), extended by their rims.

    With them come their boxes, float32 (n, 4): left, top, right, bottom in fractions. aspects are the images'
    width by height, None where all may stay squashed.
    """
    boxes = (
        [content_box(aspect, size) for aspect in aspects] if aspects is not None else [(0, 0, size, size)] * len(pixels)
    )
    if pixels.shape[1] == size and all(place == (0, 0, size, size) for place in boxes):
        made = np.ascontiguousarray(pixels)
    else:
        made = np.stack([_extended(image, place, size) for image, place in zip(pixels, boxes, strict=True)])
    return made, np.array(boxes, np.float32) / size


def coverage(ends, count, side):
    """How much of each of side parts of a line lies in each of count parts of its piece from ends[0] to ends[1].

    All in fractions of a part of side: float32 (side, count).
    """
    low, high = np.arange(side)[:, None] / side, (np.arange(side)[:, None] + 1) / side
    edges = ends[0] + np.arange(count + 1) / count * (ends[1] - ends[0])
    return (np.maximum(np.minimum(high, edges[1:]) - np.maximum(low, edges[:-1]), 0) * side).astype(np.float32)


def coverage_of_boxes(boxes, side):
    """How much of each cell of a grid lies in each box (n, 4) of fractions: float32 (n, side, side)."""
    lines = [[coverage(one[axis::2], 1, side)[:, 0] for axis in (1, 0)] for one in np.asarray(boxes, np.float64)]
    return np.stack([np.outer(rows, columns) for rows, columns in lines])


def _extended(image, place, size):
    left, top, right, bottom = place
    inner = prepare(Image.fromarray(image), (right - left, bottom - top))
    return np.pad(inner, ((top, size - bottom), (left, size - right), (0, 0)), mode="edge")
