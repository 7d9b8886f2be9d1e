"""Handbags that slouch: the hobo and the bucket bag."""

from bag_parts import lay_bag, lay_handle, lay_ring
from curves import arch, curve, half, symmetric
from cut import creases, drape
from palette import tint
from raster import dashes, line, shape
from scene import flat


def lay_hobo(scene, look, fabric, metal, trim):
    """Lay a gathered crescent bag."""
    peak = look.between(62, 92)
    outline = curve(
        [
            (180, peak, 0),
            (212, peak + 40),
            (240, 190),
            (302, 232),
            (322, 316),
            (296, 398),
            (180, 422),
            (64, 398),
            (38, 316),
            (58, 232),
            (120, 190),
            (148, peak + 40),
            (180, peak, 0),
        ],
        True,
    )
    hole = symmetric([(0, peak + 22), (18, peak + 52), (46, 190), (80, 224), (0, 250)])
    mask = shape(outline) - shape(hole)
    lines = [half([(dx, 250), (dx * 1.3, 320), (dx * 1.5, 380)]) for dx in (-70, -36, 0, 36, 70)]
    scene.lay(
        shape(hole + (0, 16))
        * shape(hole + (0, 2))
        * (shape(half([(-100, 205, 0), (100, 205, 0), (100, 260, 0), (-100, 260, 0)], True))),
        flat(look.colour * 0.5),
        puff=5,
        drop=0,
    )
    scene.lay(mask.clip(0, 1), fabric, puff=12, relief=drape(look.rng, 1.2) + creases(lines, 9, 8), gloss=0.12, drop=0)
    scene.stitch(arch([(0, 256), (50, 246), (88, 222)]), tint(look.colour, 0.35), 1.1)
    tassel = curve([(252, 252, 0), (260, 252, 0), (268, 326, 0), (246, 326, 0)], True)
    if look.chance(0.7):
        scene.lay(shape(tassel), flat(trim), puff=3, relief=None, drop=0.45)
        lay_ring(scene, 256, 248, 6, metal)


def lay_bucket(scene, look, fabric, metal, trim):
    """Lay a round bag closed by a cord."""
    top = look.between(206, 226)
    lay_handle(scene, [(98, top + 8), (104, 130), (180, look.between(66, 88)), (256, 130), (262, top + 8)], 9, trim)
    outline = symmetric([(0, top + 8), (60, top - 4), (84, top + 2, 0), (80, top + 36), (98, 400), (88, 418), (0, 422)])
    mask = lay_bag(scene, look, outline, fabric, 1.0)
    inside = symmetric([(0, top - 6), (60, top - 8), (84, top + 2), (60, top + 9), (0, top + 11)])
    scene.lay(shape(inside), flat(look.colour * 0.5), puff=3, drop=0)
    cord = arch([(0, top + 36), (50, top + 34), (81, top + 28)])
    scene.lay(dashes(cord, 4.5, 16, 7), flat(trim), puff=2, drop=0.4)
    for side in (-1, 1):
        end = half([(side * 4, top + 36), (side * 14, top + 70), (side * 10, top + 98)])
        scene.lay(line(end, 4), flat(trim), puff=1.8, drop=0.5)
        scene.lay(
            shape(
                half(
                    [
                        (side * 5, top + 96, 0),
                        (side * 15, top + 96, 0),
                        (side * 19, top + 122, 0),
                        (side * 4, top + 122, 0),
                    ],
                    True,
                )
            ),
            flat(trim),
            puff=2.5,
            drop=0.4,
        )
    base = symmetric([(0, 384), (110, 380, 0), (110, 430, 0), (0, 430)])
    scene.lay(shape(base) * mask, flat(trim), puff=5, drop=0.3)
