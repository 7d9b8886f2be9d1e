"""Jackets: bomber, denim, quilted, blazer and leather."""

import numpy as np
from collars import lay_lapels, lay_leaf_collar, lay_stand_collar
from curves import arch, half, symmetric
from cut import Cut, lay_body, lay_inside, lay_sleeves
from look import words
from palette import COLOURS, tint
from patterns import field
from raster import line, shape
from scene import COLUMNS, ROWS, flat
from shirts import cuff, pocket
from winter import zip_line

STYLES = ("Bomber Jacket", "Denim Jacket", "Quilted Jacket", "Blazer Jacket", "Leather Jacket")


def jacket(scene, look):
    """Draw a jacket of one of five styles, each with its own collar, front and pockets."""
    style = look.pick(STYLES)
    cut = _jacket_cut(look, style)
    fabric = field(look.rng, look.colour, 0.07 if style == "Denim Jacket" else 0.03, 14, 18)
    gloss = {"Leather Jacket": 0.5, "Bomber Jacket": 0.16, "Quilted Jacket": 0.2}.get(style, 0.0)
    lay_inside(scene, cut, tint(look.partner(), -0.2))
    trim = look.partner() if style == "Bomber Jacket" else tint(look.colour, -0.15)
    for outline, edge in lay_sleeves(scene, look.rng, cut, fabric, look.between(268, 278), 12, 46, bow=3):
        scene.lay(shape(cuff(edge, 18, 0)), flat(trim), puff=4, relief=_ribs(style), drop=0.3)
        if style == "Quilted Jacket":
            _quilt(scene, shape(outline))
    body = lay_body(scene, look.rng, cut, fabric, 0.9, 13)
    if gloss:
        scene.glaze(body * np.clip(np.sin(COLUMNS / 33 + ROWS / 90), 0, 1) ** 6, gloss * 0.25)
    FRONTS[style](scene, look, cut, fabric, trim, body)
    return words(look.rng.choice(("", "Slim", "Classic", "Urban")), style)


def _jacket_cut(look, style):
    slim = look.female
    deep = 132 if style == "Blazer Jacket" else 34
    return Cut(
        top=64,
        neck=34,
        neck_depth=deep,
        vee=style == "Blazer Jacket",
        shoulder=86 if slim else 97,
        slope=22,
        chest=88 if slim else 101,
        waist=76 if slim else 94,
        hem=86 if slim else 97,
        bottom=look.between(396, 414) if style == "Blazer Jacket" else look.between(362, 388),
        sag=5,
    )


def _ribs(style):
    return np.sin(COLUMNS * 1.25) * 0.4 if style == "Bomber Jacket" else None


def _waistband(scene, cut, colour, relief, height=20):
    low = cut.bottom + cut.sag
    outline = symmetric(
        [
            (0, low - height),
            (cut.hem * 0.7, low - height),
            (cut.hem + 1, cut.bottom - height, 0),
            (cut.hem - 4, cut.bottom + 4, 0),
            (cut.hem * 0.6, low + 4),
            (0, low + 4),
        ]
    )
    scene.lay(shape(outline), flat(colour), puff=4, relief=relief, drop=0.3)


def _slant_pockets(scene, cut, y):
    for side in (-1, 1):
        points = half([(side * cut.hem * 0.72, y), (side * cut.hem * 0.5, y + 46)])
        scene.lay(line(points, 6), flat(np.full(3, 0.3)), puff=2, drop=0.3)
        scene.seam(points, 0.5, 1.6)


def _bomber(scene, look, cut, fabric, trim, body):
    _waistband(scene, cut, trim, _ribs("Bomber Jacket"))
    zip_line(scene, 180, cut.top + cut.neck_depth - 2, cut.bottom + 8)
    lay_stand_collar(scene, cut, trim, _ribs("Bomber Jacket"))
    _slant_pockets(scene, cut, cut.bottom - 92)


def _denim(scene, look, cut, fabric, trim, body):
    thread = COLOURS["Mustard"]
    yoke = cut.armpit - 6
    scene.seam(arch([(0, yoke + 4), (cut.chest - 6, yoke)]))
    scene.stitch(arch([(0, yoke + 8), (cut.chest - 6, yoke + 4)]), thread)
    for side in (-1, 1):
        for x in (0.24, 0.6):
            seam = half([(side * cut.chest * x, yoke + 3), (side * cut.hem * (x - 0.1), cut.bottom - 16)])
            scene.seam(seam)
            scene.stitch(seam + (3, 0), thread)
        pocket(scene, 180 + side * cut.chest * 0.5, yoke + 2, 19, fabric, flap=True)
    _waistband(scene, cut, look.colour * 0.92, None)
    scene.lay(shape(np.array([(171, 96), (189, 96), (189, cut.bottom + 6), (171, cut.bottom + 6)])), fabric, puff=2.5)
    for y in np.linspace(cut.top + cut.neck_depth + 12, cut.bottom - 2, 6):
        scene.button(180, y, 3.6, COLOURS["Copper"])
    lay_leaf_collar(scene, cut, fabric)


def _quilt(scene, mask):
    for y in range(90, 430, 27):
        groove = np.column_stack([np.arange(10, 351, 10.0), y + 3 * np.cos(np.arange(10, 351, 10.0) / 57 - np.pi)])
        scene.darken(line(groove, 2.2) * mask, 0.45)
        scene.darken(line(groove + (0, 4), 6) * mask, 0.12)
        scene.glaze(line(groove + (0, -9), 7) * mask, 0.10)


def _quilted(scene, look, cut, fabric, trim, body):
    _quilt(scene, body)
    _slant_pockets(scene, cut, cut.bottom - 96)
    zip_line(scene, 180, cut.top + cut.neck_depth - 6, cut.bottom + 5)
    lay_stand_collar(scene, cut, look.colour)


def _blazer(scene, look, cut, fabric, trim, body):
    low = cut.top + cut.neck_depth
    scene.seam(np.array([(180, low), (182, cut.bottom + 4)]), 0.5, 2)
    for y in (low + 12, low + 46):
        scene.button(176, y, 4.4, tint(look.colour, -0.5))
    for side in (-1, 1):
        flap = half(
            [(side * 26, low + 74, 0), (side * 76, low + 70, 0), (side * 77, low + 86, 0), (side * 26, low + 90, 0)],
            closed=True,
        )
        scene.lay(shape(flap), fabric, puff=2.5, drop=0.4)
    chest = half(
        [(34, cut.armpit + 12, 0), (66, cut.armpit + 6, 0), (66, cut.armpit + 15, 0), (34, cut.armpit + 21, 0)], True
    )
    scene.lay(shape(chest), fabric, puff=2, drop=0.4)
    lay_lapels(scene, cut, fabric)


def _leather(scene, look, cut, fabric, trim, body):
    points = half([(30, cut.top + 40), (16, cut.armpit + 40), (6, cut.bottom + 4)])
    scene.darken(line(points, 8), 0.4)
    scene.stitch(points, COLOURS["Silver"], 3.2, 1.3, 1.3)
    _slant_pockets(scene, cut, cut.bottom - 96)
    _waistband(scene, cut, look.colour * 0.9, None, 14)
    lay_leaf_collar(scene, cut, fabric)


FRONTS = {
    "Bomber Jacket": _bomber,
    "Denim Jacket": _denim,
    "Quilted Jacket": _quilted,
    "Blazer Jacket": _blazer,
    "Leather Jacket": _leather,
}
