"""Earrings, a pair seen from the front."""

import numpy as np
from curves import curve, ellipse, rectangle, rotate
from look import words
from palette import COLOURS, tint
from raster import blur, line, shape
from scene import flat

STYLES = ("Hoop", "Drop", "Chandelier", "Stud", "Tassel", "Jhumka")


def earrings(scene, look):
    """Draw a pair of earrings: hoops, drops, chandeliers, studs, tassels or bells."""
    style = look.pick(STYLES)
    metal = look.colour
    gem = look.pick([COLOURS[name] for name in ("Teal", "Red", "Navy Blue", "White", "Green", "Pink", "Purple")])
    size = look.between(0.86, 1.12)
    for x in (104, 256):
        DRAWERS[style](scene, look, x, metal, gem, size)
    return words(style, "Earrings")


def _ball(scene, x, y, radius, colour):
    scene.lay(shape(ellipse(x, y, radius, radius)), flat(colour), puff=radius * 0.5, drop=0.35, gloss=0.4)
    scene.glaze(blur(shape(ellipse(x - radius * 0.3, y - radius * 0.35, radius * 0.26, radius * 0.22)), 1), 0.85)


def _wire(scene, points, width, colour):
    scene.lay(line(curve(points), width), flat(colour), puff=max(1.2, width * 0.3), drop=0.3, gloss=0.45)


def _stone(scene, x, y, rx, ry, colour, metal):
    scene.lay(shape(ellipse(x, y, rx + 4, ry + 4)), flat(metal), puff=2.5, drop=0.45, gloss=0.45)
    scene.lay(shape(ellipse(x, y, rx, ry)), flat(colour), puff=rx * 0.4, drop=0.2, gloss=0.35)
    table = ellipse(x, y, rx * 0.55, ry * 0.55)[::8]
    scene.paint(shape(table) * 0.5, tint(colour, 0.45))
    for i in range(8):
        rim = np.array([table[i], ellipse(x, y, rx, ry)[::8][i]])
        scene.glaze(line(rim, 0.9), 0.35)
    scene.glaze(blur(shape(ellipse(x - rx * 0.35, y - ry * 0.4, rx * 0.2, ry * 0.16)), 1), 0.9)


def _hook(scene, x, y, metal):
    _wire(
        scene, [(x + 12, y + 34), (x + 16, y + 6), (x + 4, y - 10), (x - 8, y + 2), (x, y + 26), (x, y + 40)], 3, metal
    )


def _hoop(scene, look, x, metal, gem, size):
    rx, ry = 54 * size, 74 * size
    thick = look.pick((6, 12, 9))
    ring = ellipse(x, 240, rx, ry)
    scene.lay(line(np.vstack([ring, ring[:2]]), thick), flat(metal), puff=thick * 0.35, drop=0.3, gloss=0.5)
    _ball(scene, x, 240 - ry, thick * 0.8, metal)
    if look.pick((True, False)):
        for turn in range(-2, 3):
            px, py = rotate(np.array([(x, 240 + ry)]), turn * 22, (x, 240))[0]
            _ball(scene, x + (px - x) * rx / ry, py + 8, 7, gem)


def _drop(scene, look, x, metal, gem, size):
    _hook(scene, x, 108, metal)
    _ball(scene, x, 158, 9 * size, metal)
    _wire(scene, [(x, 166), (x, 200)], 2.6, metal)
    pear = curve(
        [
            (x, 194, 0),
            (x + 20 * size, 240),
            (x + 30 * size, 284),
            (x, 318 * 0.5 + 159 * size),
            (x - 30 * size, 284),
            (x - 20 * size, 240),
        ],
        True,
    )
    scene.lay(shape((pear - (x, 265)) * 1.14 + (x, 265)), flat(metal), puff=3, drop=0.4, gloss=0.45)
    scene.lay(shape(pear), flat(gem), puff=10, drop=0.2, gloss=0.4)
    scene.glaze(blur(shape(ellipse(x - 10, 258, 5, 22, 12)), 3), 0.6)


def _chandelier(scene, look, x, metal, gem, size):
    _hook(scene, x, 84, metal)
    _stone(scene, x, 144, 15, 15, gem, metal)
    fan = curve([(x - 12, 168, 0), (x + 12, 168, 0), (x + 52 * size, 246), (x, 262), (x - 52 * size, 246)], True)
    scene.lay(line(np.vstack([fan, fan[:1]]), 5), flat(metal), puff=2, drop=0.4, gloss=0.5)
    _stone(scene, x, 218, 12, 16, gem, metal)
    for i in range(-2, 3):
        px, py = x + i * 22 * size, 254 - abs(i) * 3
        _wire(scene, [(px, py), (px, py + 34)], 2.2, metal)
        _stone(scene, px, py + 46 + (2 - abs(i)) * 9, 7, 11, gem, metal)


def _stud(scene, look, x, metal, gem, size):
    petals = look.pick((6, 8, 5))
    for i in range(petals):
        petal = rotate(ellipse(x, 240 - 32 * size, 15 * size, 24 * size), 360 * i / petals, (x, 240))
        scene.lay(shape(petal), flat(metal), puff=6, drop=0.35, gloss=0.4)
    _stone(scene, x, 240, 20 * size, 20 * size, gem, metal)


def _tassel(scene, look, x, metal, gem, size):
    _hook(scene, x, 92, metal)
    _ball(scene, x, 148, 14 * size, gem)
    scene.lay(shape(rectangle(x, 178, 13, 17, 5)), flat(metal), puff=4, drop=0.4, gloss=0.45)
    for i in range(-5, 6):
        thread = curve([(x + i * 2, 192), (x + i * 3.6 * size, 270), (x + i * 4.4 * size, 360 * size**0.3 - abs(i))])
        scene.lay(line(thread, 5.6), flat(gem), puff=2, drop=0.25)


def _jhumka(scene, look, x, metal, gem, size):
    _stone(scene, x, 130, 22 * size, 22 * size, gem, metal)
    _wire(scene, [(x, 152), (x, 186)], 4, metal)
    w = 52 * size
    bell = curve([(x, 180), (x + w * 0.6, 200), (x + w, 272, 0), (x, 284), (x - w, 272, 0), (x - w * 0.6, 200)], True)
    scene.lay(shape(bell), flat(metal), puff=14, drop=0.4, gloss=0.4)
    for dy, count in ((226, 5), (252, 7)):
        for i in range(count):
            t = (i - (count - 1) / 2) / count * 1.7
            _ball(scene, x + t * w * (0.72 if dy < 240 else 0.9), dy + (1 - t * t) * 5, 3.6, gem)
    for i in range(-4, 5):
        _ball(scene, x + i * w * 0.23, 290 - abs(i) * 2.2, 6, metal if i % 2 else gem)


DRAWERS = {"Hoop": _hoop, "Drop": _drop, "Chandelier": _chandelier, "Stud": _stud, "Tassel": _tassel, "Jhumka": _jhumka}
