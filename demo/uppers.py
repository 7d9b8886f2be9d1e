"""What shoes in side view share, toe to the left: the upper's outline, opening, laces and creases."""

from curves import curve, ellipse
from cut import creases
from raster import line, shape
from scene import flat

GROUND = 318.0


def low_upper(collar, heel, tongue, toe):
    """Return a low shoe's upper (N, 2): collar, heel and tongue heights above ground, toe height."""
    g = GROUND - 20
    return curve(
        [
            (318, g, 0),
            (326, g - heel * 0.45),
            (321, g - heel, 0),
            (296, g - collar - 4),
            (262, g - collar),
            (238, g - tongue + 6),
            (222, g - tongue, 0),
            (196, g - tongue + (20 if tongue > 80 else 9)),
            (132, g - toe - (tongue - toe) * 0.41),
            (84, g - toe),
            (50, g - toe * 0.62),
            (38, g, 0),
        ],
        closed=True,
    )


def stand_shoe(scene):
    """Put the shoe's shadow on the floor."""
    scene.stand(182, GROUND + 3, 150, 6, 0.55)


def lay_opening(scene, collar, heel, tongue, lining):
    """Lay the dark inside and the far side of the collar, before the upper covers the near side."""
    g = GROUND - 20
    far = curve(
        [
            (321, g - heel + 2, 0),
            (296, g - collar - 13),
            (262, g - collar - 11),
            (234, g - tongue - 7),
            (216, g - tongue - 4, 0),
            (226, g - tongue + 26),
            (300, g - collar + 26),
        ],
        closed=True,
    )
    scene.lay(shape(far), flat(lining * 0.62), puff=5, drop=0)


def lay_laces(scene, count, tongue, toe, colour, lean=15):
    """Lay a row of laces from the tongue's top down to the toe, with their eyelets."""
    g = GROUND - 20
    for i in range(count):
        t = (i + 0.6) / count
        x, y = 224 - 84 * t, g - tongue + 8 + (tongue - toe - 28) * t
        bar = curve([(x - 3, y - 5), (x + 8, y + 3), (x + lean, y + 15)])
        scene.lay(line(bar, 4.2), flat(colour), puff=1.8, drop=0.55)
        scene.paint(shape(ellipse(x + lean + 1, y + 16, 2.4, 2.4)), colour * 0.4)


def toe_bend(look):
    """Return the relief (480, 360) of the creases where the toes bend."""
    lines = [curve([(118 + 16 * i, 246 + 7 * i), (126 + 16 * i, 268), (122 + 15 * i, 286)]) for i in range(3)]
    return creases(lines, 4, look.between(2, 4.5))
