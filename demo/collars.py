"""The collars of jackets."""

from curves import flip, half, symmetric
from raster import shape
from scene import flat


def lay_stand_collar(scene, cut, colour, relief=None):
    """Lay a collar that stands up round the neck, in a colour (3,)."""
    top, neck, low = cut.top, cut.neck, cut.top + cut.neck_depth
    wing = half(
        [
            (2, low + 2, 0),
            (18, low - 14),
            (neck - 8, top - 4),
            (neck - 4, top - 22, 0),
            (neck + 7, top - 12),
            (neck + 6, top + 8),
            (20, low + 8, 0),
        ],
        closed=True,
    )
    back = symmetric([(0, top - 14), (neck - 3, top - 22, 0), (neck - 2, top + 2, 0), (0, top + 12)])
    scene.lay(shape(back), flat(colour * 0.7), puff=4, drop=0)
    for outline in (wing, flip(wing)):
        scene.lay(shape(outline), flat(colour), puff=5, relief=relief, drop=0.4)


def lay_leaf_collar(scene, cut, fabric):
    """Lay a turned-down collar with two points."""
    top, neck, low = cut.top, cut.neck, cut.top + cut.neck_depth
    back = symmetric([(0, top - 8), (neck, top - 8, 0), (neck, top + 6, 0), (0, top + 12)])
    leaf = half(
        [
            (1, low, 0),
            (neck * 0.55, top + 16),
            (neck - 4, top - 10, 0),
            (neck + 8, top + 2),
            (neck + 16, top + 34),
            (neck, low + 28, 0),
            (20, low + 12),
        ],
        closed=True,
    )
    scene.lay(shape(back), fabric, puff=4, drop=0.3)
    for outline in (leaf, flip(leaf)):
        scene.lay(shape(outline), fabric, puff=4, drop=0.5)


def lay_lapels(scene, cut, fabric):
    """Lay a blazer's collar and notched lapels."""
    top, neck, low = cut.top, cut.neck, cut.top + cut.neck_depth
    back = symmetric([(0, top - 6), (neck, top - 8, 0), (neck + 4, top + 6, 0), (0, top + 12)])
    scene.lay(shape(back), fabric, puff=4, drop=0.3)
    lapel = half(
        [
            (0, low + 4, 0),
            (neck * 0.62, top + 62),
            (neck - 2, top + 26, 0),
            (neck + 24, top + 40, 0),
            (neck + 16, top + 58, 0),
            (28, low - 26),
        ],
        closed=True,
    )
    collar = half(
        [(neck * 0.86, top + 38, 0), (neck - 3, top - 9, 0), (neck + 8, top - 2), (neck + 26, top + 38, 0)], True
    )
    for outline in (lapel, flip(lapel), collar, flip(collar)):
        scene.lay(shape(outline), fabric, puff=4, drop=0.5)
