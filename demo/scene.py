"""The studio: pieces of cloth, leather or metal laid over each other under one soft light."""

from math import cos, radians, sin

import numpy as np
from curves import ellipse
from PIL import Image
from raster import HEIGHT, WIDTH, blur, bounds, dashes, line, shape

LIGHT = np.array([-0.42, -0.50, 0.76])
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)


class Scene:
    """One product shot in the making: premultiplied colours (480, 360, 3) and coverage, in 0..1."""

    def __init__(self):
        self.rgb = np.zeros((HEIGHT, WIDTH, 3))
        self.cover = np.zeros((HEIGHT, WIDTH))
        self.floor = np.zeros((HEIGHT, WIDTH))

    def paint(self, mask, colour):
        """Lay a flat colour (3,) in 0..1 through a mask, without relief or shadow."""
        box = bounds(mask, 0)
        alpha = mask[box]
        self.rgb[box] = self.rgb[box] * (1 - alpha[..., None]) + np.asarray(colour) * alpha[..., None]
        self.cover[box] = np.maximum(self.cover[box], alpha)

    def lay(self, mask, fabric, puff=9.0, relief=None, angle=0.0, drop=0.3, gloss=0.0, lift=1.0):
        """Lay a lit piece: puff is its edge's roundness in pixels, relief a height field in pixels."""
        box = bounds(mask, 14)
        alpha = mask[box]
        if drop:
            self._drop(box, alpha, drop)
        soft = blur(alpha, puff)
        height = soft * puff * 1.5 * lift
        if relief is not None:
            height = height + relief[box]
        slope_y, slope_x = np.gradient(height)
        shade, shine = _light(slope_x, slope_y)
        shade *= 0.82 + 0.18 * np.sqrt(np.clip(2 * soft - 1, 0, 1))
        # Patterns printed on cloth bend with its folds, so they are read off at displaced places.
        colour = fabric(*_turned(COLUMNS[box] - slope_x * 3, ROWS[box] - slope_y * 3, angle))
        lit = colour * shade[..., None] + 0.10 * (shade - 1)[..., None] + gloss * shine[..., None]
        self.paint_field(box, alpha, np.clip(lit, 0, 1))

    def paint_field(self, box, alpha, colours):
        """Lay colours (h, w, 3) through alpha (h, w) inside a pair of slices."""
        self.rgb[box] = self.rgb[box] * (1 - alpha[..., None]) + colours * alpha[..., None]
        self.cover[box] = np.maximum(self.cover[box], alpha)

    def _drop(self, box, alpha, strength):
        shadow = np.roll(blur(alpha, 3), (3, 2), (0, 1)) * strength
        self.rgb[box] *= (1 - shadow)[..., None]

    def darken(self, mask, strength):
        """Darken what is already there through a mask, by a share in 0..1."""
        box = bounds(mask, 0)
        self.rgb[box] *= 1 - strength * mask[box][..., None]

    def glaze(self, mask, strength):
        """Whiten what is already there through a mask, by a share in 0..1: a highlight."""
        box = bounds(mask, 0)
        alpha = (strength * mask[box] * self.cover[box])[..., None]
        self.rgb[box] = self.rgb[box] * (1 - alpha) + alpha

    def seam(self, points, depth=0.34, width=1.3):
        """Press a seam along a line (N, 2): a dark groove with a lit lower lip."""
        self.darken(line(points, width), depth)
        self.glaze(line(points + (0.9, 1.3), 0.8), depth * 0.3)

    def stitch(self, points, colour, width=0.9, dash=3.2, gap=1.8):
        """Sew dashes of a colour (3,) along a line (N, 2)."""
        self.paint(dashes(points, width, dash, gap) * 0.85, colour)

    def button(self, x, y, radius, colour):
        """Sew a round button of a radius in pixels."""
        self.lay(shape(ellipse(x, y, radius, radius)), flat(colour), puff=1.5, drop=0.45)
        for dx, dy in ((-0.3, -0.3), (0.3, 0.3), (0.3, -0.3), (-0.3, 0.3)):
            self.darken(shape(ellipse(x + dx * radius, y + dy * radius, 0.5, 0.5)), 0.6)

    def stand(self, x, y, rx, ry, strength=0.5):
        """Put a contact shadow on the floor under what stands there."""
        self.floor = np.maximum(self.floor, shape(ellipse(x, y, rx, ry)) * strength)

    def photograph(self):
        """Return the finished shot as an 8-bit RGB image of 360 x 480."""
        glow = 0.985 - 0.03 * (ROWS / HEIGHT) ** 2 - 0.012 * ((COLUMNS - 180) / 180) ** 2
        wall = np.roll(blur(self.cover, 7), (7, 5), (0, 1)) * 0.20
        ground = blur(self.floor, 5)
        back = (glow * (1 - wall) * (1 - ground))[..., None] * np.array([1.0, 0.998, 0.994])
        key = 1.03 - 0.07 * (COLUMNS / WIDTH) - 0.05 * (ROWS / HEIGHT)
        front = self.rgb * key[..., None]
        shot = front + back * (1 - self.cover[..., None])
        return Image.fromarray(np.uint8(np.clip(shot, 0, 1) * 255 + 0.5))


def flat(colour):
    """Return a fabric of one colour (3,) in 0..1."""
    return lambda x, y: np.broadcast_to(np.asarray(colour), (*np.shape(x), 3))


def _turned(x, y, degrees):
    if not degrees:
        return x, y
    c, s = cos(radians(degrees)), sin(radians(degrees))
    # About the piece's own middle, so that a sleeve's bands stay level with the body's.
    across, down = x - x.mean(), y - y.mean()
    return x.mean() + across * c + down * s, y.mean() + down * c - across * s


def _light(slope_x, slope_y):
    length = np.sqrt(1 + slope_x**2 + slope_y**2)
    facing = (LIGHT[2] - slope_x * LIGHT[0] - slope_y * LIGHT[1]) / length
    half_way = (LIGHT + (0, 0, 1)) / np.linalg.norm(LIGHT + (0, 0, 1))
    glint = (half_way[2] - slope_x * half_way[0] - slope_y * half_way[1]) / length
    return 0.45 + 0.55 * facing / LIGHT[2], np.clip(glint, 0, 1) ** 24
