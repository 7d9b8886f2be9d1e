"""Jeans, trousers and track pants."""

import numpy as np
from curves import arch, ellipse, flip, half, symmetric
from legs import TOP, leg, leg_folds
from look import words
from palette import COLOURS, is_pale, tint
from patterns import field
from raster import blur, line, noise, shape
from scene import flat


def _lay_legs(scene, look, fabric, outline, crotch, spread, low, waist):
    relief = leg_folds(look.rng, spread, crotch, low)
    back = symmetric(
        [(0, TOP - 4), (waist * 0.7, TOP - 3), (waist - 1, TOP + 1, 0), (waist - 4, TOP + 14), (0, TOP + 20)]
    )
    scene.lay(shape(back), flat(look.colour * 0.5), puff=4, drop=0)
    for side in (flip(outline), outline):
        scene.lay(shape(side), fabric, puff=12, relief=relief, drop=0.3)


def _waistband(scene, waist, fabric, height=17, relief=None):
    outline = symmetric(
        [
            (0, TOP + 8),
            (waist * 0.6, TOP + 5),
            (waist + 1, TOP - 1, 0),
            (waist + 4, TOP + height - 2, 0),
            (waist * 0.6, TOP + height + 5),
            (0, TOP + height + 8),
        ]
    )
    scene.lay(shape(outline), fabric, puff=4, relief=relief, drop=0.35)


def _fly(scene, thread, crotch):
    scene.seam(half([(0, TOP + 24), (0, crotch)]), 0.5, 1.6)
    bend = half([(11, TOP + 25), (11, crotch - 44), (0, crotch - 22)])
    scene.stitch(bend, thread)


def jeans(scene, look):
    """Draw jeans: skinny, straight, bootcut or wide, washed, faded or ripped."""
    fit = look.pick(("Skinny Fit", "Straight Fit", "Bootcut", "Slim Fit", "Wide Leg"))
    knee, ankle, spread = {
        "Skinny Fit": (23, 16, 42),
        "Straight Fit": (32, 28, 50),
        "Bootcut": (26, 35, 52),
        "Slim Fit": (28, 21, 46),
        "Wide Leg": (38, 42, 56),
    }[fit]
    crotch, low = 172, look.between(428, 448)
    waist = 62 if look.female else 70
    outline = leg(waist, 82 if look.female else 84, crotch, knee, ankle, spread, low)
    # Indigo is duller than the shop's blues; white denim must stay white.
    cloth = look.colour if is_pale(look.colour) else look.colour * 0.7 + np.array([0.125, 0.14, 0.165])
    fabric = field(look.rng, cloth, 0.018, 60, 150)
    _lay_legs(scene, look, fabric, outline, crotch, spread, low, waist)
    mask = np.maximum(shape(outline), shape(flip(outline)))
    wash = look.pick(("Faded", "", "Stonewashed", "Ripped"))
    _wash(scene, look, mask, spread, crotch, low, wash)
    thread = COLOURS["Mustard"] if look.chance(0.65) else tint(look.colour, 0.5)
    _jeans_details(scene, look, waist, fabric, thread, crotch, outline)
    return words(wash, fit, "Jeans")


def _wash(scene, look, mask, spread, crotch, low, wash):
    strength = {"Faded": 0.36, "": 0.10, "Stonewashed": 0.25, "Ripped": 0.28}[wash]
    knee = crotch + (low - crotch) * 0.36
    for side in (-1, 1):
        x = 180 + side * (spread * 0.8 + 6)
        scene.glaze(blur(shape(ellipse(x, (crotch + knee) / 2 - 8, 15, 84, side * -5)), 13) * mask, strength)
        if wash == "Ripped":
            for _ in range(2):
                _rip(scene, look, x + look.between(-6, 6), knee + look.between(-60, 40), mask)
    if wash == "Stonewashed":
        scene.glaze(np.clip(noise(look.rng, 40, 54) - 0.3, 0, 1) * mask, 0.16)


def _rip(scene, look, x, y, mask):
    width = look.between(9, 15)
    scene.paint(shape(ellipse(x, y, width, 4.5)) * mask, look.colour * 0.35)
    for i in range(4):
        scene.paint(
            line(np.array([(x - width, y - 4 + 2.5 * i), (x + width, y - 3.4 + 2.5 * i)]), 1) * mask, np.full(3, 0.9)
        )


def _jeans_details(scene, look, waist, fabric, thread, crotch, outline):
    for side in (-1, 1):
        mouth = half([(side * waist * 0.42, TOP + 24), (side * waist * 0.58, TOP + 44), (side * (waist + 9), TOP + 50)])
        scene.seam(mouth, 0.5, 1.8)
        scene.stitch(mouth + (0, 3), thread)
        if look.chance(0.8):
            scene.stitch(half([(side * (waist + 8), TOP + 62), (side * (waist + 15), crotch - 8)]), thread)
    _fly(scene, thread, crotch)
    _waistband(scene, waist, fabric)
    scene.stitch(arch([(0, TOP + 22), (waist * 0.6, TOP + 19), (waist + 2, TOP + 12)]), thread)
    for dx in (-0.62, 0.62):
        loop = half([(dx * waist, TOP + 3), (dx * waist, TOP + 25)])
        scene.lay(line(loop, 6), fabric, puff=2, drop=0.5)
    scene.button(182, TOP + 16, 4, COLOURS["Copper"])
    for legs in (outline, flip(outline)):
        low = legs[:, 1].max()
        ends = legs[legs[:, 1] > low - 5]
        left, right = ends[:, 0].min() + 2, ends[:, 0].max() - 2
        scene.stitch(np.array([(left, low - 9), (right, low - 11)]), thread)


def trousers(scene, look):
    """Draw trousers: pressed, chino, pleated or wide."""
    style = look.pick(("Formal", "Chino", "Pleated", "Wide Leg"))
    knee, ankle, spread = {"Chino": (30, 25, 47), "Wide Leg": (41, 46, 60)}.get(style, (33, 29, 51))
    fabric, word = look.fabric(("solid", "pinstripes", "melange", "windowpane") if style != "Chino" else ("solid",))
    crotch, low, waist = 176, look.between(430, 448), 62 if look.female else 69
    outline = leg(waist, 80, crotch, knee, ankle, spread, low)
    _lay_legs(scene, look, fabric, outline, crotch, spread, low, waist)
    for side in (-1, 1):
        if style != "Chino":
            crease = half([(side * 38, TOP + 40), (side * (spread * 0.55 + 12), 290), (side * (spread + 2), low)])
            scene.seam(crease, 0.3, 1.4)
        scene.seam(half([(side * waist * 0.72, TOP + 22), (side * (waist + 12), TOP + 78)]), 0.45, 1.8)
        if style == "Pleated":
            scene.seam(half([(side * 26, TOP + 24), (side * 28, TOP + 70)]), 0.35, 1.6)
    _fly(scene, look.colour * 0.7, crotch)
    _waistband(scene, waist, fabric)
    scene.button(183, TOP + 16, 3, tint(look.colour, -0.4))
    return words(word, style, "Trousers")


def track_pants(scene, look):
    """Draw track pants: cuffed or open, with side stripes, panels and a cord."""
    cuffed = look.pick((True, False))
    accent = look.partner()
    crotch, low, waist = 180, look.between(420, 440), 66
    outline = leg(waist, 84, crotch, 33, 20 if cuffed else 30, 50, low)
    _lay_legs(scene, look, flat(look.colour), outline, crotch, 50, low, waist)
    stripes = look.pick((1, 3, 2))
    mask = np.maximum(shape(outline), shape(flip(outline)))
    for i in range(stripes):
        edge = half(
            [
                (waist - 4 - 7 * i, TOP + 14),
                (77 - 7 * i, TOP + 66),
                (79 - 7 * i, crotch - 16),
                (74 - 7 * i, crotch + (low - crotch) * 0.42),
                (45 + (20 if cuffed else 30) - 7 * i, low),
            ]
        )
        for side in (edge, flip(edge)):
            scene.paint(line(side, 9 if stripes == 1 else 3.2) * mask * 0.95, accent)
    scene.seam(half([(0, TOP + 24), (0, crotch)]), 0.4)
    _waistband(scene, waist, flat(look.colour * 0.93), 20, noise(look.rng, 60, 4) * 1.1)
    if cuffed:
        for side in (-1, 1):
            scene.lay(
                shape(
                    half(
                        [
                            (side * 30, low - 16, 0),
                            (side * 71, low - 16, 0),
                            (side * 68, low + 8, 0),
                            (side * 33, low + 8, 0),
                        ],
                        True,
                    )
                ),
                flat(look.colour * 0.9),
                puff=4,
            )
    for side in (-1, 1):
        cord = half([(side * 3, TOP + 17), (side * 9, TOP + 40), (side * 6, TOP + 64)])
        scene.lay(line(cord, 3), flat(accent), puff=1.5, drop=0.5)
    return words("Cuffed" if cuffed else "", "Striped", "Track Pants")
