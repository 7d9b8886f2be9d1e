"""Ballet flats, a pair seen from above."""

import numpy as np
from curves import curve, ellipse, rotate
from look import words
from palette import COLOURS, tint
from raster import line, shape
from scene import flat


def flats(scene, look):
    """Draw a pair of ballet flats from above: round, pointed or square toes, bows, caps or dots."""
    toe = look.pick(("Round Toe", "Pointed Toe", "Square Toe"))
    fabric, word = look.fabric(("solid", "dots", "floral", "checks", "solid"))
    accent, cap = look.partner(), look.chance(0.35)
    bow = look.chance(0.7)
    for side in (-1, 1):
        _flat(scene, fabric, look, 180 + side * 66, side, toe, accent, cap, bow)
    return words(word, toe, "Cap" if cap else "", "Ballerinas")


def _flat(scene, fabric, look, x, side, toe, accent, cap, bow):
    tip = {"Round Toe": 30, "Pointed Toe": 12, "Square Toe": 40}[toe]
    top, low = (92 if toe != "Pointed Toe" else 74), 398
    s = side
    outer = curve(
        [
            (x - tip * 0.5 - 2 * s, top),
            (x + tip * 0.5 - 2 * s, top),
            (x + 40 + 6 * s, top + 74),
            (x + 41 + 4 * s, top + 120),
            (x + 34, 290),
            (x + 35, 350),
            (x + 20, low - 6),
            (x, low),
            (x - 20, low - 6),
            (x - 35, 350),
            (x - 34, 290),
            (x - 41 + 4 * s, top + 120),
            (x - 40 + 6 * s, top + 74),
        ],
        True,
    )
    hole = curve(
        [
            (x, top + 92),
            (x + 27, top + 124),
            (x + 26, 290),
            (x + 27, 344),
            (x, low - 8),
            (x - 27, 344),
            (x - 26, 290),
            (x - 27, top + 124),
        ],
        True,
    )
    scene.stand(x + 4, 250, 36, 140, 0.25)
    mask = shape(outer)
    scene.lay(mask, fabric, puff=12, gloss=0.15, drop=0)
    if cap:
        scene.lay(shape(ellipse(x, top, 60, 42)) * mask, flat(accent), puff=8, drop=0.3)
    scene.lay(shape(hole), flat(COLOURS["Beige"] * 0.95), puff=4, drop=0)
    scene.darken((shape(hole) - shape(hole + (4, 9))).clip(0, 1), 0.35)
    scene.lay(line(np.vstack([hole, hole[:1]]), 4), flat(tint(look.colour, -0.2)), puff=2, drop=0.3)
    if bow:
        for turn in (0, 180):
            loop = rotate(ellipse(x + 11, top + 84, 11, 7), turn, (x, top + 84))
            scene.lay(shape(loop), flat(accent if not cap else look.colour), puff=3.5, drop=0.45)
        scene.lay(shape(ellipse(x, top + 84, 4.5, 5)), flat(accent), puff=2, drop=0.4)
