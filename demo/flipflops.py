"""Flip flops and sandals, a pair seen from above."""

import numpy as np
from curves import curve, ellipse
from look import words
from palette import COLOURS, tint
from patterns import blocks, dots, floral, stripes
from raster import line, shape
from scene import COLUMNS, ROWS, flat


def _footbed(x, side, top, low):
    s = side
    return curve(
        [
            (x - 4 * s, top),
            (x + 28 - 2 * s, top + 22),
            (x + 44 + 3 * s, top + 92),
            (x + 36 + 2 * s, top + 168),
            (x + 30, top + 226),
            (x + 33, low - 44),
            (x, low),
            (x - 33, low - 44),
            (x - 30, top + 226),
            (x - 36 + 2 * s, top + 168),
            (x - 44 + 3 * s, top + 92),
            (x - 28 - 2 * s, top + 22),
        ],
        True,
    )


def _lay_sole(scene, bed, x, fabric, edge):
    scene.stand(x + 6, 250, 38, 160, 0.3)
    scene.lay(shape(bed + (4, 9)), flat(edge), puff=4, drop=0)
    texture = np.sin(COLUMNS * 1.5) * np.sin(ROWS * 1.5) * 0.35
    scene.lay(shape(bed), fabric, puff=5, relief=texture, drop=0.1, lift=0.7)
    rim = (bed - (x, 250)) * (0.9, 0.955) + (x, 250)
    scene.seam(np.vstack([rim, rim[:1]]), 0.2)


def flip_flops(scene, look):
    """Draw a pair of flip flops: plain, striped, printed or two-tone soles under a Y strap."""
    accent, third = look.partner(), look.partner()
    style = look.pick(("Solid", "Striped", "Printed", "Polka Dot", "Two-Tone"))
    fabrics = {
        "Striped": lambda: stripes(look.colour, [(0, 16, accent), (24, 5, third)], look.between(44, 70)),
        "Printed": lambda: floral(look.rng, look.colour, accent, third, tint(third, -0.2), 34),
        "Polka Dot": lambda: dots(look.colour, accent, look.between(18, 28), 4),
        "Two-Tone": lambda: blocks(look.colour, [(look.between(230, 320), accent)]),
    }
    fabric = fabrics.get(style, lambda: flat(look.colour))()
    wide = look.between(9, 19)
    strap = accent if style == "Solid" or look.chance(0.5) else third
    for side in (-1, 1):
        x = 180 + side * 68
        bed = _footbed(x, side, 58, 426)
        _lay_sole(scene, bed, x, fabric, look.pick((COLOURS["White"], accent * 0.8, look.colour * 0.6)))
        _thong(scene, x, side, strap, wide, look.pick((False, True)), third)
    return words(style, "Flip Flops")


def _thong(scene, x, side, colour, wide, dotted, stud):
    knot = (x - 9 * side, 122)
    for way in (-1, 1):
        foot = x + way * 40 + 3 * side
        outer = curve(
            [
                (knot[0] - way * 2, knot[1] - 4, 0),
                (x + way * 32 + 2 * side, 166),
                (foot, 254, 0),
                (foot - way * wide, 254, 0),
                (x + way * (28 - wide) + 2 * side, 182),
                (knot[0], knot[1] + 12, 0),
            ],
            True,
        )
        scene.lay(shape(outer), flat(colour), puff=5, drop=0.55)
    scene.lay(shape(ellipse(*knot, 7, 9)), flat(colour), puff=3, drop=0.5)
    if dotted:
        scene.lay(shape(ellipse(knot[0], knot[1] + 16, 8, 8)), flat(stud), puff=3, gloss=0.3, drop=0.4)


def sandals(scene, look):
    """Draw a pair of flat sandals: cross straps, slides, T straps or gladiators with buckles."""
    style = look.pick(("Cross Strap", "Slide", "T-Strap", "Two Strap"))
    base = look.pick((COLOURS["Tan"], COLOURS["Coffee Brown"], COLOURS["Beige"], COLOURS["Charcoal"]))
    fabric, word = look.fabric(("solid", "solid", "floral", "stripes"))
    for side in (-1, 1):
        x = 180 + side * 68
        bed = _footbed(x, side, 66, 418)
        _lay_sole(scene, bed, x, flat(base), base * 0.6)
        reach = shape((bed - (x, 250)) * (1.1, 1.0) + (x, 250))
        for points, width in _sandal_straps(style, x):
            scene.lay(line(curve(points), width) * reach, fabric, puff=6, drop=0.5)
        if style in ("T-Strap", "Two Strap"):
            y = 322 if style == "T-Strap" else 214
            ring = ellipse(x + side * 26, y - 3, 8, 9)
            scene.lay(line(np.vstack([ring, ring[:1]]), 3), flat(COLOURS["Gold"]), puff=1.5, drop=0.5)
    return words(word, style, "Sandals")


def _sandal_straps(style, x):
    left, right = x - 60, x + 60
    bands = {
        "Cross Strap": [
            ([(left, 132), (x, 160), (right - 6, 206)], 24),
            ([(right, 132), (x, 160), (left + 6, 206)], 24),
        ],
        "Slide": [([(left, 158), (x, 146), (right, 158)], 62)],
        "Two Strap": [([(left, 140), (x, 128), (right, 140)], 26), ([(left + 5, 216), (x, 206), (right - 5, 216)], 26)],
        "T-Strap": [
            ([(left, 136), (x, 124), (right, 136)], 14),
            ([(x, 124), (x, 220), (x, 312)], 12),
            ([(x - 34, 330), (x, 312), (x + 34, 330)], 13),
        ],
    }
    return bands[style]
