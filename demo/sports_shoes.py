"""Sports shoes: mesh uppers with overlays on thick foam."""

import numpy as np
from curves import curve, ellipse
from look import words
from palette import COLOURS, tint
from raster import line, shape
from scene import COLUMNS, ROWS, flat
from uppers import GROUND, lay_laces, lay_opening, low_upper, stand_shoe, toe_bend


def sports_shoes(scene, look):
    """Draw a running or training shoe: mesh upper, overlays, thick foam sole with a bright layer."""
    accent, third = look.partner(), look.partner()
    stand_shoe(scene)
    collar, heel, tongue, toe = look.between(62, 70), look.between(88, 98), look.between(96, 106), look.between(34, 40)
    lay_opening(scene, collar, heel, tongue, accent)
    mask = shape(low_upper(collar, heel, tongue, toe))
    mesh = np.sin(COLUMNS * 1.4) * np.sin(ROWS * 1.4) * 0.5
    scene.lay(mask, flat(look.colour), puff=13, relief=toe_bend(look) + mesh, drop=0)
    _overlays(scene, look, mask, accent, third, tongue, toe)
    lay_laces(scene, 7, tongue, toe, np.full(3, 0.95) if look.chance(0.5) else third)
    _foam(scene, look, accent, third)
    return words(look.pick(("Running", "Training", "Trail", "Court")), "Sports Shoes")


def _overlays(scene, look, mask, accent, third, tongue, toe):
    g = GROUND - 20
    guard = curve(
        [(34, g - 34, 0), (62, g - toe * 0.8), (92, g - 18), (150, g - 10), (150, g + 4, 0), (34, g + 4, 0)], True
    )
    counter = curve([(332, g - 92, 0), (300, g - 70), (276, g - 30), (250, g + 2, 0), (332, g + 2, 0)], True)
    for outline, colour in ((guard, accent), (counter, tint(look.colour, -0.25))):
        scene.lay(shape(outline) * mask, flat(colour), puff=4, drop=0.3)
    style = look.pick(("fins", "swoop", "web"))
    if style == "fins":
        for i in range(4):
            fin = curve(
                [
                    (168 + 24 * i, g, 0),
                    (180 + 24 * i, g, 0),
                    (206 + 15 * i, g - 64 + 4 * i, 0),
                    (198 + 15 * i, g - 66 + 4 * i, 0),
                ],
                True,
            )
            scene.lay(shape(fin) * mask, flat(third), puff=2.5, drop=0.3)
    elif style == "swoop":
        swoop = curve([(150, g - 6, 0), (210, g - 18), (306, g - 74, 0), (236, g - 44), (190, g - 42)], True)
        scene.lay(shape(swoop) * mask, flat(accent), puff=3, drop=0.3)
    else:
        for i in range(4):
            web = curve([(232 - 18 * i, g - tongue + 16 + 15 * i), (214 - 10 * i, g - 34), (228 - 20 * i, g)])
            scene.lay(line(web, 5) * mask, flat(accent), puff=2, drop=0.3)
    saddle = curve([(238, g - tongue + 6), (196, g - tongue * 0.5 - 2), (140, g - toe - 4)])
    scene.lay(line(saddle + (8, 9), 7) * mask, flat(third), puff=3, drop=0.3)


def _foam(scene, look, accent, third):
    height = look.between(30, 38)
    foam = curve(
        [
            (28, GROUND - 22),
            (80, GROUND - height * 0.75),
            (160, GROUND - height * 0.72),
            (240, GROUND - height),
            (334, GROUND - height - 8, 0),
            (340, GROUND - height * 0.5),
            (326, GROUND - 3, 0),
            (220, GROUND - 4),
            (190, GROUND - 9),
            (120, GROUND - 3),
            (64, GROUND - 6),
            (34, GROUND - 16),
        ],
        True,
    )
    mask = shape(foam)
    scene.lay(mask, flat(np.full(3, 0.95) if look.chance(0.7) else COLOURS["Charcoal"]), puff=6, drop=0.45)
    layer = curve([(150, GROUND - 16), (230, GROUND - height * 0.52), (338, GROUND - height * 0.7)])
    scene.lay(line(layer, look.between(4, 9)) * mask, flat(accent), puff=2, drop=0.2)
    tread = curve(
        [
            (34, GROUND - 12),
            (66, GROUND - 3),
            (130, GROUND - 1),
            (190, GROUND - 6),
            (230, GROUND - 2),
            (330, GROUND - 2),
        ]
    )
    scene.lay(line(tread, 5), flat(third * 0.55), puff=2, drop=0)
    for x in range(70, 330, 13):
        scene.darken(shape(ellipse(x, GROUND - 1, 1.4, 4)), 0.6)
