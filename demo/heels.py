"""Heels in side view, toe to the left."""

import numpy as np
from curves import curve, ellipse, rotate
from heel_straps import GROUND, lay_ankle_strap, lay_sandal_straps
from look import words
from palette import COLOURS, tint
from patterns import field
from raster import blur, line, shape
from scene import flat


def heels(scene, look):
    """Draw a heeled shoe in side view: pump, ankle strap, sling back, sandal or wedge."""
    style = look.pick(("Stilettos", "Ankle Strap Heels", "Block Heel Pumps", "Strappy Heels", "Wedges", "Kitten Heels"))
    rise = {"Stilettos": 132, "Kitten Heels": 66, "Block Heel Pumps": 96}.get(style, look.between(100, 124))
    fabric, word = look.fabric(("solid", "solid", "floral", "dots"))
    gloss = look.pick((0.45, 0.1, 0.3))
    platform = 14 if style in ("Wedges", "Strappy Heels") and look.chance(0.6) else 0
    scene.stand(84, GROUND + 3, 46, 5, 0.5)
    scene.stand(292, GROUND + 3, 30 if style == "Wedges" else 16, 4, 0.5)
    heel_top = GROUND - rise - platform
    _heel(scene, look, style, heel_top, platform)
    if style == "Strappy Heels":
        lay_sandal_straps(scene, look, fabric, heel_top, platform)
    else:
        _pump(scene, look, fabric, heel_top, platform, gloss, style == "Wedges" or look.chance(0.25))
    _sole(scene, look, heel_top, platform)
    if style in ("Ankle Strap Heels", "Strappy Heels"):
        lay_ankle_strap(scene, look, fabric, heel_top)
    return words(word, style)


def _footbed(heel_top, platform):
    """Return the sole's line from the heel's back to the toe, as control points."""
    ball = GROUND - 9 - platform
    return [
        (312, heel_top - 4),
        (270, heel_top + 6),
        (214, heel_top + (ball - heel_top) * 0.5),
        (152, ball - 4),
        (100, ball),
        (46, ball - 3),
    ]


def _heel(scene, look, style, heel_top, platform):
    colour = look.pick((look.colour * 0.85, COLOURS["Tan"], look.colour * 0.85, COLOURS["Black"]))
    widths = {"Block Heel Pumps": 26, "Strappy Heels": look.pick((24, 6, 14)), "Kitten Heels": 8}
    foot = widths.get(style, look.pick((5, 6, 16)))
    if style == "Wedges":
        outline = curve(
            [
                (316, heel_top - 4, 0),
                (306, GROUND, 0),
                (60, GROUND, 0),
                (44, GROUND - 10),
                (120, GROUND - 12 - platform),
                (210, heel_top + (GROUND - heel_top) * 0.45),
                (266, heel_top + 6),
            ],
            True,
        )
        scene.lay(
            shape(outline),
            field(look.rng, COLOURS["Tan"] if look.chance(0.6) else colour, 0.06, 90, 40),
            puff=9,
            drop=0,
        )
        return
    outline = curve(
        [
            (318, heel_top - 6, 0),
            (312, heel_top + 34),
            (304, GROUND - 10),
            (303, GROUND, 0),
            (303 - foot, GROUND, 0),
            (300 - foot * 1.1, GROUND - 14),
            (292 - foot, heel_top + 40),
            (252, heel_top + 12, 0),
        ],
        True,
    )
    scene.lay(shape(outline), flat(colour), puff=6, gloss=0.3, drop=0)


def _sole(scene, look, heel_top, platform):
    bed = curve(_footbed(heel_top, platform))
    scene.lay(
        line(bed + (0, 3), 5.5),
        flat(look.pick((COLOURS["Tan"], COLOURS["Black"], look.colour * 0.7))),
        puff=2,
        drop=0.3,
    )
    if platform:
        slab = curve(
            [
                (44, GROUND - platform - 9),
                (150, GROUND - platform - 9, 0),
                (190, GROUND - platform - 20, 0),
                (158, GROUND, 0),
                (58, GROUND, 0),
            ],
            True,
        )
        scene.lay(shape(slab), flat(look.colour * 0.85), puff=5, gloss=0.2, drop=0.3)


def _pump(scene, look, fabric, heel_top, platform, gloss, open_toe):
    bed = [(x, y, 0) if i in (0, 5) else (x, y) for i, (x, y) in enumerate(_footbed(heel_top, platform))]
    ball = GROUND - 9 - platform
    height = look.between(58, 68)
    dip = look.between(0.28, 0.4)
    back = (320, heel_top - height * 0.5)
    inner = curve(
        [
            (314, heel_top - height, 0),
            (262, heel_top - 40),
            (190, ball - 78),
            (138, ball - 52, 0),
            (176, ball - 46),
            (262, heel_top - 16),
        ],
        True,
    )
    scene.lay(shape(inner), flat(COLOURS["Tan"] * 0.85), puff=4, drop=0)
    toe = [(34, ball - 8), (56, ball - 26)] if not open_toe else [(66, ball - 6, 0), (74, ball - 28, 0)]
    low = heel_top + (ball - heel_top) * dip
    outline = curve(
        bed[:5]
        + ([bed[5]] if not open_toe else [])
        + toe
        + [
            (100, ball - 44),
            (134, ball - 54, 0),
            (170, ball - 44),
            (214, low - 24),
            (266, heel_top - 30),
            (314, heel_top - height, 0),
            back,
        ],
        True,
    )
    mask = shape(outline)
    scene.lay(mask, fabric, puff=11, gloss=gloss, drop=0.2)
    scene.glaze(blur(shape(ellipse(88, ball - 30, 26, 5, -24)), 4) * mask, gloss)
    scene.glaze(blur(shape(ellipse(302, heel_top - 28, 5, 17, 6)), 4) * mask, gloss * 0.8)
    trim = curve(
        [(134, ball - 53), (170, ball - 44), (214, low - 24), (266, heel_top - 30), (313, heel_top - height + 1)]
    )
    scene.lay(line(trim, 2.6) * mask, flat(tint(look.colour, -0.2)), puff=1.5, drop=0.2)
    _toe_ornament(scene, look, ball)


def _toe_ornament(scene, look, ball):
    kind = look.rng.choice(("none", "none", "bow", "buckle"))
    accent = look.partner()
    if kind == "bow":
        for turn in (24, -24, 204, 156):
            loop = rotate(ellipse(132, ball - 50, 11, 5.5), turn, (120, ball - 50))
            scene.lay(shape(loop), flat(accent), puff=3, drop=0.4)
        scene.lay(shape(ellipse(120, ball - 50, 5, 5)), flat(accent), puff=2, drop=0.4)
    elif kind == "buckle":
        frame = rotate(ellipse(116, ball - 46, 12, 9), -20, (116, ball - 46))
        scene.lay(line(np.vstack([frame, frame[:1]]), 3), flat(COLOURS["Gold"]), puff=1.5, drop=0.5)
