"""Belts, coiled with the buckle in front."""

import numpy as np
from curves import ellipse, rectangle
from look import words
from palette import COLOURS, is_pale, tint
from patterns import field, stripes
from raster import line, shape
from scene import flat


def belt(scene, look):
    """Draw a coiled belt with its buckle in front: plain, stitched, woven, studded or reversible."""
    style = look.pick(("Leather", "Stitched", "Woven", "Studded", "Canvas"))
    metal = look.pick((COLOURS["Silver"], COLOURS["Gold"], COLOURS["Steel"] * 0.6))
    wide = look.between(34, 44) if not look.female else look.between(24, 34)
    colours = {"Canvas": stripes(look.colour, [(240 - 5, 10, look.partner())], 900)}
    fabric = colours.get(style, field(look.rng, look.colour, 0.04, 60, 80))
    scene.stand(184, 300, 140, 9, 0.45)
    back = ellipse(180, 214, 138, 36)
    for lift in (0, 7):
        inner = back * (1 - lift / 140, 1) + (180 * lift / 140, -lift)
        scene.lay(_band(inner, wide * 0.9), flat(look.colour * (0.55 + lift * 0.02)), puff=4, drop=0)
    front = np.array([p for p in ellipse(180, 240, 142, 40) if p[1] >= 239])
    scene.lay(_band(front, wide), fabric, puff=5, drop=0.4, gloss=0.2 if style != "Canvas" else 0)
    _belt_detail(scene, look, style, front, wide, metal)
    _buckle(scene, look, wide, metal)
    return words(style, "Belt")


def _band(path, wide):
    shifted = [shape(np.vstack([path[i : i + 2], path[i : i + 2][::-1] + (0, wide)])) for i in range(len(path) - 1)]
    return np.clip(sum(shifted), 0, 1)


def _belt_detail(scene, look, style, front, wide, metal):
    front = front[np.argsort(front[:, 0])]
    if style == "Stitched":
        thread = tint(look.colour, -0.4 if is_pale(look.colour) else 0.5)
        for dy in (5, wide - 5):
            scene.stitch(front + (0, dy), thread, 1.2, 4, 2.4)
    elif style == "Woven":
        for i in range(0, len(front)):
            x, y = front[i]
            for dy in np.arange(4, wide - 2, 8):
                scene.darken(line(np.array([(x - 5, y + dy), (x + 5, y + dy + 5)]), 1.8), 0.4)
                scene.darken(line(np.array([(x + 5, y + dy), (x - 5, y + dy + 5)]), 1.4), 0.3)
    elif style == "Studded":
        for x, y in front[2:-2:2]:
            scene.lay(shape(ellipse(x, y + wide / 2, 4.2, 4.2)), flat(metal), puff=2, drop=0.4, gloss=0.5)


def _buckle(scene, look, wide, metal):
    y = 280 + wide / 2 - 1
    kind = look.rng.choice(("frame", "plate", "oval"))
    if kind == "plate":
        scene.lay(shape(rectangle(172, y, 34, wide / 2 + 5, 4)), flat(metal), puff=3, drop=0.5, gloss=0.4)
        scene.seam(np.vstack([rectangle(172, y, 27, wide / 2 - 1, 3)] * 1), 0.25)
        return
    outline = rectangle(172, y, 30, wide / 2 + 7, 7) if kind == "frame" else ellipse(172, y, 33, wide / 2 + 9)
    scene.lay(line(np.vstack([outline, outline[:2]]), 7), flat(metal), puff=2.4, drop=0.55, gloss=0.5)
    scene.lay(line(np.array([(146, y), (204, y)]), 5), flat(metal), puff=2, drop=0.5, gloss=0.5)
    scene.lay(shape(rectangle(226, y - 2, 8, wide / 2 + 4, 2)), flat(look.colour * 0.85), puff=3, drop=0.45)
    for i in range(3):
        scene.darken(shape(ellipse(252 + 15 * i, y - 4 - 4 * i, 2.4, 2.8)), 0.75)
