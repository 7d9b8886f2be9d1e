"""Smooth outlines from a few hand-placed points, in pixels of a 360 x 480 picture."""

from math import cos, pi, sin

import numpy as np

CENTRE = 180.0
STEPS = np.linspace(0.0, 1.0, 13)[:-1, None]


def _tangents(points, corner, closed):
    before, after = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0)
    if not closed:
        before[0], after[-1] = points[0], points[-1]
    direction = after - before
    direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-9)
    direction[corner] = 0.0
    return direction


def curve(points, closed=False):
    """Return a spline (N, 2) through (x, y) points; (x, y, 0) marks a sharp corner."""
    corner = np.array([len(point) == 3 for point in points])
    knots = np.array([point[:2] for point in points], dtype=float)
    tangents = _tangents(knots, corner, closed)
    count = len(knots) if closed else len(knots) - 1
    pieces = []
    for i in range(count):
        j = (i + 1) % len(knots)
        start, end = knots[i], knots[j]
        reach = np.linalg.norm(end - start) / 3.0
        # A corner has no tangent of its own, so its handle leans a third of the way to the far end.
        out = start + tangents[i] * reach if not corner[i] else start + (end - start) / 3.0
        back = end - tangents[j] * reach if not corner[j] else end + (start - end) / 3.0
        t, s = STEPS, 1.0 - STEPS
        pieces.append(s**3 * start + 3 * s**2 * t * out + 3 * s * t**2 * back + t**3 * end)
    if not closed:
        pieces.append(knots[-1:])
    return np.concatenate(pieces)


def flip(outline):
    """Return an outline (N, 2) mirrored left to right about the picture's middle."""
    return np.column_stack([2 * CENTRE - outline[:, 0], outline[:, 1]])


def half(points, closed=False):
    """Return the spline (N, 2) through points whose x counts from the picture's middle."""
    return curve([(CENTRE + point[0], *point[1:]) for point in points], closed)


def _other_side(points):
    return [(-point[0], *point[1:]) for point in reversed(points) if point[0]]


def symmetric(points):
    """Return a closed outline (N, 2) from its right half, given from the middle's top to its bottom."""
    return half(list(points) + _other_side(points), closed=True)


def arch(points):
    """Return an open curve (N, 2), left end to right end, from its right half given from the middle."""
    return half(_other_side(points) + list(points))


def ellipse(x, y, rx, ry, turn=0.0):
    """Return an ellipse (64, 2) about (x, y) with its radii in pixels, turned by degrees."""
    t = np.linspace(0.0, 2 * pi, 65)[:-1]
    return rotate(np.column_stack([x + rx * np.cos(t), y + ry * np.sin(t)]), turn, (x, y))


def rotate(outline, degrees, about):
    """Return an outline (N, 2) turned clockwise by degrees about a point."""
    c, s = cos(degrees * pi / 180), sin(degrees * pi / 180)
    return (outline - about) @ np.array([[c, s], [-s, c]]) + about


def rectangle(x, y, rx, ry, rounding=0.0):
    """Return a rectangle (N, 2) about (x, y) with half sizes rx, ry and rounded corners."""
    if rounding <= 0:
        return np.array([(x - rx, y - ry), (x + rx, y - ry), (x + rx, y + ry), (x - rx, y + ry)])
    t = np.linspace(0.0, 2 * pi, 49)[:-1] + pi / 48
    cx = x + np.sign(np.cos(t)) * (rx - rounding)
    cy = y + np.sign(np.sin(t)) * (ry - rounding)
    return np.column_stack([cx + rounding * np.cos(t), cy + rounding * np.sin(t)])
