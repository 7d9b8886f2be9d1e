"""Prints for the chest of a T-shirt."""

import numpy as np
from curves import ellipse, half, symmetric
from palette import is_pale, tint
from raster import shape


def lay_print(scene, look, ink):
    """Print a figure on the chest and return its name."""
    y = look.between(205, 230)
    size = look.between(42, 58)
    other = tint(ink, 0.35) if not is_pale(ink) else tint(ink, -0.35)
    name = look.rng.choice(tuple(PRINTS))
    for outline, second in PRINTS[name](y, size):
        scene.paint(shape(outline) * 0.9, other if second else ink)
    return name


def _sunrise(y, size):
    sun = symmetric([(0, y - size), (size * 0.7, y - size * 0.7), (size, y, 0), (0, y, 0)])
    return [(sun, False)] + [(_bar(y + 6 + 9 * i, size * (1 - 0.14 * i), 2.4), True) for i in range(4)]


def _bar(y, half_width, half_height):
    return np.array(
        [
            (180 - half_width, y - half_height),
            (180 + half_width, y - half_height),
            (180 + half_width, y + half_height),
            (180 - half_width, y + half_height),
        ]
    )


def _peaks(y, size):
    low = y + size * 0.5
    far = half([(-size * 0.2, low, 0), (size * 0.5, y - size * 0.5, 0), (size * 1.2, low, 0)], closed=True)
    near = half([(-size * 1.2, low, 0), (-size * 0.3, y - size, 0), (size * 0.55, low, 0)], closed=True)
    return [(far, True), (near, False), (_bar(low + 8, size * 1.2, 2), False)]


def _star(y, size):
    turns = np.arange(10) * np.pi / 5 - np.pi / 2
    radii = np.where(np.arange(10) % 2 == 0, size, size * 0.42)[:, None]
    points = np.column_stack([np.cos(turns), np.sin(turns)]) * radii + (180, y)
    return [(ellipse(180, y, size * 1.15, size * 1.15), True), (points, False)]


def _wave(y, size):
    rows = []
    for i in range(4):
        level = y - size * 0.7 + i * size * 0.42
        ups = [(x * size * 0.5, level - (6 if x % 2 else -6)) for x in range(-2, 3)]
        downs = [(x, v + 8) for x, v in reversed(ups)]
        ends = [(*ups[0], 0), *ups[1:-1], (*ups[-1], 0), (*downs[0], 0), *downs[1:-1], (*downs[-1], 0)]
        rows.append((half(ends, closed=True), bool(i % 2)))
    return rows


def _ring(y, size):
    return [(ellipse(180, y, size * r, size * r), second) for r, second in ((1, False), (0.72, True), (0.44, False))]


def _leaf(y, size):
    blades = [((-0.62, 0.2), True), ((0.62, 0.2), True), ((0, -0.25), False)]
    return [
        (ellipse(180 + dx * size, y + dy * size, size * 0.3, size * 0.8, dx * 60), second)
        for (dx, dy), second in blades
    ]


PRINTS = {
    "Sunrise Print": _sunrise,
    "Mountain Print": _peaks,
    "Star Print": _star,
    "Wave Print": _wave,
    "Target Print": _ring,
    "Leaf Print": _leaf,
}
