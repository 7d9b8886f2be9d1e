"""The straps of heeled sandals."""

import numpy as np
from curves import curve, ellipse
from palette import COLOURS
from raster import line, shape
from scene import flat

GROUND = 352.0


def lay_sandal_straps(scene, look, fabric, heel_top, platform):
    """Lay the heel counter and the straps over the toes."""
    ball = GROUND - 9 - platform
    back = curve(
        [
            (314, heel_top - 4, 0),
            (322, heel_top - 34),
            (318, heel_top - 66, 0),
            (298, heel_top - 58),
            (284, heel_top - 22),
            (266, heel_top + 2, 0),
        ],
        True,
    )
    scene.lay(shape(back), fabric, puff=7, drop=0)
    count = look.pick((2, 3, 4))
    for i in range(count):
        x = 76 + i * 92 / count
        band = curve(
            [
                (x - 8, ball - 2),
                (x + 8, ball - 36 - 4 * i),
                (x + 34, ball - 44 - 7 * i),
                (x + 46, ball - 26 - 9 * i),
                (x + 44, ball - 6 - 5 * i),
            ]
        )
        scene.lay(line(band[24:], 15 - 2 * count), flat(look.colour * 0.6), puff=3, drop=0)
        scene.lay(line(band[:30], 21 - 2 * count), fabric, puff=5, drop=0.35)
    rib = curve([(290, heel_top - 46), (232, heel_top - 20), (176, ball - 56)])
    if look.chance(0.5):
        scene.lay(line(rib, 8), fabric, puff=3, drop=0.35)


def lay_ankle_strap(scene, look, fabric, heel_top):
    """Lay a buckled strap round the ankle."""
    y = heel_top - look.between(76, 88)
    band = curve([(316, heel_top - 50), (319, y + 6)])
    scene.lay(line(band, 13), fabric, puff=4, drop=0.2)
    ring = ellipse(280, y, 41, 15, -8)
    scene.lay(line(np.vstack([ring, ring[:1]]), 7.5), fabric, puff=3, drop=0.3)
    scene.lay(line(ellipse(262, y + 17, 6, 6)[:60], 2.6), flat(COLOURS["Gold"]), puff=1.5, drop=0.4)
