"""Formal shoes: oxfords, brogues, monk straps and derbies."""

import numpy as np
from curves import curve, ellipse
from look import words
from palette import COLOURS, is_pale, tint
from patterns import field
from raster import blur, line, shape
from scene import flat
from uppers import GROUND, lay_laces, lay_opening, low_upper, stand_shoe, toe_bend


def formal_shoes(scene, look):
    """Draw a formal shoe: oxford, derby, brogue, monk strap or penny loafer, in polished leather."""
    style = look.pick(("Oxford", "Brogue", "Monk Strap", "Derby"))
    stand_shoe(scene)
    g, tongue, toe = GROUND - 20, look.between(80, 86), look.between(27, 32)
    lay_opening(scene, 56, 72, tongue, COLOURS["Tan"])
    mask = shape(low_upper(56, 72, tongue, toe))
    leather = field(look.rng, look.colour, 0.03, 20, 26)
    scene.lay(mask, leather, puff=14, relief=toe_bend(look) * 0.6, gloss=0.35, drop=0)
    for x, y, rx, ry, turn in ((76, g - toe * 0.72, 24, 5, -16), (300, g - 44, 6, 18, 8), (186, g - 34, 20, 4, -32)):
        scene.glaze(blur(shape(ellipse(x, y, rx, ry, turn)), 4) * mask, 0.5)
    cap = curve([(114, g - toe - 14), (122, g - toe * 0.5), (114, g)])
    vamp = curve([(238, g - tongue + 10), (208, g - 48), (190, g - 24), (206, g)])
    for edge in (cap, vamp):
        scene.seam(edge, 0.5, 1.8)
        scene.stitch(edge + (4, 0), tint(look.colour, 0.35 if not is_pale(look.colour) else -0.35), 0.8, 1.6, 1.6)
    if style == "Brogue":
        for edge in (cap - (6, 0), vamp + (9, 0), cap - (10, -3)):
            scene.stitch(edge, look.colour * 0.35, 2.2, 1.6, 3.2)
    if style == "Monk Strap":
        strap = curve([(214, g - tongue + 14, 0), (230, g - tongue + 4, 0), (288, g - 34, 0), (278, g - 16, 0)], True)
        scene.lay(shape(strap), leather, puff=4, drop=0.5, gloss=0.3)
        buckle = curve([(262, g - 52, 0), (278, g - 42, 0), (268, g - 22, 0), (252, g - 32, 0)], True)
        scene.lay(line(np.vstack([buckle, buckle[:1]]), 3.2), flat(COLOURS["Gold"]), puff=1.5, drop=0.5)
    else:
        lay_laces(scene, 4, tongue, toe + 18, look.colour * 0.55, lean=13)
    _formal_sole(scene, look)
    return words(style, "Formal Shoes")


def _formal_sole(scene, look):
    colour = look.pick((COLOURS["Black"], COLOURS["Coffee Brown"], COLOURS["Tan"] * 0.8))
    welt = curve(
        [
            (30, GROUND - 18),
            (60, GROUND - 20),
            (200, GROUND - 20),
            (326, GROUND - 22, 0),
            (326, GROUND - 12, 0),
            (214, GROUND - 11, 0),
            (110, GROUND - 2),
            (62, GROUND - 4),
            (32, GROUND - 12),
        ],
        True,
    )
    heel = np.array([(236, GROUND - 13), (325, GROUND - 13), (322, GROUND), (242, GROUND)])
    scene.lay(shape(heel), flat(colour * 0.8), puff=3, drop=0)
    scene.lay(shape(welt), flat(colour), puff=3, drop=0.4)
    scene.stitch(curve([(36, GROUND - 17), (200, GROUND - 18), (324, GROUND - 20)]), tint(colour, 0.4), 0.8, 2, 2)
