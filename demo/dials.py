"""The dials of watches: marks, hands and digits."""

import numpy as np
from curves import curve, ellipse, rectangle, rotate
from palette import COLOURS, is_pale, tint
from raster import line, shape
from scene import flat
from watch_straps import X, Y


def lay_face(scene, look, style, dial, metal, radius):
    """Lay the marks, subdials, date and hands of an analogue dial."""
    ink = np.full(3, 0.15) if is_pale(dial) else np.full(3, 0.93)
    reach = radius * (0.72 if style == "Sports" else 0.8)
    marks = look.pick(("bars", "dots", "fine", "bars"))
    for i in range(60 if marks == "fine" else 12):
        strong = i % (15 if marks == "fine" else 3) == 0
        if marks == "dots":
            mark = ellipse(X, Y - reach, 3.6 if strong else 2.4, 3.6 if strong else 2.4)
        else:
            mark = rectangle(X, Y - reach, 2.2 if strong else 1.2 if marks == "bars" else 0.7, 7 if strong else 4)
        scene.paint(shape(rotate(mark, (6 if marks == "fine" else 30) * i, (X, Y))), ink)
    if style in ("Chronograph", "Sports"):
        for dx, dy in ((-0.38, 0.0), (0.38, 0.0), (0.0, 0.4)):
            small = ellipse(X + dx * radius, Y + dy * radius, radius * 0.2, radius * 0.2)
            scene.lay(shape(small), flat(tint(dial, -0.3 if is_pale(dial) else 0.2)), puff=1.6, drop=0, lift=-0.6)
            hand = np.array([small.mean(axis=0), small[look.rng.randrange(60)]])
            scene.paint(line(hand, 1.6), ink)
    else:
        scene.lay(shape(rectangle(X + radius * 0.48, Y, 7, 5.5, 1)), flat(np.full(3, 0.96)), puff=1.2, drop=0.3)
    _hands(scene, look, metal if look.chance(0.4) else ink, ink, radius)


def _hands(scene, look, colour, ink, radius):
    for length, width, turn in ((0.46, 3.2, -56), (0.68, 2.4, 54)):
        hand = curve(
            [
                (X - width, Y + 9, 0),
                (X + width, Y + 9, 0),
                (X + width * 0.9, Y - radius * length * 0.7, 0),
                (X, Y - radius * length, 0),
                (X - width * 0.9, Y - radius * length * 0.7, 0),
            ],
            True,
        )
        scene.lay(shape(rotate(hand, turn + look.between(-6, 6), (X, Y))), flat(colour), puff=1.2, drop=0.45)
    sweep = rotate(rectangle(X, Y - radius * 0.28, 0.8, radius * 0.46), look.between(140, 220), (X, Y))
    scene.paint(shape(sweep), look.pick((COLOURS["Red"], ink, COLOURS["Orange"])))
    scene.lay(shape(ellipse(X, Y, 4.5, 4.5)), flat(colour), puff=1.5, drop=0.4)


SEGMENTS = {0: "abcdef", 1: "bc", 2: "abged", 4: "fgbc", 5: "afgcd", 8: "abcdefg"}


PLACES = {
    "a": (0, -1, 1),
    "g": (0, 0, 1),
    "d": (0, 1, 1),
    "f": (-0.5, -0.5, 0),
    "b": (0.5, -0.5, 0),
    "e": (-0.5, 0.5, 0),
    "c": (0.5, 0.5, 0),
}


def lay_digits(scene, look, radius):
    """Lay a screen with the time in seven-segment digits."""
    screen = rectangle(X, Y, radius * 0.72, radius * 0.5, 7)
    scene.lay(
        shape(screen),
        flat(look.pick((COLOURS["Silver"] * (0.9, 0.96, 0.86), np.array([0.1, 0.12, 0.14])))),
        puff=2,
        drop=0,
        lift=-1,
    )
    ink = np.full(3, 0.12) if look.pick((True, False)) else COLOURS["Turquoise Blue"]
    size = radius * 0.24
    for x, digit in zip(
        (-0.48, -0.17, 0.19, 0.5), (1, 0, look.rng.choice((0, 1, 2, 4, 5)), look.rng.choice((2, 5, 8)))
    ):
        for name in SEGMENTS[digit]:
            dx, dy, flat_ = PLACES[name]
            rx, ry = (size * 0.36, 2.0) if flat_ else (2.0, size * 0.4)
            scene.paint(shape(rectangle(X + x * radius + dx * size, Y + dy * size, rx, ry)), ink)
    for dy in (-6, 6):
        scene.paint(shape(ellipse(X + radius * 0.01, Y + dy, 2, 2)), ink)
    for dx in (-0.6, 0.6):
        scene.lay(
            shape(rectangle(X + dx * radius * 0.7, Y + radius * 0.72, 10, 4, 2)),
            flat(COLOURS["Steel"]),
            puff=1.5,
            drop=0.3,
        )
