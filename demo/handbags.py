"""Handbags."""

import numpy as np
from bag_parts import edge_stitch, lay_bag, lay_handle, lay_ring
from curves import arch, curve, ellipse, half, rectangle, symmetric
from look import words
from palette import COLOURS, tint
from patterns import blocks, checks, field
from raster import dashes, line, shape
from scene import flat
from soft_bags import lay_bucket, lay_hobo

METALS = (COLOURS["Gold"], COLOURS["Silver"], COLOURS["Gold"], COLOURS["Copper"] * 0.8)
STYLES = ("Tote", "Satchel", "Hobo", "Shoulder", "Bucket", "Bowling")


def handbag(scene, look):
    """Draw a handbag: tote, satchel, hobo, chain shoulder, bucket or bowling bag."""
    style = look.pick(STYLES)
    metal = look.rng.choice(METALS)
    accent = look.partner()
    fabric, word = _leather(look, accent)
    scene.stand(184, 420, 122 if style != "Bucket" else 92, 8, 0.55)
    BAGS[style](scene, look, fabric, metal, tint(look.colour, -0.25) if look.chance(0.6) else accent)
    return words(word, style, "Handbag")


def _leather(look, accent):
    kind = look.pick(("grain", "two-tone", "grain", "pattern", "croc"))
    if kind == "two-tone":
        return blocks(look.colour, [(look.between(300, 340), accent)]), "Colourblock"
    if kind == "pattern":
        return look.fabric(("floral", "dots", "stripes", "checks"))
    if kind == "croc":
        return checks(look.colour, [(0, 2, look.colour * 0.75)], look.between(13, 17)), "Textured"
    return field(look.rng, look.colour, 0.025, 120, 160), ""


def _tote(scene, look, fabric, metal, trim):
    top, wide, narrow = look.between(190, 214), look.between(118, 134), look.between(96, 116)
    peak = top - look.between(92, 128)
    lay_handle(
        scene, [(122, top + 8), (126, peak + 30), (180, peak - 6), (234, peak + 30), (238, top + 8)], 8, trim * 0.8
    )
    flared = look.chance(0.6)
    up, down = (wide, narrow) if flared else (narrow, wide)
    outline = symmetric([(0, top + 5), (up, top, 0), (down + 3, 330), (down, 412), (down - 12, 420), (0, 421)])
    lay_bag(scene, look, outline, fabric)
    edge_stitch(scene, outline, tint(look.colour, 0.3), (180, 310))
    scene.lay(line(arch([(0, top + 8), (up - 3, top + 4)]), 9), flat(trim), puff=3, drop=0.35)
    lay_handle(
        scene,
        [
            (126, top + 44),
            (124, top),
            (128, peak + 44),
            (180, peak + 12),
            (232, peak + 44),
            (236, top),
            (234, top + 44),
        ],
        9,
        trim,
    )
    for x in (126, 234):
        scene.lay(shape(rectangle(x, top + 40, 9, 18, 5)), flat(trim), puff=3, drop=0.4)
        lay_ring(scene, x, top + 22, 7, metal)
    if look.chance(0.6):
        scene.lay(shape(rectangle(180, top + 58, 15, 11, 2)), flat(metal), puff=2, drop=0.4, gloss=0.3)


def _satchel(scene, look, fabric, metal, trim):
    top = look.between(200, 220)
    lay_handle(scene, [(140, top + 6), (146, top - 46), (180, top - 62), (214, top - 46), (220, top + 6)], 11, trim)
    outline = symmetric([(0, top), (96, top), (122, top + 22), (132, 330), (130, 408), (116, 420), (0, 421)])
    lay_bag(scene, look, outline, fabric, 0.4)
    deep = look.between(318, 352)
    flap = symmetric([(0, top - 3), (98, top - 2), (124, top + 22), (129, deep - 40), (96, deep - 6), (0, deep)])
    scene.lay(shape(flap), fabric, puff=8, drop=0.55, gloss=0.12)
    edge_stitch(scene, flap, tint(look.colour, 0.35), (180, (top + deep) / 2), 0.94)
    for x in (180,) if look.chance(0.5) else (124, 236):
        scene.lay(shape(rectangle(x, deep - 2, 11, 40, 4)), flat(trim), puff=3, drop=0.45)
        buckle = rectangle(x, deep + 10, 15, 12, 3)
        scene.lay(line(np.vstack([buckle, buckle[:1]]), 4), flat(metal), puff=1.6, drop=0.5, gloss=0.4)
    for x in (140, 220):
        lay_ring(scene, x, top + 4, 8, metal)


def _shoulder(scene, look, fabric, metal, trim):
    top = look.between(236, 256)
    peak = look.between(60, 96)
    chain = curve(
        [(64, top + 12), (96, 170), (150, peak + 14), (180, peak), (210, peak + 14), (264, 170), (296, top + 12)]
    )
    if look.chance(0.6):
        scene.lay(dashes(chain, 6, 7, 2.5), flat(metal), puff=1.8, drop=0.3, gloss=0.4)
    else:
        scene.lay(line(chain, 9), flat(trim), puff=3, drop=0.3)
    outline = symmetric([(0, top), (112, top), (126, top + 12), (129, 400), (118, 420), (0, 421)])
    lay_bag(scene, look, outline, fabric, 0.3)
    deep = look.between(336, 372)
    flap = symmetric([(0, top - 3), (113, top - 3), (128, top + 12), (127, deep - 44), (60, deep - 14), (0, deep)])
    scene.lay(shape(flap), fabric, puff=8, drop=0.55, gloss=0.15)
    if look.chance(0.5):
        for i in range(-6, 7):
            for lean in (-1, 1):
                quilt = half(
                    [
                        (
                            i * 30 - lean * 60,
                            top,
                        ),
                        (i * 30 + lean * 60, deep + 6),
                    ]
                )
                scene.darken(line(quilt, 1.6) * shape(flap), 0.3)
                scene.glaze(line(quilt + (2, 2), 1.4) * shape(flap), 0.12)
    scene.lay(shape(ellipse(180, deep - 12, 13, 13)), flat(metal), puff=3, drop=0.5, gloss=0.4)
    scene.lay(shape(ellipse(180, deep - 12, 6, 6)), flat(metal * 0.8), puff=2, drop=0.3)


def _bowling(scene, look, fabric, metal, trim):
    top = look.between(224, 240)
    lay_handle(scene, [(118, top + 10), (122, 140), (180, 108), (238, 140), (242, top + 10)], 9, trim * 0.8)
    outline = symmetric([(0, top), (90, top + 8), (132, top + 64), (140, 380), (124, 420), (0, 421)])
    mask = lay_bag(scene, look, outline, fabric, 0.4)
    for side in (-1, 1):
        panel = half(
            [(side * 84, 200, 0), (side * 106, 330), (side * 100, 430, 0), (side * 160, 430, 0), (side * 160, 200, 0)],
            True,
        )
        scene.lay(shape(panel) * mask, flat(trim), puff=6, drop=0.3)
    zip_ = arch([(0, top + 9), (84, top + 17), (122, top + 62)])
    scene.darken(line(zip_, 6) * mask, 0.35)
    scene.stitch(zip_, metal, 3.2, 1.4, 1.4)
    lay_handle(
        scene, [(116, top + 78), (114, top), (126, 158), (180, 128), (234, 158), (246, top), (244, top + 78)], 9, trim
    )
    for x in (116, 244):
        scene.lay(shape(rectangle(x, top + 74, 10, 14, 4)), flat(trim), puff=3, drop=0.4)
        lay_ring(scene, x, top + 54, 7, metal)


BAGS = {
    "Tote": _tote,
    "Satchel": _satchel,
    "Hobo": lay_hobo,
    "Shoulder": _shoulder,
    "Bucket": lay_bucket,
    "Bowling": _bowling,
}
