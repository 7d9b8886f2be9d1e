"""Button-down shirts and kurtas."""

import numpy as np
from curves import arch, flip, half, rectangle, symmetric
from cut import Cut, cuff_seam, hem, lay_body, lay_inside, lay_sleeves
from look import words
from palette import is_pale, tint
from raster import shape
from scene import flat

SHIRT_PATTERNS = ("checks", "solid", "gingham", "pinstripes", "windowpane", "solid", "dots", "floral", "checks")
KURTA_PATTERNS = ("solid", "floral", "dots", "wash", "pinstripes")


def shirt(scene, look):
    """Draw a shirt: long or short sleeves, pointed, button-down or stand collar, pockets and yoke."""
    fabric, word = look.fabric(SHIRT_PATTERNS)
    short = look.chance(0.35)
    slim = look.female
    cut = Cut(
        top=62,
        neck=36,
        neck_depth=44,
        vee=True,
        shoulder=84 if slim else 95,
        chest=86 if slim else 98,
        waist=look.between(74, 80) if slim else look.between(91, 97),
        hem=88 if slim else 98,
        bottom=look.between(392, 420),
        sag=look.pick((16, 6, 20)),
    )
    plain = tint(look.colour, 0.75) if word == "Gingham" else look.colour
    lay_inside(scene, cut, plain)
    _sleeves(scene, look, cut, fabric, plain, short)
    lay_body(scene, look.rng, cut, fabric)
    hem(scene, cut, 6)
    _front(scene, cut, fabric, plain)
    pockets = look.pick((1, 0, 2, 1))
    for side in (1, -1)[:pockets]:
        pocket(scene, 180 + side * cut.chest * 0.5, cut.armpit + 34, cut.chest * 0.25, fabric, pockets == 2)
    contrast = look.chance(0.2)
    collar = look.pick(("", "", "Mandarin Collar", ""))
    _collar(scene, cut, flat(look.partner()) if contrast else fabric, plain, collar)
    return words(
        word, collar, "Short Sleeve" if short else "", look.rng.choice(("Slim Fit", "Regular Fit", "")), "Shirt"
    )


def _sleeves(scene, look, cut, fabric, plain, short):
    if short:
        for _, edge in lay_sleeves(scene, look.rng, cut, fabric, look.between(100, 118), 22, 68):
            cuff_seam(scene, edge, 9)
        return
    for _, edge in lay_sleeves(scene, look.rng, cut, fabric, look.between(270, 284), 12, 42):
        band = cuff(edge, 21, 3)
        scene.lay(shape(band), fabric, puff=4, drop=0.35)
        x, y = edge.mean(axis=0)
        scene.button(x, y - 10, 2.4, button_colour(plain))


def button_colour(cloth):
    """Return the colour (3,) of buttons that show on a cloth's colour (3,)."""
    return np.array([0.42, 0.38, 0.35]) if is_pale(cloth) else np.array([0.92, 0.91, 0.88])


def cuff(edge, height, overhang):
    """Return the outline (4, 2) of a cuff that ends at a sleeve's edge (N, 2)."""
    first, last = edge[0], edge[-1]
    along = (last - first) / np.linalg.norm(last - first)
    up = np.array([along[1], -along[0]])
    up = up if up[1] < 0 else -up
    wide = along * overhang
    return np.array([first - wide, last + wide, last + wide * 0.6 + up * height, first - wide * 0.6 + up * height])


def _front(scene, cut, fabric, plain):
    start, end = cut.top + cut.neck_depth - 4, cut.bottom + cut.sag - 1
    strip = np.array([(171, start), (189, start), (189, end), (171, end)])
    scene.lay(shape(strip), fabric, puff=2.5, drop=0.28, lift=0.7)
    for x in (174, 186):
        scene.stitch(np.array([(x, start), (x, end)]), tint(plain, -0.35), 0.7)
    count = 7
    for i in range(count):
        scene.button(180, start + 10 + (end - start - 40) * i / (count - 1), 3.0, button_colour(plain))


def pocket(scene, x, y, width, fabric, flap=False):
    """Sew a patch pocket about x from y down, of a half width in pixels, with a flap or without."""
    low = y + width * 2.3
    outline = np.array([(x - width, y), (x + width, y), (x + width, low - 8), (x, low), (x - width, low - 8)])
    scene.lay(shape(outline), fabric, puff=2.5, drop=0.3, lift=0.6)
    scene.seam(outline[[1, 2, 3, 4, 0]] * 1.0, 0.22, 0.9)
    if flap:
        over = np.array(
            [
                (x - width - 2, y - 3),
                (x + width + 2, y - 3),
                (x + width + 2, y + 9),
                (x, y + 17),
                (x - width - 2, y + 9),
            ]
        )
        scene.lay(shape(over), fabric, puff=2.5, drop=0.45, lift=0.7)
        scene.button(x, y + 9, 2.2, np.array([0.85, 0.84, 0.8]))
    else:
        scene.seam(np.array([(x - width, y + 7), (x + width, y + 7)]), 0.22, 0.9)


def _collar(scene, cut, fabric, plain, kind):
    top, neck, low = cut.top, cut.neck, cut.top + cut.neck_depth
    back = symmetric([(0, top - 8), (neck * 0.7, top - 11), (neck + 1, top - 5, 0), (neck, top + 8, 0), (0, top + 14)])
    scene.lay(shape(back), fabric, puff=5, drop=0.3)
    scene.darken(shape(arch([(0, top + 14), (neck * 0.8, top + 8), (neck, top + 4, 0), (0, top + 4)])), 0.2)
    if kind:
        stand = half(
            [
                (1, low + 2, 0),
                (neck * 0.6, top + 22),
                (neck, top - 6, 0),
                (neck + 7, top + 2),
                (neck * 0.72, top + 34),
                (4, low + 12, 0),
            ],
            closed=True,
        )
    else:
        stand = half(
            [
                (1, low - 3, 0),
                (neck * 0.6, top + 14),
                (neck - 4, top - 10, 0),
                (neck + 6, top + 2),
                (neck + 8, top + 26),
                (neck - 1, low + 24, 0),
                (18, low + 9),
            ],
            closed=True,
        )
    for outline in (stand, flip(stand)):
        scene.lay(shape(outline), fabric, puff=4, angle=0, drop=0.5)
    if not kind:
        scene.button(180, low + 1, 2.8, button_colour(plain))


def kurta(scene, look):
    """Draw a kurta: a long straight tunic with a banded neck, an embroidered placket and side slits."""
    fabric, word = look.fabric(KURTA_PATTERNS)
    slim = look.female
    cut = Cut(
        top=40,
        neck=30,
        neck_depth=34 if slim else 26,
        shoulder=72,
        slope=20,
        chest=74,
        waist=64 if slim else 73,
        hem=look.between(84, 100),
        bottom=look.between(430, 446),
        armpit=122,
        sag=4,
    )
    thread = look.partner()
    lay_inside(scene, cut, look.colour)
    length = look.pick((205, 140, 216))
    for _, edge in lay_sleeves(scene, look.rng, cut, fabric, length, 13, 40 if length > 150 else 46):
        scene.lay(shape(cuff(edge, 10, 0)), flat(thread), puff=2, drop=0.2)
    lay_body(scene, look.rng, cut, fabric)
    _embroider(scene, look, cut, thread)
    for side in (-1, 1):
        slit = half([(side * (cut.hem - 10), cut.bottom - 92), (side * (cut.hem - 12), cut.bottom)])
        scene.seam(slit, 0.4, 1.6)
    border = arch([(0, cut.bottom - 4), (cut.hem * 0.6, cut.bottom - 4), (cut.hem - 1, cut.bottom - 8)])
    scene.stitch(border, thread, 3.2, 4, 2)
    return words(word, look.pick(("Embroidered", "Straight")), "Kurta")


def _embroider(scene, look, cut, thread):
    low = cut.top + cut.neck_depth
    long = look.between(70, 130)
    width = look.between(8, 16)
    panel = rectangle(180, low + long / 2, width, long / 2, 3)
    scene.lay(shape(panel), flat(tint(thread, -0.05)), puff=2, drop=0.25, lift=0.6)
    for inset in (2.5, 5.0):
        edge = rectangle(180, low + long / 2, width - inset, long / 2 - inset, 2)
        scene.stitch(np.vstack([edge, edge[:1]]), look.colour, 0.9, 2, 2)
    for i in range(int(long // 18)):
        scene.button(180, low + 10 + 18 * i, 2.4, tint(look.colour, 0.2))
    neck = arch(cut.neckline())
    scene.lay(shape(np.vstack([neck, neck[::-1] + (0, -5)])), flat(thread), puff=2, drop=0.3)
