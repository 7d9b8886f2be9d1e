"""Caps in side view, brim to the left."""

import numpy as np
from curves import curve, ellipse
from cut import drape
from look import words
from palette import tint
from raster import line, shape
from scene import COLUMNS, ROWS, flat


def cap(scene, look):
    """Draw a baseball, trucker or flat-brimmed cap in side view, brim to the left."""
    style = look.pick(("Baseball", "Trucker", "Snapback"))
    fabric, word = look.fabric(("solid", "solid", "wash", "camouflage", "checks", "dots"))
    accent = look.partner()
    brim = accent if look.chance(0.45) else look.colour * 0.9
    scene.stand(180, 322, 140, 8, 0.4)
    high = {"Snapback": 146, "Trucker": 150}.get(style, 158)
    dome = curve(
        [
            (112, 302, 0),
            (106, 240),
            (122, high + 40),
            (172, high),
            (244, high + 4),
            (304, high + 52),
            (324, 256),
            (318, 300, 0),
            (280, 316),
            (200, 318),
        ],
        True,
    )
    mask = shape(dome)
    scene.lay(mask, fabric, puff=18, relief=drape(look.rng, 0.7), drop=0)
    if style == "Trucker":
        back = curve([(196, high - 6, 0), (216, 230), (206, 324, 0), (340, 324, 0), (340, high, 0)], True)
        mesh = np.sin(COLUMNS * 1.3) * np.sin(ROWS * 1.3)
        scene.lay(shape(back) * mask, flat(accent), puff=10, relief=mesh * 0.8, drop=0)
    _panels(scene, look, mask, high)
    badge = look.pick(("round", "bars", "none", "star"))
    _badge(scene, badge, accent, mask)
    _brim(scene, look, style, brim)
    scene.lay(shape(ellipse(206, high - 2, 9, 5)), flat(brim), puff=3, drop=0.3)
    return words(word, style, "Cap")


def _panels(scene, look, mask, high):
    for points in (
        [(206, high), (150, 200), (138, 312)],
        [(206, high), (224, 210), (216, 318)],
        [(206, high), (280, 200), (300, 312)],
    ):
        edge = curve(points)
        scene.seam(edge, 0.3)
        scene.stitch(edge + (4, 0), tint(look.colour, -0.3), 0.8)
    for x, y in ((176, 188), (256, 186)):
        scene.darken(shape(ellipse(x, y, 3.2, 3.4)) * mask, 0.7)
    scene.seam(curve([(112, 288), (190, 304), (280, 302), (320, 288)]), 0.22)


def _badge(scene, kind, accent, mask):
    x, y = 158, 238
    if kind == "round":
        scene.lay(shape(ellipse(x, y, 17, 22)) * mask, flat(accent), puff=3, drop=0.4)
        scene.lay(shape(ellipse(x, y, 9, 12)), flat(np.full(3, 0.94)), puff=2, drop=0.2)
    elif kind == "bars":
        for i in range(3):
            scene.lay(
                line(np.array([(x - 14 + 9 * i, y + 14), (x - 4 + 9 * i, y - 16)]), 6), flat(accent), puff=2, drop=0.3
            )
    elif kind == "star":
        turns = np.arange(10) * np.pi / 5 - np.pi / 2
        radii = np.where(np.arange(10) % 2 == 0, 22, 9)[:, None]
        points = np.column_stack([np.cos(turns) * 0.82, np.sin(turns)]) * radii + (x, y)
        scene.lay(shape(points), flat(accent), puff=2, drop=0.35)


def _brim(scene, look, style, colour):
    drop = 6 if style == "Snapback" else look.between(18, 28)
    under = curve(
        [(112, 300, 0), (60, 302), (18, 308 + drop), (26, 318 + drop), (80, 322), (160, 328), (214, 318, 0)], True
    )
    scene.lay(shape(under), flat(colour * 0.5), puff=4, drop=0.3)
    brim = curve(
        [
            (108, 288, 0),
            (60, 290),
            (14, 306 + drop),
            (20, 314 + drop),
            (90, 310),
            (160, 316),
            (214, 318, 0),
            (160, 300),
        ],
        True,
    )
    mask = shape(brim)
    scene.lay(mask, flat(colour), puff=7, drop=0.35)
    for i in range(4):
        row = curve([(104 + 6 * i, 292 + 4 * i), (60 + 4 * i, 296 + 3 * i), (24 + 6 * i, 310 + drop - i)])
        scene.stitch(row, tint(colour, -0.3), 0.8)
