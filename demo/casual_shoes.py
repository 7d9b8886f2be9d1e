"""Casual shoes: sneakers, high tops, slip-ons and loafers."""

import numpy as np
from curves import curve, ellipse
from look import words
from palette import COLOURS, is_pale, tint
from raster import line, shape
from scene import COLUMNS, flat
from uppers import GROUND, lay_laces, lay_opening, low_upper, stand_shoe, toe_bend


def casual_shoes(scene, look):
    """Draw a casual shoe: canvas sneaker, court shoe, high top, slip-on, loafer or boat shoe."""
    style = look.pick(("Canvas Sneakers", "Court Sneakers", "High Top Sneakers", "Slip-On Shoes", "Loafers"))
    accent = look.partner()
    kinds = ("checks", "stripes", "floral", "solid", "camouflage") if style == "Slip-On Shoes" else ("solid", "wash")
    fabric, word = look.fabric(kinds)
    stand_shoe(scene)
    high = style == "High Top Sneakers"
    tongue = {"High Top Sneakers": 142, "Slip-On Shoes": 72, "Loafers": 66}.get(style, 92)
    collar, heel = (146, 140) if high else (look.between(60, 66), look.between(76, 84))
    toe = look.between(34, 42)
    lay_opening(scene, collar, heel, tongue, tint(look.colour, 0.2))
    upper = _high_upper(toe) if high else low_upper(collar, heel, tongue, toe)
    mask = shape(upper)
    scene.lay(mask, fabric, puff=13, relief=toe_bend(look), drop=0)
    _casual_details(scene, look, style, mask, accent, tongue, toe, high)
    white = style != "Loafers"
    sole_colour = (
        look.pick((COLOURS["White"], COLOURS["Off White"], COLOURS["Tan"])) if white else COLOURS["Coffee Brown"]
    )
    _casual_sole(scene, look, sole_colour, accent, 26 if white else 17)
    return words(word, style)


def _sole(low, high, toe_lift, heel_out):
    return curve(
        [
            (34, GROUND - high + 3 - toe_lift * 0.4),
            (90, GROUND - high + 3),
            (200, GROUND - high + 2),
            (322, GROUND - high - 2, 0),
            (326 + heel_out, GROUND - low * 0.5),
            (318, GROUND, 0),
            (120, GROUND, 0),
            (62, GROUND - toe_lift * 0.5),
            (32, GROUND - low - toe_lift),
        ],
        closed=True,
    )


def _high_upper(toe):
    g = GROUND - 20
    return curve(
        [
            (318, g, 0),
            (324, g - 60),
            (312, g - 110),
            (316, g - 146, 0),
            (276, g - 150),
            (232, g - 152, 0),
            (216, g - 120),
            (196, g - 84),
            (132, g - toe - 22),
            (84, g - toe),
            (50, g - toe * 0.62),
            (38, g, 0),
        ],
        closed=True,
    )


def _casual_details(scene, look, style, mask, accent, tongue, toe, high):
    g = GROUND - 20
    lace = np.full(3, 0.93) if not is_pale(look.colour) or look.chance(0.5) else accent
    if style == "Loafers":
        apron = curve([(224, g - tongue + 4), (170, g - toe - 2), (100, g - toe + 14), (62, g - toe * 0.4)])
        scene.seam(apron, 0.5, 2)
        scene.stitch(apron + (0, 4), tint(look.colour, 0.4))
        saddle = curve([(226, g - tongue, 0), (186, g - tongue + 12, 0), (206, g - 2, 0), (252, g - 2, 0)], closed=True)
        scene.lay(shape(saddle) * mask, flat(tint(look.colour, -0.12)), puff=4, drop=0.4)
        scene.lay(line(np.array([(188, g - tongue + 16), (234, g - tongue + 30)]), 7), flat(accent), puff=3, drop=0.4)
        return
    if style == "Slip-On Shoes":
        gore = curve([(232, g - 72, 0), (254, g - 62, 0), (249, g - 32, 0), (238, g - 32, 0)], closed=True)
        scene.lay(shape(gore) * mask, flat(tint(look.colour, -0.25)), puff=2, relief=np.sin(COLUMNS * 1.5) * 0.3)
        scene.seam(curve([(232, g - tongue + 6), (204, g - 36), (206, g)]))
        return
    if style != "Court Sneakers" or look.chance(0.3):
        cap = curve([(96, g - toe - 14), (104, g - toe * 0.6), (96, g), (34, g, 0), (36, g - toe - 10, 0)], closed=True)
        scene.lay(
            shape(cap) * mask, flat(COLOURS["Off White"] if style != "Court Sneakers" else accent), puff=7, drop=0.35
        )
    _quarter(scene, look, mask, accent, tongue, high)
    lay_laces(scene, 8 if high else 6, tongue, toe, lace)


def _quarter(scene, look, mask, accent, tongue, high):
    g = GROUND - 20
    edge = curve([(238, g - tongue + 8), (196, g - tongue * 0.5 - 4), (158, g - 34), (150, g)])
    scene.seam(edge, 0.4)
    scene.stitch(edge + (4, 2), tint(look.colour, -0.4))
    top = g - (142 if high else 84)
    tab = curve([(330, top, 0), (300, top + 4, 0), (294, g - 44), (286, g, 0), (330, g, 0)], closed=True)
    scene.lay(shape(tab) * mask, flat(accent), puff=4, drop=0.3)
    mark = look.pick(("wave", "circle", "bars", "none"))
    if mark == "wave":
        swoosh = curve([(170, g - 10, 0), (220, g - 32), (284, g - 50, 0), (226, g - 16)], closed=True)
        scene.lay(shape(swoosh) * mask, flat(accent), puff=2, drop=0.25)
    elif mark == "circle":
        scene.lay(
            shape(ellipse(258, g - (88 if high else 36), 13, 13)) * mask, flat(np.full(3, 0.94)), puff=2, drop=0.25
        )
    elif mark == "bars":
        for i in range(3):
            scene.lay(
                line(np.array([(196 + 22 * i, g), (222 + 22 * i, g - 50 - 5 * i)]), 7) * mask,
                flat(accent),
                puff=2,
                drop=0.2,
            )


def _casual_sole(scene, look, colour, accent, height):
    sole = _sole(height * 0.6, height, look.between(3, 7), 2)
    scene.lay(shape(sole), flat(colour), puff=5, drop=0.45)
    stripe = curve([(38, GROUND - height * 0.62), (120, GROUND - height * 0.5), (324, GROUND - height * 0.5)])
    if height > 20 and look.chance(0.6):
        scene.paint(line(stripe, 2.6) * shape(sole), accent * 0.9)
    scene.stitch(stripe + (0, -height * 0.26), tint(colour, -0.3), 0.9)
    scene.darken(line(np.array([(60, GROUND - 2), (322, GROUND - 2)]), 3) * shape(sole), 0.45)
