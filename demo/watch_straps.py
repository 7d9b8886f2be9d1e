"""The straps of watches: leather, steel, mesh and rubber."""

import numpy as np
from curves import ellipse, half, rectangle
from palette import is_pale, tint
from patterns import field
from raster import line, shape
from scene import ROWS, flat

X = 180


Y = 240


def lay_strap(scene, look, kind, metal, radius):
    """Lay both halves of a strap of a kind, for a case of a radius in pixels."""
    wide = radius * (0.5 if kind != "Rubber" else 0.62)
    tip = wide * 0.8
    for way in (-1, 1):
        end = Y + way * 222
        _STRAPS[kind](scene, look, shape(_strap_outline(way, wide, tip, end, radius)), metal, wide, tip, way)


def _strap_outline(way, wide, tip, end, radius):
    right = half(
        [(wide, Y + way * 20, 0), (wide, Y + way * (radius + 12)), (tip, end - way * 6, 0), (tip * 0.7, end, 0)]
    )
    left = 2 * np.array([X, 0]) + right[::-1] * (-1, 1)
    return np.vstack([right, left])


def _leather_strap(scene, look, mask, metal, wide, tip, way):
    scene.lay(mask, field(look.rng, look.colour, 0.022, 60, 90), puff=6, drop=0, gloss=0.12)
    for side in (-1, 1):
        seam = half(
            [(side * (wide - 5), Y + way * 60), (side * (wide - 6), Y + way * 110), (side * (tip - 5), Y + way * 212)]
        )
        scene.stitch(seam, tint(look.colour, -0.4 if is_pale(look.colour) else 0.5), 1.3, 4, 2.5)
    if way > 0:
        for i in range(4):
            scene.darken(shape(ellipse(X, Y + 150 + 17 * i, 2.6, 3.4)), 0.8)
    else:
        scene.lay(shape(rectangle(X, Y - 176, wide + 3, 6, 3)), flat(look.colour * 0.85), puff=3, drop=0.4)


def _metal_strap(scene, look, mask, metal, wide, tip, way):
    links = np.sin((ROWS - Y) * 2 * np.pi / 15)
    scene.lay(mask, flat(metal), puff=6, relief=links * 1.1, drop=0, gloss=0.4)
    for row in range(60, 222, 15):
        scene.darken(line(half([(-wide, Y + way * row), (wide, Y + way * row)]), 1.5) * mask, 0.55)
    for side in (-0.36, 0.36):
        scene.darken(line(half([(side * wide, Y + way * 40), (side * tip, Y + way * 222)]), 1.5) * mask, 0.45)


def _mesh_strap(scene, look, mask, metal, wide, tip, way):
    weave = np.sin(ROWS * 1.5) * 0.5
    scene.lay(mask, flat(metal), puff=5, relief=weave, drop=0, gloss=0.25)


def _rubber_strap(scene, look, mask, metal, wide, tip, way):
    scene.lay(mask, flat(look.colour), puff=8, drop=0)
    for i in range(3):
        y = Y + way * (126 + 26 * i)
        scene.darken(shape(rectangle(X, y, wide * 0.42, 5, 4)), 0.45)
    for side in (-1, 1):
        scene.seam(half([(side * wide * 0.66, Y + way * 80), (side * tip * 0.66, Y + way * 218)]), 0.4, 2)


_STRAPS = {"Leather": _leather_strap, "Steel": _metal_strap, "Mesh": _mesh_strap, "Rubber": _rubber_strap}
