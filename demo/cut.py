"""The cut of a top or a dress: body, sleeves, neckline and the folds of hanging cloth."""

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from curves import arch, flip, half, symmetric
from raster import blur, line, noise, shape
from scene import flat


@dataclass
class Cut:
    """Measures of a body in pixels: widths count from the middle, heights from the picture's top."""

    top: float = 58
    neck: float = 40
    neck_depth: float = 32
    vee: bool = False
    shoulder: float = 102
    slope: float = 27
    chest: float = 108
    armpit: float = 170
    waist: float = 102
    hem: float = 108
    bottom: float = 424
    sag: float = 7

    def neckline(self):
        """Return the front neckline's right half, from the middle to the shoulder."""
        low, high = self.top + self.neck_depth, self.top
        if self.vee:
            return [(0, low, 0), (self.neck * 0.62, high + self.neck_depth * 0.42), (self.neck, high, 0)]
        return [(0, low), (self.neck * 0.72, high + self.neck_depth * 0.66), (self.neck, high, 0)]

    def body(self):
        """Return the front's closed outline (N, 2)."""
        armhole = (self.top + self.slope + self.armpit) / 2
        middle = self.armpit + (self.bottom - self.armpit) * 0.45
        return symmetric(
            self.neckline()
            + [
                (self.shoulder, self.top + self.slope, 0),
                (self.shoulder - 7, armhole),
                (self.chest, self.armpit, 0),
                (self.waist, middle),
                (self.hem, self.bottom, 0),
                (self.hem * 0.6, self.bottom + self.sag),
                (0, self.bottom + self.sag),
            ]
        )

    def inside(self):
        """Return the outline (N, 2) of the back as seen through the neck."""
        low = self.top + self.neck_depth + 12
        return symmetric(
            [
                (0, self.top + 7),
                (self.neck * 0.7, self.top + 4),
                (self.neck, self.top, 0),
                (self.neck + 2, low, 0),
                (0, low),
            ]
        )

    def sleeve(self, length, angle, cuff, bow=0.0):
        """Return the right sleeve's outline (N, 2) and its cuff's two ends; angle from the vertical."""
        along = np.array([sin(radians(angle)), cos(radians(angle))])
        across = np.array([along[1], -along[0]])
        start = np.array([self.shoulder, self.top + self.slope])
        pit = np.array([self.chest, self.armpit])
        outer = start + along * length + across * 4
        inner = outer - across * cuff
        elbow = start + along * length * 0.5 + across * (10 + bow)
        crook = (pit + inner) / 2 + across * (bow - 2)
        points = [
            (*(start + (-16, -4)), 0),
            tuple(start + (1, 1)),
            tuple(start + along * length * 0.14 + across * 6),
            tuple(elbow),
            (*outer, 0),
            (*inner, 0),
            tuple(crook),
            (*(pit + (-1, 2)), 0),
            (*(pit + (-22, 4)), 0),
        ]
        return half(points, closed=True), half([outer, inner])


def creases(lines, width, height):
    """Return a relief (480, 360) of soft ridges along lines (N, 2); a negative height makes valleys."""
    total = sum(line(points, width) for points in lines)
    return blur(np.minimum(total, 1.5), width * 0.6) * height


def drape(rng, strength=1.0):
    """Return the relief (480, 360) of cloth that hangs: broad swells and long vertical ripples."""
    return strength * (noise(rng, 6, 5) * 3.4 + noise(rng, 13, 4) * 1.7 + noise(rng, 20, 14) * 0.5)


def body_folds(rng, cut, strength=1.0):
    """Return the relief (480, 360) of a worn body: pulls from the armpits, folds over the waist."""
    pulls, falls = [], []
    for side in (-1, 1):
        for i in range(3):
            y = cut.armpit + 4 + 16 * i
            end = (side * cut.chest * rng.uniform(0.25, 0.5), y + rng.uniform(18, 46))
            pulls.append(half([(side * cut.chest * 0.94, y), (side * cut.chest * 0.7, y + 14), end]))
        for _ in range(3):
            x, y = side * rng.uniform(0.15, 0.95) * cut.waist, rng.uniform(0.3, 0.75)
            start = cut.armpit + (cut.bottom - cut.armpit) * y
            sway = rng.uniform(-14, 14)
            falls.append(half([(x, start), (x + sway, start + 34), (x + sway * 0.4, start + 70)]))
    return drape(rng, strength) + strength * (creases(pulls, 6, -3.6) + creases(falls, 7, 5.5))


def sleeve_folds(rng, outline, strength=1.0):
    """Return the relief (480, 360) of a sleeve: short creases across it, densest at the elbow."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    lines = []
    for _ in range(5):
        t = rng.betavariate(3, 3)
        x, y = low + (high - low) * t
        slant = rng.uniform(-12, 14)
        lines.append(np.array([(x - 20, y - slant), (x, y + rng.uniform(-4, 4)), (x + 24, y + slant)]))
    return drape(rng, strength * 0.8) + strength * creases(lines, 4, 5)


def lay_inside(scene, cut, colour):
    """Lay the shaded back of a garment, seen through its neck."""
    scene.lay(shape(cut.inside()), flat(colour * 0.62), puff=5, drop=0)


def lay_sleeves(scene, rng, cut, fabric, length, angle, cuff, bow=0.0):
    """Lay both sleeves and return each side's outline (N, 2) and cuff line, right first."""
    outline, edge = cut.sleeve(length, angle, cuff, bow)
    sides = [(outline, edge, -angle), (flip(outline), flip(edge), angle)]
    for points, _, turn in sides:
        scene.lay(shape(points), fabric, puff=9, relief=sleeve_folds(rng, points), angle=turn, drop=0.15)
    return [(points, ends) for points, ends, _ in sides]


def lay_body(scene, rng, cut, fabric, strength=1.0, puff=12):
    """Lay the front and return its mask (480, 360)."""
    mask = shape(cut.body())
    scene.lay(mask, fabric, puff=puff, relief=body_folds(rng, cut, strength), drop=0.35)
    return mask


def lay_band(scene, points, width, fabric, clip=None):
    """Lay a raised band, such as a ribbed neck, along a line (N, 2), within a mask if one is given."""
    mask = line(points, width)
    scene.lay(mask if clip is None else mask * clip, fabric, puff=2.2, drop=0.3)


def lay_neckband(scene, cut, colour, width):
    """Lay the ribbed band round the neck, its back half first."""
    back = arch([(0, cut.top + 5), (cut.neck * 0.7, cut.top + 3), (cut.neck - 1, cut.top + 1)])
    lay_band(scene, back, width, flat(colour * 0.8))
    lay_band(scene, arch(cut.neckline()), width, flat(colour))


def hem(scene, cut, inset=9.0, depth=0.22):
    """Press the hem's seam a few pixels above the bottom edge."""
    low = cut.bottom - inset
    width = cut.hem - 1
    scene.seam(arch([(0, low + cut.sag), (width * 0.6, low + cut.sag), (width, low)]), depth, 1.0)


def cuff_seam(scene, edge, inset):
    """Press a seam a few pixels above a cuff's edge (N, 2)."""
    ends = edge[[0, -1]]
    along = ends[1] - ends[0]
    up = np.array([along[1], -along[0]]) / np.linalg.norm(along)
    up = up if up[1] < 0 else -up
    scene.seam(ends + up * inset, 0.22, 1.0)
