"""What bags share: handles, bodies, stitched edges and rings."""

import numpy as np
from curves import curve, ellipse
from cut import drape
from raster import blur, line, shape
from scene import flat


def lay_handle(scene, points, width, colour):
    """Lay a rounded handle along points, of a width in pixels."""
    scene.lay(line(curve(points), width), flat(colour), puff=width * 0.35, drop=0.35, gloss=0.15)


def lay_bag(scene, look, outline, fabric, slouch=0.7):
    """Lay a bag's body of an outline (N, 2) and return its mask (480, 360)."""
    mask = shape(outline)
    scene.lay(mask, fabric, puff=14, relief=drape(look.rng, slouch), gloss=0.12, drop=0.3)
    scene.glaze(blur(shape(ellipse(122, 290, 18, 84, 6)), 16) * mask, 0.18)
    return mask


def edge_stitch(scene, outline, colour, about, shrink=0.95):
    """Sew a line of stitches just inside an outline (N, 2)."""
    inner = (outline - about) * shrink + about
    scene.stitch(np.vstack([inner, inner[:1]]), colour, 1.0)


def lay_ring(scene, x, y, radius, metal):
    """Lay a metal ring of a radius in pixels."""
    points = ellipse(x, y, radius, radius)
    scene.lay(line(np.vstack([points, points[:1]]), 3.2), flat(metal), puff=1.5, drop=0.5, gloss=0.4)
