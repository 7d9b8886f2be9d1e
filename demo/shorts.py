"""Shorts."""

import numpy as np
from curves import flip, half
from legs import TOP, leg, leg_folds
from look import words
from palette import COLOURS, tint
from raster import line, noise, shape
from scene import flat


def shorts(scene, look):
    """Draw shorts: chino, cargo, denim, board or running."""
    style = look.pick(("Chino", "Cargo", "Board", "Denim", "Running"))
    kinds = {
        "Denim": ("wash",),
        "Board": ("floral", "bold stripes"),
        "Running": ("solid",),
        "Cargo": ("camouflage", "solid", "checks"),
    }
    fabric, word = look.fabric(kinds.get(style, ("solid", "checks", "pinstripes", "dots")))
    inseam = 95 if style == "Running" else look.between(116, 150)
    rise, shift = 1.25, (200 - inseam) * 0.35
    crotch, low, waist = 165, 170 + inseam, 78
    outline = (leg(waist, 94, crotch, 47, look.between(43, 50), 53, low) - (180, 0)) * (rise, rise) + (180, shift - 10)
    _lay_shorts(
        scene, look, fabric, outline, style, waist * rise, crotch * rise + shift - 10, shift + TOP * rise - 10 - TOP
    )
    return words(word, style, "Shorts")


def _lay_shorts(scene, look, fabric, outline, style, waist, crotch, shift):
    base = TOP + shift
    thread = COLOURS["Mustard"] if style == "Denim" else tint(look.colour, -0.35)
    back = half([(0, base + 2), (waist * 0.6, base), (waist, base + 1, 0), (waist - 3, base + 20), (0, base + 24)])
    scene.lay(shape(np.vstack([flip(back), back[::-1]])), flat(look.colour * 0.5), puff=4, drop=0)
    relief = leg_folds(look.rng, 70, crotch, outline[:, 1].max())
    for side in (flip(outline), outline):
        scene.lay(shape(side), fabric, puff=13, relief=relief, drop=0.3)
        low = side[:, 1].max()
        ends = side[side[:, 1] > low - 5]
        scene.stitch(np.array([(ends[:, 0].min() + 2, low - 12), (ends[:, 0].max() - 2, low - 14)]), thread)
    scene.seam(half([(0, base + 24), (0, crotch)]), 0.45, 1.6)
    for side in (-1, 1):
        scene.seam(half([(side * waist * 0.7, base + 24), (side * (waist + 14), base + 86)]), 0.45, 1.8)
        if style == "Cargo":
            x, y = 180 + side * waist * 0.98, crotch + 14
            for height, lift in ((58, 0.7), (18, 1.0)):
                box = np.array([(x - 24, y), (x + 24, y), (x + 24, y + height), (x - 24, y + height)])
                scene.lay(shape(box), fabric, puff=3, drop=0.45, lift=lift)
    band = np.array(
        [(180 - waist - 1, base), (180 + waist + 1, base), (180 + waist + 4, base + 19), (180 - waist - 4, base + 19)]
    )
    soft = style in ("Running", "Board")
    scene.lay(
        shape(band),
        flat(look.colour * 0.92) if soft else fabric,
        puff=4,
        relief=noise(look.rng, 60, 4) if soft else None,
    )
    if soft:
        for side in (-1, 1):
            cord = half([(side * 3, base + 12), (side * 10, base + 36), (side * 7, base + 58)])
            scene.lay(line(cord, 3.2), flat(look.partner()), puff=1.5, drop=0.5)
    else:
        scene.button(183, base + 10, 4, tint(look.colour, -0.4))
