"""T-shirts and polo shirts."""

import numpy as np
from curves import flip, half, symmetric
from cut import Cut, cuff_seam, hem, lay_body, lay_inside, lay_neckband, lay_sleeves
from look import words
from palette import is_pale, tint
from prints import lay_print
from raster import shape
from scene import flat

TEE_PATTERNS = ("solid", "stripes", "melange", "twin stripes", "bold stripes", "solid")


def _tee_cut(look, vee, depth):
    slim = look.female
    return Cut(
        top=54 if not look.child else 76,
        neck=look.between(39, 46) + (3 if slim else 0),
        neck_depth=depth,
        vee=vee,
        shoulder=92 if slim else 106,
        chest=94 if slim else 112,
        waist=look.between(80, 88) if slim else look.between(104, 111),
        hem=look.between(92, 102) if slim else look.between(108, 115),
        bottom=look.between(410, 436) - (24 if look.child else 0),
        armpit=168 if slim else 176,
    )


def tshirt(scene, look):
    """Draw a T-shirt: crew, V, scoop, henley or polo neck, with stripes, a print, raglan or blocks."""
    neck = look.pick(("Crew Neck", "Polo", "V Neck", "Round Neck", "Henley", "Crew Neck", "Polo"))
    depth = {"V Neck": 66, "Round Neck": 48}.get(neck, look.between(26, 33))
    cut = _tee_cut(look, neck == "V Neck", depth)
    accent = look.partner()
    style = look.pick(("print", "plain", "sleeves", "print", "plain"))
    fabric, word = look.fabric(("solid", "melange") if style != "plain" else TEE_PATTERNS)
    lay_inside(scene, cut, look.colour)
    sleeve_fabric = flat(accent) if style == "sleeves" else fabric
    long_sleeved = look.chance(0.16)
    length, angle, cuff = (285, 10, 40) if long_sleeved else (look.between(88, 118), look.between(22, 28), 70)
    sleeves = lay_sleeves(scene, look.rng, cut, sleeve_fabric, length, angle, cuff)
    for _, edge in sleeves:
        cuff_seam(scene, edge, 6)
    lay_body(scene, look.rng, cut, fabric)
    hem(scene, cut)
    band = accent if style == "sleeves" or look.chance(0.25) else tint(look.colour, -0.12)
    _finish_neck(scene, look, cut, neck, band)
    if style == "print":
        word = words(lay_print(scene, look, accent), word)
    return words(
        word, "Colourblock" if style == "sleeves" else "", neck, "Long Sleeve" if long_sleeved else "", "T-shirt"
    )


def _finish_neck(scene, look, cut, neck, band):
    if neck == "Polo":
        _placket(scene, cut, band, look.colour)
        _polo_collar(scene, cut, band)
        return
    lay_neckband(scene, cut, band, look.between(5, 8))
    if neck == "Henley":
        _placket(scene, cut, tint(look.colour, -0.06), look.colour)


def _placket(scene, cut, colour, base):
    low = cut.top + cut.neck_depth
    mask = shape(symmetric([(0, low - 4, 0), (7, low - 4, 0), (7, low + 50, 0), (0, low + 50, 0)]))
    scene.lay(mask, flat(colour), puff=2, drop=0.3)
    for i in range(3):
        scene.button(180, low + 8 + 16 * i, 2.6, np.full(3, 0.93) if not is_pale(base) else np.full(3, 0.4))


def _polo_collar(scene, cut, colour):
    top, neck, low = cut.top, cut.neck, cut.top + cut.neck_depth
    back = symmetric([(0, top - 5), (neck * 0.7, top - 8), (neck, top - 4, 0), (neck, top + 9, 0), (0, top + 12)])
    scene.lay(shape(back), flat(colour * 0.85), puff=4, drop=0.3)
    leaf = half(
        [
            (1, low + 3, 0),
            (neck * 0.62, top + 14),
            (neck - 3, top - 8, 0),
            (neck + 5, top + 2),
            (neck + 7, low + 4),
            (neck - 4, low + 26, 0),
            (15, low + 14),
        ],
        closed=True,
    )
    for outline in (leaf, flip(leaf)):
        scene.lay(shape(outline), flat(colour), puff=4, drop=0.4)
