"""Ties, socks and wallets."""

import numpy as np
from curves import curve, ellipse, half, rectangle
from cut import creases, drape
from look import words
from palette import COLOURS, is_pale, tint
from patterns import blocks, dots, field, named
from raster import blur, shape
from scene import COLUMNS, flat


def tie(scene, look):
    """Draw a knotted tie: slim or wide, with slanted stripes, dots, checks or flowers."""
    kind = look.pick(("stripes", "dots", "solid", "pinstripes", "checks", "twin stripes", "floral"))
    wide = look.pick((42, 30, 38))
    if kind == "dots":
        fabric = dots(look.colour, look.partner(), look.between(11, 17), look.between(1.6, 3.2))
    else:
        fabric = named(look.rng, look.colour, kind)
    turn = look.pick((38, -38)) if kind in ("stripes", "twin stripes") else 0
    loop = curve(
        [
            (152, 62, 0),
            (130, 44),
            (140, 22),
            (180, 14),
            (220, 22),
            (230, 44),
            (208, 62, 0),
            (214, 46),
            (206, 36),
            (180, 32),
            (154, 36),
            (146, 46),
        ],
        True,
    )
    scene.lay(shape(loop), fabric, puff=4, angle=60, drop=0)
    tail = half(
        [(-12, 90, 0), (14, 90, 0), (wide * 0.55 + 8, 380, 0), (10, 404, 0), (-wide * 0.4, 384, 0)], closed=True
    )
    scene.lay(shape(tail), fabric, puff=5, angle=turn, drop=0)
    blade = half(
        [
            (-15, 82, 0),
            (15, 82, 0),
            (wide * 0.7, 230),
            (wide, 412, 0),
            (0, 412 + wide * 1.15, 0),
            (-wide, 412, 0),
            (-wide * 0.7, 230),
        ],
        closed=True,
    )
    lines = [half([(-3, 90), (-7, 150), (-4, 230)]), half([(7, 90), (10, 130), (8, 180)])]
    scene.lay(
        shape(blade),
        fabric,
        puff=8,
        relief=creases(lines, 6, -6) + drape(look.rng, 0.4),
        angle=turn,
        gloss=0.08,
        drop=0.5,
    )
    knot = half(
        [(-27, 46, 0), (0, 50), (27, 46, 0), (25, 66), (15, 90, 0), (0, 93), (-15, 90, 0), (-25, 66)], closed=True
    )
    scene.lay(
        shape(knot), fabric, puff=9, relief=creases([half([(-20, 52), (12, 84)])], 5, 3), angle=-turn - 20, drop=0.55
    )
    word = {
        "stripes": "Striped",
        "twin stripes": "Striped",
        "pinstripes": "Pinstriped",
        "dots": "Polka Dot",
        "checks": "Checked",
        "floral": "Floral",
    }.get(kind, "Solid")
    return words(word, "Slim" if wide < 35 else "", "Tie")


def socks(scene, look):
    """Draw a pair of socks: ankle, crew or knee length, with ribs, bands and coloured heels."""
    length = look.rng.choice(("Ankle", "Crew", "Knee Length"))
    kind = look.pick(("twin stripes", "solid", "dots", "bold stripes", "zigzag", "checks"))
    fabric = named(look.rng, look.colour, kind)
    accent = look.partner()
    top = {"Ankle": 196, "Crew": 118, "Knee Length": 40}[length]
    word = {"solid": "", "dots": "Polka Dot", "zigzag": "Zigzag", "checks": "Checked"}.get(kind, "Striped")
    for dx, dy in ((62, -16), (-32, 12)):
        _sock(scene, look, fabric, accent, top, dx, dy)
    return words(word, length, "Socks")


def _sock(scene, look, fabric, accent, top, dx, dy):
    shift = (dx, dy)
    outline = (
        curve(
            [
                (150, top, 0),
                (228, top, 0),
                (226, (top + 290) / 2),
                (228, 300),
                (238, 346),
                (216, 386),
                (166, 398),
                (92, 420),
                (56, 410),
                (52, 378),
                (92, 352),
                (136, 322),
                (152, 282),
                (150, (top + 280) / 2),
            ],
            True,
        )
        + shift
    )
    mask = shape(outline)
    folds = creases(
        [curve([(150, 300), (186, 318), (222, 314)]) + shift, curve([(146, 318), (176, 338), (206, 344)]) + shift], 6, 5
    )
    scene.lay(mask, fabric, puff=13, relief=folds + drape(look.rng, 0.6), drop=0.45)
    heel = ellipse(232, 372, 38, 40) + shift
    toe = ellipse(52, 398, 40, 44) + shift
    for part in (heel, toe):
        scene.lay(shape(part) * mask, flat(accent), puff=12, drop=0.2)
    cuff = np.array([(149, top - 1), (229, top - 1), (229, top + 26), (149, top + 26)]) + shift
    scene.lay(
        shape(cuff),
        flat(accent if look.gender != "Men" else tint(look.colour, -0.15)),
        puff=5,
        relief=np.sin(COLUMNS * 1.3) * 0.4,
        drop=0.25,
    )


def wallet(scene, look):
    """Draw a closed wallet: bifold, zipped, buttoned or two-tone."""
    style = look.pick(("Bifold", "Zip Around", "Buttoned", "Two-Tone"))
    leather = field(look.rng, look.colour, 0.035, 110, 150)
    accent = look.partner()
    rx, ry = look.between(118, 136), look.between(84, 98) if style != "Zip Around" else look.between(66, 76)
    scene.stand(186, 246 + ry, rx, 6, 0.4)
    for dx, dy in ((5, 5), (2.5, 2.5)):
        scene.lay(shape(rectangle(180 + dx, 250 + dy, rx, ry, 12)), flat(look.colour * 0.6), puff=4, drop=0.3)
    body = rectangle(180, 250, rx, ry, 12)
    mask = shape(body)
    fabric = leather if style != "Two-Tone" else blocks(look.colour, [(250 + ry * look.between(-0.2, 0.4), accent)])
    scene.lay(mask, fabric, puff=9, gloss=0.25, relief=drape(look.rng, 0.4), drop=0.4)
    thread = tint(look.colour, -0.35 if is_pale(look.colour) else 0.4)
    inner = rectangle(180, 250, rx - 8, ry - 8, 8)
    scene.stitch(np.vstack([inner, inner[:1]]), thread, 1.1, 4, 2.4)
    if style == "Zip Around":
        edge = rectangle(180, 250, rx - 2, ry - 2, 11)
        scene.stitch(np.vstack([edge, edge[:1]]), COLOURS["Gold"], 3.4, 1.6, 1.6)
        scene.lay(shape(rectangle(180 + rx - 4, 268, 4, 18, 3)), flat(COLOURS["Gold"]), puff=2, drop=0.5, gloss=0.4)
    if style == "Buttoned":
        tab = curve(
            [
                (180 + rx + 4, 226, 0),
                (180 + rx - 60, 228),
                (180 + rx - 74, 250),
                (180 + rx - 60, 272),
                (180 + rx + 4, 274, 0),
            ],
            True,
        )
        scene.lay(shape(tab), leather, puff=5, drop=0.5)
        scene.lay(shape(ellipse(180 + rx - 56, 250, 8, 8)), flat(COLOURS["Gold"]), puff=3, drop=0.5, gloss=0.5)
    scene.glaze(blur(shape(ellipse(130, 214, 60, 14, -16)), 12) * mask, 0.22)
    scene.lay(
        shape(rectangle(180 + rx * 0.55, 250 + ry * 0.62, 16, 7, 2)), flat(tint(look.colour, -0.25)), puff=1.6, drop=0.1
    )
    return words(style, "Leather Wallet")
