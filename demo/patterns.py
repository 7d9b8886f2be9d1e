"""Fabrics: functions from places x, y (h, w) in pixels to colours (h, w, 3) in 0..1."""

import numpy as np
from palette import partner, tint
from raster import HEIGHT, WIDTH, noise
from scene import flat


def _mix(base, other, share):
    return base + (other - base) * np.clip(share, 0, 1)[..., None]


def _band(position, period, start, width):
    """Share (h, w) of each pixel inside a band that repeats; its edges are one pixel soft."""
    distance = np.abs((position - start - width / 2 + period / 2) % period - period / 2)
    return np.clip(width / 2 - distance + 0.5, 0, 1)


def stripes(base, bands, period, upright=False):
    """Repeat bands of (start, width, colour) across the cloth, or along it when upright."""

    def fabric(x, y):
        colours = flat(base)(x, y)
        for start, width, colour in bands:
            colours = _mix(colours, colour, _band(x if upright else y, period, start, width))
        return colours

    return fabric


def checks(base, bands, period):
    """Cross the bands of (start, width, colour) both ways, half strength where only one runs."""

    def fabric(x, y):
        colours = flat(base)(x, y)
        for start, width, colour in bands:
            colours = _mix(colours, colour, 0.55 * _band(x - 180, period, start, width))
            colours = _mix(colours, colour, 0.55 * _band(y, period, start, width))
        return colours

    return fabric


def dots(base, colour, pitch, radius):
    """Set dots of a radius on a staggered grid of a pitch, in pixels."""

    def fabric(x, y):
        row = np.floor(y / pitch)
        dx = (x + (row % 2) * pitch / 2) % pitch - pitch / 2
        dy = y % pitch - pitch / 2
        return _mix(flat(base)(x, y), colour, radius - np.hypot(dx, dy) + 0.5)

    return fabric


def floral(rng, base, petals, heart, leaf, pitch):
    """Scatter five-petalled flowers and leaves, one of each about every pitch pixels."""
    table = np.array([[[rng.random() for _ in range(4)] for _ in range(16)] for _ in range(16)])

    def fabric(x, y):
        colours = flat(base)(x, y)
        for offset, is_leaf in ((0.5, True), (0.0, False)):
            u, v = x / pitch + offset, y / pitch + offset
            cell = table[np.floor(v).astype(int) % 16, np.floor(u).astype(int) % 16]
            dx = (u % 1 - 0.5 - (cell[..., 0] - 0.5) * 0.3) * pitch
            dy = (v % 1 - 0.5 - (cell[..., 1] - 0.5) * 0.3) * pitch
            size = pitch * (0.2 + 0.12 * cell[..., 2])
            radius, turn = np.hypot(dx, dy), np.arctan2(dy, dx) + cell[..., 3] * 6.3
            if is_leaf:
                edge = size * 0.95 * np.abs(np.cos(turn)) ** 1.5
                colours = _mix(colours, leaf, edge - radius + 0.3)
            else:
                edge = size * (0.72 + 0.28 * np.cos(5 * turn))
                shade = np.clip(radius / size, 0, 1)[..., None]
                colours = (
                    colours + (petals * (0.8 + 0.25 * shade) - colours) * np.clip(edge - radius + 0.5, 0, 1)[..., None]
                )
                colours = _mix(colours, heart, size * 0.26 - radius + 0.5)
        return np.clip(colours, 0, 1)

    return fabric


def field(rng, base, strength, columns=40, rows=54):
    """Mottle a colour with a smooth random field: washed cotton, suede or marbled leather."""
    map_ = noise(rng, columns, rows)

    def fabric(x, y):
        rows_, columns_ = np.clip(y, 0, HEIGHT - 1).astype(int), np.clip(x, 0, WIDTH - 1).astype(int)
        return np.clip(flat(base)(x, y) * (1 + strength * map_[rows_ % HEIGHT, columns_ % WIDTH])[..., None], 0, 1)

    return fabric


def melange(rng, base):
    """Mix threads a little lighter and darker than a colour, in short flat flecks."""
    return field(rng, base, 0.028, columns=90, rows=240)


def camouflage(rng, base):
    """Layer blots of three shades of a colour."""
    maps = [noise(rng, 12, 20), noise(rng, 12, 20), noise(rng, 13, 22)]
    shades = [tint(base, 0.4), tint(base, -0.4), tint(base, -0.7)]

    def fabric(x, y):
        rows_, columns_ = np.clip(y, 0, HEIGHT - 1).astype(int), np.clip(x, 0, WIDTH - 1).astype(int)
        colours = flat(base)(x, y)
        for map_, shade, level in zip(maps, shades, (0.3, 0.5, 0.9)):
            colours = _mix(colours, shade, (map_[rows_, columns_] - level) * 8)
        return colours

    return fabric


def blocks(top, edges):
    """Start with a colour and change it below each (y, colour) edge: colour block."""

    def fabric(x, y):
        colours = flat(top)(x, y)
        for edge, colour in edges:
            colours = _mix(colours, colour, y - edge + 0.5)
        return colours

    return fabric


def zigzag(base, colours_, period, height):
    """Run zigzag bands of the colours across, as on a winter jumper."""

    def fabric(x, y):
        swing = np.abs((x - 180) % (2 * height) - height)
        colours = flat(base)(x, y)
        for i, colour in enumerate(colours_):
            start = i * period / len(colours_)
            colours = _mix(colours, colour, _band(y + swing, period, start, period / len(colours_) * 0.5))
        return colours

    return fabric


def choose(rng, base, kinds):
    """Return a fabric of one of the named kinds in a base colour (3,) and the word for it."""
    kind = rng.choice(kinds)
    return named(rng, base, kind), WORDS[kind]


def named(rng, base, kind):
    """Return the fabric of a named kind, its second colour and measures drawn by rng."""
    other = partner(rng, base)
    pitch = rng.uniform(17, 30)
    third = partner(rng, other)
    makers = {
        "solid": lambda: flat(base),
        "melange": lambda: melange(rng, base),
        "wash": lambda: field(rng, base, 0.04, 9, 11),
        "stripes": lambda: stripes(base, [(0, pitch * rng.uniform(0.2, 0.5), other)], pitch),
        "twin stripes": lambda: stripes(base, [(0, 5, other), (9, 2, other)], pitch + 12),
        "pinstripes": lambda: stripes(base, [(0, 1.6, other)], rng.uniform(8, 13), upright=True),
        "bold stripes": lambda: stripes(base, [(0, pitch, other), (pitch, 3, third)], pitch * 2 + 6),
        "checks": lambda: checks(base, [(0, pitch * 0.42, other), (pitch * 0.6, 2, third)], pitch * 1.2),
        "gingham": lambda: checks(tint(base, 0.75), [(0, pitch * 0.3, base)], pitch * 0.6),
        "windowpane": lambda: checks(base, [(0, 2.2, other)], pitch * 1.3),
        "dots": lambda: dots(base, other, pitch * 0.72, rng.uniform(2.2, 4.6)),
        "floral": lambda: floral(rng, base, other, third, tint(partner(rng, base), -0.3), pitch * 1.15),
        "camouflage": lambda: camouflage(rng, base),
        "zigzag": lambda: zigzag(base, [other, third], rng.uniform(40, 60), rng.uniform(8, 16)),
    }
    return makers[kind]()


WORDS = {
    "solid": "",
    "melange": "Melange",
    "wash": "",
    "stripes": "Striped",
    "twin stripes": "Striped",
    "pinstripes": "Pinstriped",
    "bold stripes": "Striped",
    "checks": "Checked",
    "gingham": "Gingham",
    "windowpane": "Windowpane",
    "dots": "Polka Dot",
    "floral": "Floral",
    "camouflage": "Camouflage",
    "zigzag": "Zigzag",
}
