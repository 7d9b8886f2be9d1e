"""Sunglasses from the front."""

import numpy as np
from curves import arch, curve, ellipse, flip, half
from look import words
from raster import blur, line, shape
from scene import ROWS, flat

SHAPES = ("Wayfarer", "Aviator", "Round", "Cat Eye", "Sports", "Rectangular")


def sunglasses(scene, look):
    """Draw sunglasses from the front with tinted, graded or mirrored lenses."""
    style = look.pick(SHAPES)
    metal = style in ("Aviator", "Round") and look.chance(0.7)
    frame = look.colour
    lens = look.pick(
        (
            np.array([0.10, 0.10, 0.12]),
            np.array([0.30, 0.19, 0.10]),
            np.array([0.12, 0.2, 0.30]),
            np.array([0.2, 0.28, 0.2]),
            np.array([0.45, 0.25, 0.40]),
        )
    )
    paling = look.pick((0.12, 0.5, 0.3, 0.05))
    outline = _lens(style, look)
    thick = 3.4 if metal else {"Sports": 6, "Aviator": 5}.get(style, look.between(8, 13))
    scene.stand(180, 312, 136, 5, 0.25)
    _temples(scene, frame, outline, 4 if metal else 8)
    for side in (outline, flip(outline)):
        _lay_lens(scene, side, lens, paling)
        ring = np.vstack([side, side[:2]])
        scene.lay(line(ring, thick), flat(frame), puff=max(1.5, thick * 0.3), gloss=0.45, drop=0.3)
    _bridge(scene, style, frame, outline, thick, metal)
    return words("Gradient" if paling >= 0.3 else "", style, "Sunglasses")


def _lens(style, look):
    s = look.between(0.94, 1.06)
    shapes = {
        "Wayfarer": [(20, 204), (70, 194), (134, 196), (132, 232), (112, 278), (72, 288), (36, 274), (20, 236)],
        "Aviator": [(20, 206), (72, 196), (132, 206), (136, 246), (106, 296), (66, 302), (30, 262), (16, 224)],
        "Round": [(16, 244), (34, 204), (76, 188), (118, 204), (136, 244), (118, 284), (76, 300), (34, 284)],
        "Cat Eye": [(18, 222), (60, 202), (110, 188), (150, 176, 0), (138, 230), (104, 276), (58, 284), (24, 262)],
        "Sports": [(12, 214), (70, 202), (146, 208), (150, 230), (124, 262), (70, 270), (30, 264), (14, 244)],
        "Rectangular": [
            (18, 208, 0),
            (76, 202),
            (136, 206, 0),
            (134, 240),
            (124, 276),
            (74, 282),
            (28, 276),
            (18, 240),
        ],
    }
    points = [(x, 240 + (y - 240) * s, *corner) for x, y, *corner in shapes[style]]
    return half(points, closed=True)


def _lay_lens(scene, outline, lens, paling):
    mask = shape(outline)
    low, high = outline[:, 1].min(), outline[:, 1].max()
    fade = np.clip((ROWS - low) / (high - low), 0, 1)[..., None] * paling
    tone = lens + (1 - lens) * fade
    scene.lay(
        mask,
        lambda x, y: tone[np.clip(y, 0, 479).astype(int), np.clip(x, 0, 359).astype(int)],
        puff=10,
        drop=0,
        lift=0.4,
    )
    left = outline[:, 0].min()
    for start, width in ((26, 20), (56, 7)):
        glare = curve(
            [
                (left + start, low - 4, 0),
                (left + start + width, low - 4, 0),
                (left + start + width - 44, high + 4, 0),
                (left + start - 44, high + 4, 0),
            ],
            True,
        )
        scene.glaze(blur(shape(glare), 1) * mask, 0.2)


def _temples(scene, frame, outline, thick):
    edge = outline[outline[:, 0].argmax()]
    for flipped in (False, True):
        arm = curve(
            [
                (edge[0] - 3, edge[1] - 2),
                (edge[0] + 11, edge[1] - 6),
                (edge[0] + 5, edge[1] - 26),
                (edge[0] - 36, edge[1] - 52),
                (edge[0] - 78, edge[1] - 58),
            ]
        )
        scene.lay(line(flip(arm) if flipped else arm, thick), flat(frame * 0.75), puff=2, gloss=0.2, drop=0)


def _bridge(scene, style, frame, outline, thick, metal):
    inner = outline[outline[:, 0].argmin()]
    dx, y = inner[0] - 180, inner[1]
    lift = 12 if style != "Aviator" else 4
    scene.lay(
        line(arch([(0, y - lift - 4), (dx + 1, y - lift + 4)]), max(thick, 3.4)),
        flat(frame),
        puff=2,
        gloss=0.4,
        drop=0.3,
    )
    if style == "Aviator":
        scene.lay(line(arch([(0, 198), (40, 199), (66, 197)]), 3.4), flat(frame), puff=1.6, gloss=0.4, drop=0.3)
    hinge = outline[outline[:, 0].argmax()]
    if not metal:
        for x in (hinge[0] - 3, 363 - hinge[0]):
            scene.glaze(shape(ellipse(x, hinge[1] - 4, 3.2, 2)), 0.8)
