"""Women's tops."""

from curves import arch
from cut import Cut, hem, lay_band, lay_body, lay_inside, lay_sleeves
from look import words
from palette import tint
from raster import line
from scene import flat

TOP_PATTERNS = ("solid", "floral", "dots", "pinstripes", "floral", "wash", "gingham")


def top(scene, look):
    """Draw a woman's top: camisole, peplum, boat neck, bell sleeve or tunic length."""
    style = look.pick(("Camisole", "Bell Sleeve Top", "Tank Top", "Peplum Top", "Off Shoulder Top"))
    fabric, word = look.fabric(TOP_PATTERNS)
    cut = Cut(
        top=62,
        neck=58,
        neck_depth=42,
        shoulder=92,
        slope=17,
        chest=96,
        waist=84,
        hem=106,
        armpit=164,
        bottom=look.between(395, 430),
        vee=look.chance(0.4),
    )
    if style in ("Camisole", "Tank Top"):
        cut.neck_depth, cut.shoulder, cut.slope, cut.neck = 80, 76, 6, 54 if style == "Tank Top" else 68
    elif style == "Off Shoulder Top":
        cut.top, cut.neck, cut.neck_depth, cut.vee, cut.shoulder, cut.slope = 92, 94, 18, False, 106, 10
    elif style == "Peplum Top":
        cut.waist, cut.hem = 74, 124
    lay_inside(scene, cut, look.colour)
    if style in ("Bell Sleeve Top", "Off Shoulder Top", "Peplum Top"):
        flare = {"Bell Sleeve Top": 84, "Peplum Top": 62}.get(style, 66)
        lay_sleeves(
            scene,
            look.rng,
            cut,
            fabric,
            look.between(130, 190) if style == "Bell Sleeve Top" else look.between(84, 130),
            18,
            flare,
        )
    body = lay_body(scene, look.rng, cut, fabric)
    lay_band(scene, arch(cut.neckline()), 4, flat(tint(look.colour, -0.15)))
    hem(scene, cut, 6)
    if style == "Peplum Top":
        waist = cut.armpit + (cut.bottom - cut.armpit) * 0.45
        scene.darken(line(arch([(0, waist + 5), (110, waist)]), 3) * body, 0.3)
    return words(word, style)
