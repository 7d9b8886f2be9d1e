"""Dresses and skirts."""

from curves import arch, half, symmetric
from cut import Cut, body_folds, creases, drape, lay_inside, lay_sleeves
from look import words
from palette import tint
from raster import blur, line, shape
from scene import flat

DRESS_PATTERNS = ("floral", "solid", "dots", "wash", "stripes", "floral", "pinstripes", "checks")
SKIRT_PATTERNS = ("solid", "floral", "dots", "checks", "wash", "windowpane")


def dress(scene, look):
    """Draw a dress: sheath, A-line, skater, maxi or tiered; strapped, sleeveless or sleeved."""
    shape_ = look.pick(("A-Line", "Sheath", "Skater", "Maxi", "Tiered", "Shift"))
    fabric, word = look.fabric(DRESS_PATTERNS)
    straps = look.pick(("cap", "strap", "long", "halter", "short", "none"))
    girl = look.child
    top = 34 if not girl else 62
    waist_y = top + (142 if not girl else 120)
    low = {"Maxi": 456, "Skater": 372, "Shift": 380}.get(shape_, look.between(390, 428)) - (16 if girl else 0)
    flare = {"A-Line": 106, "Sheath": 60, "Skater": 130, "Maxi": 98, "Tiered": 112, "Shift": 76}[shape_]
    cut = _bodice(look, straps, top)
    if straps in ("cap", "long", "short", "halter"):
        lay_inside(scene, cut, look.colour)
    if straps in ("cap", "long", "short"):
        length, cuff = {"cap": (36, 50), "long": (196, 30), "short": (72, 48)}[straps]
        lay_sleeves(scene, look.rng, cut, fabric, length, 22 if straps != "long" else 16, cuff)
    if straps == "strap":
        _straps(scene, cut, look.colour)
    body = _dress_outline(cut, waist_y, low, flare, shape_)
    mask = shape(body)
    scene.lay(mask, fabric, puff=11, relief=_dress_folds(look.rng, cut, waist_y, low, flare), drop=0.3)
    _dress_details(scene, look, cut, mask, waist_y, low, flare, shape_)
    sleeve = {"long": "Long Sleeve", "none": "Strapless", "halter": "Halter"}.get(straps, "")
    return words(word, sleeve, shape_, "Dress")


def _bodice(look, straps, top):
    vee = look.chance(0.45)
    cut = Cut(
        top=top,
        neck=32,
        neck_depth=54 if vee else look.between(24, 40),
        vee=vee,
        shoulder=62,
        slope=15,
        chest=66,
        armpit=top + 84,
    )
    if straps == "halter":
        cut.neck, cut.shoulder, cut.slope, cut.neck_depth, cut.vee = 22, 32, 2, 40, True
    if straps in ("strap", "none"):
        cut.top, cut.neck, cut.shoulder, cut.slope, cut.neck_depth = top + 52, 44, 58, 10, 16
    return cut


def _dress_outline(cut, waist_y, low, flare, shape_):
    waist = {"Shift": 66, "Sheath": 54}.get(shape_, 50)
    hip = {"Sheath": 70, "Shift": 71}.get(shape_, waist + (flare - waist) * 0.42)
    return symmetric(
        cut.neckline()
        + [
            (cut.shoulder, cut.top + cut.slope, 0),
            (cut.shoulder - 5, (cut.top + cut.slope + cut.armpit) / 2),
            (cut.chest, cut.armpit, 0),
            (waist, waist_y),
            (hip, waist_y + (low - waist_y) * 0.36),
            (flare, low - 6, 0),
            (flare * 0.62, low + 4),
            (0, low + 7),
        ]
    )


def _dress_folds(rng, cut, waist_y, low, flare):
    ridges, valleys = [], []
    count = 5 if flare < 80 else 9
    for i in range(count):
        t = (i + 0.5 + rng.uniform(-0.25, 0.25)) / count * 2 - 1
        start = waist_y + rng.uniform(8, 60)
        points = half([(t * 46, start), (t * (46 + flare) * 0.5, (start + low) / 2), (t * flare * 0.97, low + 5)])
        (ridges if i % 2 else valleys).append(points)
    strength = 5.0 if flare < 80 else 9.0
    hang = creases(ridges, 9, strength) + creases(valleys, 9, -strength)
    cut.bottom, cut.waist = low, 50
    return hang + body_folds(rng, cut, 0.45) + drape(rng, 0.5)


def _straps(scene, cut, colour):
    for side in (-1, 1):
        strap = half([(side * 50, cut.top + 8), (side * 42, cut.top - 50), (side * 34, cut.top - 56)])
        scene.lay(line(strap, 5), flat(colour), puff=2, drop=0.4)


def _dress_details(scene, look, cut, mask, waist_y, low, flare, shape_):
    trim = tint(look.colour, -0.18)
    scene.lay(line(arch(cut.neckline()), 3) * mask, flat(trim), puff=1.5, drop=0.2)
    waistline = arch([(0, waist_y + 5), (30, waist_y + 4), (56, waist_y)])
    if shape_ in ("A-Line", "Skater", "Maxi") and look.chance(0.6):
        belt = look.partner()
        scene.lay(line(waistline, look.between(8, 15)) * mask, flat(belt), puff=3, drop=0.45)
        scene.lay(
            shape(half([(-8, waist_y - 2, 0), (8, waist_y - 2, 0), (5, waist_y + 12, 0), (-5, waist_y + 12, 0)], True)),
            flat(tint(belt, -0.15)),
            puff=2,
            drop=0.4,
        )
    elif shape_ not in ("Shift", "Sheath"):
        scene.darken(line(waistline, 2.2) * mask, 0.35)
    if shape_ == "Tiered":
        for share in (0.36, 0.68):
            _tier(scene, mask, waist_y + (low - waist_y) * share)
    scene.darken(line(arch([(0, low - 3), (flare * 0.6, low - 6), (flare, low - 16)]), 1) * mask, 0.25)


def _tier(scene, mask, y):
    edge = arch([(0, y + 6), (70, y + 3), (140, y - 4)])
    scene.darken(blur(line(edge + (0, 4), 6), 2) * mask, 0.5)
    scene.glaze(line(edge + (0, -2), 2) * mask, 0.2)


def skirt(scene, look):
    """Draw a skirt: pencil, A-line, pleated, tiered, wrap or mini, at several lengths."""
    style = look.pick(("Pleated", "Pencil", "A-Line", "Tiered", "Denim Mini", "Maxi"))
    fabric, word = look.fabric(SKIRT_PATTERNS if style != "Denim Mini" else ("wash",))
    flare = {"Pencil": 88, "Denim Mini": 108, "Maxi": 126}.get(style, look.between(130, 148))
    low = {"Pencil": 400, "Denim Mini": 330, "Maxi": 452}.get(style, look.between(340, 400))
    top, waist = (96 if low < 380 else 50), 68
    hip = 98 if style in ("Pencil", "Denim Mini") else waist + (flare - waist) * 0.5
    low += top - 50
    low = min(low, 452)
    outline = symmetric(
        [
            (0, top + 6),
            (waist, top, 0),
            (hip, top + (low - top) * 0.34),
            (flare, low - 8, 0),
            (flare * 0.62, low + 4),
            (0, low + 8),
        ]
    )
    mask = shape(outline)
    scene.lay(mask, fabric, puff=12, relief=_skirt_folds(look.rng, style, top, low, waist, flare))
    if style == "Tiered":
        for share in (0.36, 0.68):
            _tier(scene, mask, top + (low - top) * share)
    if style == "Pleated":
        _pleats(scene, mask, top, low, waist, flare)
    _skirt_details(scene, look, fabric, style, top, low, waist, flare, mask)
    return words(word, style, "Skirt")


def _skirt_folds(rng, style, top, low, waist, flare):
    if style in ("Pencil", "Denim Mini"):
        lines = [
            half([(side * 80, top + 40 + 12 * i), (side * 30, top + 52 + 14 * i)]) for side in (-1, 1) for i in range(2)
        ]
        return drape(rng, 1.0) + creases(lines, 6, 3)
    count = 9
    groups = ([], [])
    for i in range(count):
        t = (i + 0.5 + rng.uniform(-0.2, 0.2)) / count * 2 - 1
        points = half(
            [(t * waist, top + rng.uniform(14, 60)), (t * (waist + flare) / 2, (top + low) / 2), (t * flare, low + 6)]
        )
        groups[i % 2].append(points)
    return creases(groups[0], 10, 10) + creases(groups[1], 10, -10) + drape(rng, 0.5)


def _pleats(scene, mask, top, low, waist, flare):
    for i in range(-8, 9):
        t = i / 8.5
        fold = half([(t * waist, top + 12), (t * flare, low + 8)])
        scene.darken(line(fold + (2, 0), 5) * mask, 0.16)
        scene.darken(line(fold, 1.6) * mask, 0.4)
        scene.glaze(line(fold + (-3, 0), 2.5) * mask, 0.12)


def _skirt_details(scene, look, fabric, style, top, low, waist, flare, mask):
    band = symmetric([(0, top + 5), (waist + 1, top - 1, 0), (waist + 4, top + 15, 0), (0, top + 22)])
    scene.lay(shape(band), fabric if look.chance(0.6) else flat(tint(look.colour, -0.2)), puff=4, drop=0.4)
    if style == "Denim Mini":
        thread = tint(look.partner(), 0.1)
        scene.seam(half([(0, top + 22), (0, low + 4)]), 0.4)
        for side in (-1, 1):
            mouth = half([(side * 28, top + 21), (side * 42, top + 44), (side * 84, top + 50)])
            scene.seam(mouth, 0.45, 1.8)
            scene.stitch(mouth + (0, 3), thread)
        scene.button(180, top + 13, 4, thread)
    if style == "Pencil":
        scene.seam(half([(30, low - 70), (31, low + 2)]), 0.5, 2)
    scene.darken(line(arch([(0, low - 2), (flare * 0.6, low - 6), (flare, low - 18)]), 1) * mask, 0.25)
