"""Coverage masks and smooth fields, each an array (480, 360); masks hold 0..1."""

import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 360, 480
OVERSAMPLING = 4


def _paste(outline, margin, draw):
    low = np.clip(np.floor(outline.min(axis=0)) - margin, 0, (WIDTH - 1, HEIGHT - 1)).astype(int)
    high = np.clip(np.ceil(outline.max(axis=0)) + margin, low + 1, (WIDTH, HEIGHT)).astype(int)
    size = tuple(int(v) for v in (high - low) * OVERSAMPLING)
    image = Image.new("L", size)
    draw(ImageDraw.Draw(image), [tuple(p) for p in (outline - low) * OVERSAMPLING])
    mask = np.zeros((HEIGHT, WIDTH))
    mask[low[1] : high[1], low[0] : high[0]] = np.asarray(image.reduce(OVERSAMPLING)) / 255.0
    return mask


def shape(outline):
    """Return the mask of a closed outline (N, 2)."""
    return _paste(outline, 1, lambda pen, points: pen.polygon(points, fill=255))


def line(points, width):
    """Return the mask of a round-jointed line (N, 2) of a width in pixels."""
    thick = max(1, round(width * OVERSAMPLING))

    def draw(pen, dots):
        pen.line(dots, fill=255, width=thick, joint="curve")

    return _paste(points, int(width) + 2, draw)


def dashes(points, width, dash=3.0, gap=2.0):
    """Return the mask of a dashed line (N, 2); dash and gap in pixels."""
    steps = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    thick = max(1, round(width * OVERSAMPLING))

    def draw(pen, dots):
        flat = np.array(dots)
        for start in np.arange(0.0, steps[-1], dash + gap):
            at = np.linspace(start, min(start + dash, steps[-1]), 3)
            xs, ys = np.interp(at, steps, flat[:, 0]), np.interp(at, steps, flat[:, 1])
            pen.line(list(zip(xs, ys)), fill=255, width=thick)

    return _paste(points, int(width) + 2, draw)


def _box(field, radius, axis):
    pad = [(0, 0), (0, 0)]
    pad[axis] = (radius + 1, radius)
    total = np.cumsum(np.pad(field, pad), axis=axis)
    size = field.shape[axis]
    upper = np.take(total, range(2 * radius + 1, 2 * radius + 1 + size), axis=axis)
    lower = np.take(total, range(size), axis=axis)
    return (upper - lower) / (2 * radius + 1)


def blur(field, radius):
    """Return a field (h, w) softened by about radius pixels (three box blurs, close to Gaussian)."""
    radius = max(1, round(radius))
    for _ in range(3):
        field = _box(_box(field, radius, 0), radius, 1)
    return field


def noise(rng, columns, rows):
    """Return a smooth random field (480, 360) of about unit size, with columns x rows bumps."""
    grid = [[rng.gauss(0.0, 1.0) for _ in range(columns)] for _ in range(rows)]
    image = Image.fromarray(np.array(grid, dtype=np.float32))
    return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), dtype=float)


def bounds(mask, pad):
    """Return the slices (rows, columns) around what a mask covers, widened by pad pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return slice(0, 1), slice(0, 1)
    return (
        slice(max(rows[0] - pad, 0), min(rows[-1] + pad + 1, HEIGHT)),
        slice(max(columns[0] - pad, 0), min(columns[-1] + pad + 1, WIDTH)),
    )
