"""Backpacks."""

import numpy as np
from bag_parts import lay_handle
from curves import arch, ellipse, half, rectangle, symmetric
from cut import drape
from look import words
from palette import COLOURS, tint
from raster import line, shape
from scene import flat


def backpack(scene, look):
    """Draw a backpack: rounded, roll-top, flap or sports, with pockets, zips and straps."""
    style = look.pick(("Classic", "Flap", "Sports", "Mini"))
    fabric, word = look.fabric(("solid", "melange", "camouflage", "dots", "solid", "floral", "stripes"))
    accent = look.partner()
    top, wide = look.between(66, 84), {"Mini": 100, "Sports": 112}.get(style, look.between(104, 116))
    scene.stand(184, 430, wide, 8, 0.55)
    for side in (-1, 1):
        strap = half(
            [(side * 46, top + 22), (side * (wide + 12), 150), (side * (wide + 19), 270), (side * (wide - 4), 372)]
        )
        scene.lay(line(strap, 17), flat(tint(look.colour, -0.3)), puff=5, drop=0.2)
    lay_handle(
        scene, [(150, top + 10), (156, top - 16), (180, top - 24), (204, top - 16), (210, top + 10)], 9, accent * 0.8
    )
    outline = symmetric(
        [(0, top), (56, top + 5), (wide - 10, top + 56), (wide, 220), (wide + 4, 380), (wide - 12, 426), (0, 432)]
    )
    mask = shape(outline)
    scene.lay(mask, fabric, puff=16, relief=drape(look.rng, 0.9), drop=0.3)
    front = tint(look.colour, -0.14) if look.chance(0.5) else accent
    _pack_front(scene, look, style, fabric, front, top, wide, mask)
    for side in (-1, 1):
        net = half(
            [
                (side * (wide - 16), 336, 0),
                (side * (wide + 12), 318, 0),
                (side * (wide + 10), 420),
                (side * (wide - 14), 424, 0),
            ],
            True,
        )
        scene.lay(shape(net), flat(tint(look.colour, -0.35)), puff=4, drop=0.3)
    return words(word, style, "Backpack")


def _zip(scene, points, colour):
    scene.darken(line(points, 6), 0.45)
    scene.stitch(points, colour, 2.6, 1.5, 1.5)
    end = points[-1]
    scene.lay(shape(ellipse(end[0], end[1] + 10, 3.4, 11)), flat(colour), puff=1.6, drop=0.5)


def _pack_front(scene, look, style, fabric, front, top, wide, mask):
    silver = COLOURS["Silver"]
    if style == "Flap":
        flap = symmetric(
            [(0, top - 2), (58, top + 3), (wide - 6, top + 56), (wide + 1, 196), (wide - 10, 236), (0, 246)]
        )
        scene.lay(shape(flap), flat(front), puff=9, drop=0.55)
        for x in (132, 228):
            scene.lay(line(np.array([(x, 196), (x, 322)]), 13), flat(COLOURS["Tan"] * 0.8), puff=3, drop=0.45)
            buckle = rectangle(x, 280, 12, 10, 3)
            scene.lay(line(np.vstack([buckle, buckle[:1]]), 3.6), flat(COLOURS["Gold"]), puff=1.6, drop=0.5)
    else:
        _zip(scene, arch([(0, top + 34), (50, top + 42), (wide - 22, top + 98), (wide - 18, 232)]), silver)
    low = 286 if style != "Mini" else 300
    pocket = symmetric(
        [(0, low), (wide * 0.6, low + 3), (wide - 24, low + 22), (wide - 22, 400), (wide - 36, 416), (0, 418)]
    )
    scene.lay(shape(pocket), flat(front) if style != "Flap" else fabric, puff=9, drop=0.45)
    _zip(scene, arch([(0, low + 16), (wide * 0.55, low + 19), (wide - 34, low + 34)]), silver)
    if style == "Sports":
        for side in (-1, 1):
            flash = half(
                [(side * (wide - 4), 130, 0), (side * (wide + 6), 250, 0), (side * 30, 270, 0), (side * 22, 258, 0)],
                True,
            )
            scene.lay(shape(flash) * mask, flat(look.partner()), puff=3, drop=0.3)
    scene.lay(
        shape(rectangle(180, 200 if style != "Flap" else 150, 17, 10, 3)), flat(tint(front, 0.4)), puff=2, drop=0.35
    )
