"""A query: one or more photos, or regions of them, turned into the same vectors as products."""

from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from lookalike.embedding.color import color_shares
from lookalike.embedding.embedder import FashionMaps, normalize, pool
from lookalike.embedding.fashion import fashion_vector, spread
from lookalike.images.decoding import aspect, decode, prepare
from lookalike.serving.telemetry import stage

# The longest side, in pixels, at which a photo is kept to look closer at a region of it.
LONGEST = 1024

# A region no larger than this share of the photo is looked at closer, with a margin of this share of its sides,
# in a crop of the shape (width to height) of catalogue images. In tight crops fewer matches are right, and so
# they are where the crop's other cells count too (benchmarks/regions.py).
CLOSER, MARGIN, SHAPE = 0.3, 0.1, 3 / 4

# How many closer looks a view remembers.
REMEMBERED = 4

# Within a region every cell counts as garment this much at least: else what lies outside might outweigh it.
MIN_GARMENT = 0.1


@dataclass(frozen=True, eq=False)
class View:
    """Everything of one photo, computed once.

    image is the upright RGB photo, at most 1024 pixels a side; pixels uint8 (s, s, 3) what the networks
    saw of it; map float32 (h, w, C) the look's feature map; fashion the FashionMaps of one image, or None.
    """

    image: Image.Image
    pixels: np.ndarray
    map: np.ndarray
    fashion: FashionMaps | None = None
    closer: dict = field(default_factory=dict, repr=False)

    @property
    def grid(self):
        """Its height and width, in cells."""
        return self.map.shape[:2]

    @property
    def pools_anew(self):
        """Whether it holds all that a region's vectors can be pooled from."""
        return self.grid != (1, 1) and (self.fashion is None or self.fashion.last is not None)


def look_at(embedder, photo, called="The photo"):
    """The View of a photo (a path or its bytes); raises ImageError."""
    with stage("decode"):
        image = decode(photo, embedder.size, called)
        pixels = prepare(image, embedder.size)
        if max(image.size) < LONGEST:
            # A JPEG was decoded small, as products are; a closer look needs more of it.
            image = decode(photo, LONGEST, called)
        image.thumbnail((LONGEST, LONGEST), Image.Resampling.BILINEAR, reducing_gap=3.0)
    with stage("embed"):
        return _view(embedder, image, pixels)


def vectors(embedder, views, region=None, closer=CLOSER):
    """A dict from space to float32 (1, d): look, and fashion and color where the embedder has them.

    Of several views it is their union. region is None for whole photos; a set of cells (row, column) of
    the view's grid; or a rectangle (left, top, right, bottom) in fractions of the photo from 0 to 1. With
    several views it is a list of one of these a view. A region of no more than the share closer of its
    photo is looked at closer, see focus.
    """
    seen = [focus(embedder, view, own, closer) for view, own in zip(views, _one_each(region, views), strict=True)]
    result = {"look": _look(seen, embedder.backbone.pooling)}
    if all(view.fashion for view, _ in seen):
        # Where photos disagree, say in color, their sum is short, and what they agree in counts more.
        result["fashion"] = normalize(sum(_fashion(*part) for part in seen))
        result["color"] = np.sqrt(sum(_colors(*part) for part in seen) / len(seen)).astype(np.float32)
    return result


def focus(embedder, view, region=None, closer=CLOSER):
    """What the vectors of a region are made of: a View and its cells, bool (h, w), or None for all of them.

    It is the view itself with the region's cells, pooled anew, or where the region takes no more than the
    share closer of the photo, the View of a crop around it, embedded anew and remembered, with its cells.
    """
    if not _asks(region):
        return view, None
    box = rectangle(region, view.grid)
    if (box[2] - box[0]) * (box[3] - box[1]) > closer and view.pools_anew:
        return view, cells(region, view.grid)
    frame = _frame(box, view.image.size)
    crop = view.closer.get(frame) or _remembered(embedder, view, frame)
    return crop, _cells_in(frame, view, region, crop.grid) if crop.pools_anew else None


def cells(region, grid):
    """The cells of a grid (h, w) in a region, bool (h, w): of a rectangle those whose middle it covers, at least one.

    None and an empty set of cells are the whole photo.
    """
    mask = np.zeros(grid, bool)
    if not _asks(region):
        return ~mask
    if isinstance(region, tuple):
        left, top, right, bottom = rectangle(region, grid)
        mask[_covered(top, bottom, grid[0]), _covered(left, right, grid[1])] = True
    else:
        mask[tuple(np.array(sorted(region)).T)] = True
    return mask


def rectangle(region, grid):
    """The rectangle (left, top, right, bottom), in fractions, that a region is or its cells of a grid (h, w) span."""
    if isinstance(region, tuple):
        left, top, right, bottom = (min(max(float(edge), 0.0), 1.0) for edge in region)
        return min(left, right), min(top, bottom), max(left, right), max(top, bottom)
    (rows, columns), (height, width) = zip(*region), grid
    return min(columns) / width, min(rows) / height, (max(columns) + 1) / width, (max(rows) + 1) / height


def _view(embedder, image, pixels):
    maps = embedder.feature_maps(pixels[None])
    return View(image, pixels, maps[0], embedder.fashion_maps(pixels[None], [aspect(image)]))


def _one_each(region, views):
    if _asks(region) and not isinstance(region, list) and len(views) > 1:
        raise ValueError("with several views, give a list of one region a view")
    return region if isinstance(region, list) else [region] * len(views)


def _asks(region):
    return region is not None and len(region) > 0


def _covered(low, high, count):
    """The slice of count cells along a side whose middles lie from low to high; the one around them if none does."""
    first, last = int(np.ceil(low * count - 0.5)), int(np.ceil(high * count - 0.5))
    if last > first:
        return slice(first, last)
    middle = min(int((low + high) / 2 * count), count - 1)
    return slice(middle, middle + 1)


def _remembered(embedder, view, frame):
    """The View of a crop, kept for the next time it is asked for."""
    if len(view.closer) >= REMEMBERED:
        view.closer.clear()
    crop = view.image.crop(frame)
    return view.closer.setdefault(frame, _view(embedder, crop, prepare(crop, embedder.size)))


def _frame(box, size):
    """The pixels (left, top, right, bottom) of an image of that size to crop for a box in fractions of it."""
    middles = [(box[axis] + box[axis + 2]) / 2 * size[axis] for axis in (0, 1)]
    wide, high = ((box[axis + 2] - box[axis]) * size[axis] * (1 + 2 * MARGIN) for axis in (0, 1))
    sides = max(wide, high * SHAPE), max(high, wide / SHAPE)
    sides = [min(max(1, round(side)), whole) for side, whole in zip(sides, size)]
    low = [min(max(0, round(middles[axis] - sides[axis] / 2)), size[axis] - sides[axis]) for axis in (0, 1)]
    return low[0], low[1], low[0] + sides[0], low[1] + sides[1]


def _cells_in(frame, view, region, grid):
    """The cells of a crop's grid (h, w) whose middles lie in a region of the view it is a crop of: bool (h, w)."""
    (left, top, right, bottom), (width, height) = frame, view.image.size
    if isinstance(region, tuple):
        box = rectangle(region, view.grid)
        columns = [(edge * width - left) / (right - left) for edge in box[::2]]
        rows = [(edge * height - top) / (bottom - top) for edge in box[1::2]]
        return cells((columns[0], rows[0], columns[1], rows[1]), grid)
    x = (left + (np.arange(grid[1]) + 0.5) / grid[1] * (right - left)) / width * view.grid[1]
    y = (top + (np.arange(grid[0]) + 0.5) / grid[0] * (bottom - top)) / height * view.grid[0]
    # A crop's cells are smaller than the photo's, so that each of those holds the middle of at least one.
    return cells(region, view.grid)[y.astype(int)[:, None], x.astype(int)]


def _look(seen, pooling):
    """The pooling of all the cells together, normalized; the mean where there is nothing to pool: float32 (1, C)."""
    every = [view.map.reshape(-1, view.map.shape[-1]) if mask is None else view.map[mask] for view, mask in seen]
    if pooling == "none":
        every, pooling = [normalize(vector) for vector in every], "average"
    return normalize(pool(np.concatenate(every)[None, None], pooling))


def _fashion(view, mask):
    """The fashion vector of the cells, float32 (1, 256)."""
    if mask is None:
        return view.fashion.vectors
    maps = view.fashion
    inner = spread(mask, maps.last.shape[1], maps.boxes[0])
    return fashion_vector(maps.last[0], maps.garment[0], maps.pixels[0], inner)[None]


def _colors(view, mask):
    """The share of each color in the garment within the cells: float32 (1, 40)."""
    garment = view.fashion.seen
    if mask is not None:
        inner = spread(mask, garment.shape[1], view.fashion.boxes[0])
        garment = np.where(inner, np.maximum(garment, MIN_GARMENT), 0)
    return color_shares(view.fashion.pixels, garment)
