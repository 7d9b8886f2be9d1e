"""Extend photos that are wider or taller than a catalogue's images: squashed into a square, a dress looks like a shirt.

The fashion network sees them extended by their own edge pixels, and the garment is looked for within the photo alone.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from PIL import Image

from lookalike.images.decoding import prepare
from lookalike.types import Matrix, Pixels

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""

# An image whose width divided by its height lies between these, as in catalogues, may be squashed into a square.
MIN_SQUASHED_ASPECT, MAX_SQUASHED_ASPECT = 3 / 4, 1

WHOLE = (0.0, 0.0, 1.0, 1.0)


def pad_to_frame(pixels: Pixels, aspects: Sequence[float] | None, size: int) -> tuple[Pixels, Matrix]:
    """Extend squashed images to uint8 (n, size, size, 3) by repeating their edge pixels.

    pixels are uint8 (n, s, s, 3); aspects are the images' width divided by their height, None if all may stay
    squashed. The result's second part says where the images lie in it, float32 (n, 4): left, top, right, bottom in
    fractions.
    """
    whole = (0, 0, size, size)
    boxes = [content_box(aspect, size) for aspect in aspects] if aspects is not None else [whole] * len(pixels)
    if pixels.shape[1] == size and all(box == whole for box in boxes):
        padded = np.ascontiguousarray(pixels)
    else:
        padded = np.stack([_pad(image, box, size) for image, box in zip(pixels, boxes, strict=True)])
    return padded, np.array(boxes, np.float32) / np.float32(size)


def content_box(aspect: float, size: int) -> Box:
    """Return where an image of that aspect lies in a padded square of size pixels."""
    sides = (min(1, aspect / MIN_SQUASHED_ASPECT), min(1, MAX_SQUASHED_ASPECT / aspect))
    wide, high = (max(1, round(size * side)) for side in sides)
    left, top = (size - wide) // 2, (size - high) // 2
    return left, top, left + wide, top + high


def _pad(image: Pixels, box: Box, size: int) -> Pixels:
    left, top, right, bottom = box
    inner = prepare(Image.fromarray(image), (right - left, bottom - top))
    return np.pad(inner, ((top, size - bottom), (left, size - right), (0, 0)), mode="edge")


def line_coverage(ends: Sequence[float], count: int, side: int) -> Matrix:
    """Return how much of each of side equal parts of a line is covered by each of count equal parts of a piece of it.

    The piece reaches from ends[0] to ends[1], in fractions of the line. The result is float32 (side, count), in
    fractions of a part of the line.
    """
    low, high = np.arange(side)[:, None] / side, (np.arange(side)[:, None] + 1) / side
    edges = ends[0] + np.arange(count + 1) / count * (ends[1] - ends[0])
    return (np.maximum(np.minimum(high, edges[1:]) - np.maximum(low, edges[:-1]), 0) * side).astype(np.float32)


def coverage_of_boxes(boxes: Matrix, side: int) -> Matrix:
    """Return how much of each cell of a grid lies in each box, (n, 4) in fractions: float32 (n, side, side)."""
    lines = [[line_coverage(box[axis::2], 1, side)[:, 0] for axis in (1, 0)] for box in np.asarray(boxes, np.float64)]
    return np.stack([np.outer(rows, columns) for rows, columns in lines])
