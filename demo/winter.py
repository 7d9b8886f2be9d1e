"""Sweaters, sweatshirts and jackets."""

import numpy as np
from curves import arch, ellipse, flip, half, symmetric
from cut import Cut, lay_band, lay_body, lay_inside, lay_neckband, lay_sleeves
from look import words
from palette import COLOURS, tint
from patterns import blocks
from raster import dashes, line, shape
from scene import COLUMNS, flat
from shirts import cuff


def _winter_cut(look, depth, vee=False):
    slim = look.female
    return Cut(
        top=66,
        neck=36,
        neck_depth=depth,
        vee=vee,
        shoulder=86 if slim else 96,
        slope=26,
        chest=88 if slim else 101,
        waist=look.between(80, 86) if slim else look.between(96, 102),
        hem=82 if slim else 92,
        bottom=look.between(372, 402),
        sag=5,
    )


def _rib(scene, cut, colour, height):
    low = cut.bottom + cut.sag
    outline = symmetric(
        [
            (0, low - height),
            (cut.hem * 0.7, low - height),
            (cut.hem + 3, cut.bottom - height + 1, 0),
            (cut.hem - 3, cut.bottom + 5, 0),
            (cut.hem * 0.6, low + 6),
            (0, low + 6),
        ]
    )
    scene.lay(shape(outline), flat(colour), puff=4, relief=np.sin(COLUMNS * 1.25) * 0.35, drop=0.2)


def _ribbed_sleeves(scene, look, cut, fabric, colour, length=268, rib=22):
    for _, edge in lay_sleeves(scene, look.rng, cut, fabric, length, 12, 46, bow=3):
        scene.lay(shape(cuff(edge, rib, -3)), flat(colour), puff=4, relief=np.sin(COLUMNS * 1.25) * 0.35, drop=0.25)


def sweater(scene, look):
    """Draw a sweater: crew, V or turtle neck, with cables, zigzags, stripes or chest blocks."""
    neck = look.pick(("Crew Neck", "V Neck", "Turtle Neck", "Cardigan"))
    cut = _winter_cut(
        look, {"V Neck": 84, "Turtle Neck": 18, "Cardigan": 120}.get(neck, 27), neck in ("V Neck", "Cardigan")
    )
    style = look.pick(("cable", "zigzag", "plain", "block", "stripes"))
    accent = look.partner()
    kinds = {"zigzag": ("zigzag",), "stripes": ("bold stripes", "twin stripes")}.get(style, ("melange", "solid"))
    fabric, word = look.fabric(kinds)
    if style == "block":
        fabric, word = blocks(look.colour, [(218, accent), (258, look.partner())]), "Colourblock"
    lay_inside(scene, cut, look.colour)
    band = tint(look.colour, -0.08)
    _ribbed_sleeves(scene, look, cut, fabric, band)
    body = lay_body(scene, look.rng, cut, fabric, 0.8, 14)
    if style == "cable":
        _cables(scene, cut, body)
        word = "Cable Knit"
    _rib(scene, cut, band, 24)
    if neck == "Turtle Neck":
        _turtle(scene, cut, band)
    else:
        lay_neckband(scene, cut, band, 9)
    if neck == "Cardigan":
        _button_front(scene, cut, band, look.colour)
    return words(word, neck, "" if neck == "Cardigan" else "Sweater")


def _cables(scene, cut, body):
    for centre in (-0.55, 0.0, 0.55):
        ys = np.arange(cut.top, cut.bottom - 15, 2.0)
        for phase in (0, np.pi):
            xs = 180 + centre * cut.chest + 7 * np.sin(ys / 11 + phase)
            points = np.column_stack([xs, ys])
            scene.darken(line(points + (1.4, 0.8), 3.2) * body, 0.22)
            scene.glaze(line(points, 2.4) * body, 0.14)
        for side in (-13, 13):
            scene.darken(line(np.column_stack([180 + centre * cut.chest + side + ys * 0, ys]), 1.5) * body, 0.18)


def _turtle(scene, cut, colour):
    top, neck = cut.top, cut.neck
    outline = symmetric(
        [
            (0, top - 24),
            (neck * 0.7, top - 26),
            (neck - 2, top - 20),
            (neck + 3, top + 6, 0),
            (neck * 0.7, top + 22),
            (0, top + 26),
        ]
    )
    scene.lay(shape(outline), flat(colour), puff=7, relief=np.sin(COLUMNS * 1.25) * 0.3, drop=0.5)
    scene.seam(arch([(0, top - 8), (neck * 0.7, top - 11), (neck, top - 16)]), 0.25)


def _button_front(scene, cut, colour, base):
    low = cut.top + cut.neck_depth
    lay_band(scene, np.array([(180, low - 2), (180, cut.bottom + 9)]), 15, flat(colour))
    for y in np.linspace(low + 12, cut.bottom - 4, 5):
        scene.button(180, y, 4.2, tint(base, -0.5))


def sweatshirt(scene, look):
    """Draw a sweatshirt: hooded with a pouch pocket and cords, or crew necked, zipped or not."""
    hooded = look.pick((True, True, False))
    cut = _winter_cut(look, 40 if hooded else 26, hooded)
    accent = look.partner()
    raglan = look.chance(0.3)
    fabric, word = look.fabric(("melange", "solid", "camouflage") if look.chance(0.5) else ("solid",))
    lay_inside(scene, cut, look.colour)
    if hooded:
        _hood_back(scene, cut, look.colour)
    _ribbed_sleeves(scene, look, cut, flat(accent) if raglan else fabric, tint(look.colour, -0.1))
    lay_body(scene, look.rng, cut, fabric, 0.9, 14)
    _rib(scene, cut, tint(look.colour, -0.1), 22)
    zipped = hooded and look.chance(0.45)
    if zipped:
        zip_line(scene, 180, cut.top + cut.neck_depth, cut.bottom + 9)
    if hooded:
        _pouch(scene, cut, fabric, zipped)
        _hood_front(scene, cut, look.colour, accent)
    else:
        lay_neckband(scene, cut, tint(look.colour, -0.1), 9)
        scene.paint(shape(ellipse(180, 225, 34, 34)) - shape(ellipse(180, 225, 26, 26)), accent)
    return words(
        word, "Colourblock" if raglan else "", "Zip" if zipped else "", "Hooded" if hooded else "", "Sweatshirt"
    )


def _hood_back(scene, cut, colour):
    top = cut.top
    outline = symmetric([(0, top - 40), (34, top - 34), (56, top - 2), (50, top + 22, 0), (0, top + 34)])
    scene.lay(shape(outline), flat(colour), puff=9, drop=0)
    hole = symmetric([(0, top - 22), (24, top - 18), (36, top + 4), (24, top + 30), (0, top + 40)])
    scene.lay(shape(hole), flat(colour * 0.55), puff=6, drop=0)


def _hood_front(scene, cut, colour, accent):
    top, low = cut.top, cut.top + cut.neck_depth
    wing = half(
        [
            (2, low + 10, 0),
            (22, top + 18),
            (36, top - 16, 0),
            (54, top - 8),
            (58, top + 18),
            (36, low + 12),
            (10, low + 18),
        ],
        closed=True,
    )
    for outline, side in ((wing, 1), (flip(wing), -1)):
        scene.lay(shape(outline), flat(colour), puff=6, drop=0.5)
        cord = half([(side * 13, low + 8), (side * 15, low + 40), (side * 13, low + 74)])
        scene.lay(line(cord, 3.4), flat(accent), puff=1.6, drop=0.5)


def _pouch(scene, cut, fabric, split):
    low = cut.bottom - 22
    outline = symmetric([(0, low - 74, 0), (40, low - 74, 0), (64, low - 26, 0), (64, low, 0), (0, low, 0)])
    scene.lay(shape(outline), fabric, puff=5, drop=0.4, lift=0.8)
    for points in (half([(40, low - 74), (64, low - 26)]), half([(-40, low - 74), (-64, low - 26)])):
        scene.seam(points, 0.4, 2)
    if split:
        zip_line(scene, 180, low - 76, low + 2)


def zip_line(scene, x, start, end):
    """Set a metal zip upright at x from start to end, with its puller at the top."""
    points = np.array([(x, start), (x, end)])
    scene.darken(line(points, 7), 0.4)
    scene.paint(line(points, 3.2), COLOURS["Steel"] * 0.8)
    scene.paint(dashes(points, 3.2, 1.3, 1.3), COLOURS["Silver"])
    scene.lay(shape(ellipse(x, start + 10, 3, 8)), flat(COLOURS["Silver"]), puff=1.5, drop=0.5)
