"""Watches from the front, strap and all."""

import numpy as np
from curves import curve, ellipse, rectangle, rotate
from dials import lay_digits, lay_face
from look import words
from palette import COLOURS
from raster import blur, shape
from scene import flat
from watch_straps import X, Y, lay_strap

METALS = (
    COLOURS["Silver"],
    COLOURS["Gold"],
    COLOURS["Steel"] * 0.75,
    COLOURS["Copper"] + 0.1,
    COLOURS["Charcoal"] * 0.7,
)


def watch(scene, look):
    """Draw a watch: round, square or sporty case, analogue, chronograph or digital, three straps."""
    style = look.pick(("Analogue", "Chronograph", "Dress", "Digital", "Sports"))
    metal = look.rng.choice(METALS)
    radius = (look.between(58, 68) if look.female else look.between(72, 86)) + (6 if style == "Sports" else 0)
    square = style == "Digital" or (style == "Dress" and look.chance(0.6))
    strap = "Rubber" if style in ("Digital", "Sports") else look.pick(("Leather", "Steel", "Leather", "Mesh"))
    lay_strap(scene, look, strap, metal, radius)
    dial = (
        look.colour
        if strap in ("Steel", "Mesh")
        else look.pick((np.full(3, 0.95), look.colour * 0.6, COLOURS["Cream"], COLOURS["Black"]))
    )
    case = metal if strap != "Rubber" else look.colour * 0.8
    _case(scene, case, dial, radius, square, style)
    if style == "Digital":
        lay_digits(scene, look, radius)
    else:
        lay_face(scene, look, style, dial, metal, radius)
    _glass(scene, radius, square)
    return words(strap, style, "Watch")


def _round_or_square(radius, square):
    return rectangle(X, Y, radius * 0.92, radius, radius * 0.24) if square else ellipse(X, Y, radius, radius)


def _case(scene, case, dial, radius, square, style):
    scene.lay(shape(rectangle(X + radius + 6, Y, 6, 9, 2)), flat(case * 0.9), puff=2, drop=0.2, gloss=0.3)
    if style in ("Chronograph", "Sports"):
        for way in (-1, 1):
            button = rotate(rectangle(X + radius + 5, Y, 7, 6, 2), way * 32, (X, Y))
            scene.lay(shape(button), flat(case * 0.85), puff=2, drop=0.2, gloss=0.3)
    for grow, shade in ((8, 0.85), (4, 1.0)):
        scene.lay(
            shape(_round_or_square(radius + grow, square)),
            flat(np.clip(case * shade, 0, 1)),
            puff=4,
            drop=0.4,
            gloss=0.35,
        )
    if style == "Sports":
        _bezel(scene, radius, case)
    inner = radius * (0.80 if style == "Sports" else 0.92)
    scene.lay(shape(_round_or_square(inner, square)), flat(dial), puff=2, drop=0, lift=-1.2)


def _bezel(scene, radius, case):
    scene.lay(shape(ellipse(X, Y, radius + 2, radius + 2)), flat(case * 0.5), puff=3, drop=0.2)
    for i in range(12):
        tick = rotate(rectangle(X, Y - radius * 0.91, 1.8, 5 if i % 3 else 7), 30 * i, (X, Y))
        scene.paint(shape(tick), np.full(3, 0.9))


def _glass(scene, radius, square):
    shine = curve(
        [
            (X - radius * 0.75, Y - radius * 0.3, 0),
            (X + radius * 0.1, Y - radius * 0.85, 0),
            (X + radius * 0.42, Y - radius * 0.7, 0),
            (X - radius * 0.55, Y + radius * 0.5, 0),
        ],
        True,
    )
    scene.glaze(blur(shape(shine), 2) * shape(_round_or_square(radius * 0.9, square)), 0.12)
