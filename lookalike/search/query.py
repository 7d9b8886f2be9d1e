"""A query: one or more photos, or regions of them, turned into the same vectors as products."""

import threading
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from PIL import Image

from lookalike.embedding.color import color_shares
from lookalike.embedding.embedder import Embedder, FashionMaps, normalize, pool
from lookalike.embedding.fashion import pool_cells, project_cells
from lookalike.embedding.garments import Garment
from lookalike.images.decoding import ImageSource, aspect, decode, jpeg_thumbnail, prepare
from lookalike.images.headers import require_header
from lookalike.types import Mask, Matrix, Pixels

Rectangle: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom in fractions of the photo from 0 to 1."""

Part: TypeAlias = frozenset[tuple[int, int]] | Rectangle
"""What counts of a picture: cells (row, column) marked by hand, none for all of it; or a rectangle in fractions."""

Region: TypeAlias = Rectangle | AbstractSet[tuple[int, int]] | None
"""A part of a photo: a rectangle, or cells (row, column) of its view's grid. None and no cells mean all of it."""

Frame: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""

Reread: TypeAlias = Callable[[], ImageSource | None]
"""Gives a photo's file again, None once it is gone."""

# The longest side, in pixels, at which a photo is kept to crop regions from.
MAX_SIDE = 1024
# A region no larger than this share of the photo is embedded again in a crop of its own: with a margin of this
# share of its sides, and in the shape (width to height) of catalogue images. In tight crops fewer matches are
# right, and so they are if the crop's other cells count too (benchmarks/regions.py).
MAX_CROP_SHARE, CROP_MARGIN, CROP_ASPECT = 0.3, 0.1, 3 / 4
# A view forgets its crops when it has this many.
MAX_CROPS = 4
# Within a region every cell counts as garment at least this much; otherwise what lies outside might outweigh it.
MIN_GARMENT = 0.1


class LargerPhoto:
    """A photo with more pixels than were decoded at first: up to MAX_SIDE a side. Threads may share it.

    A JPEG is decoded small, as products are. Its file is asked for again only when more pixels are needed, and not
    kept: a visitor's photo is given up with the visitor's session.
    """

    def __init__(self, reread: Reread, called: str) -> None:
        self._reread: Reread | None = reread
        self._image: Image.Image | None = None
        self._called, self._lock = called, threading.Lock()

    def image(self) -> Image.Image | None:
        """Return the photo, decoded at the first call; None if its file is gone before that. Raises ImageError."""
        with self._lock:
            if self._reread and (source := self._reread()) is not None:
                self._image, self._reread = _shrink(decode(source, MAX_SIDE, self._called)), None
            return self._image

    @property
    def is_decoded(self) -> bool:
        return self._reread is None

    def reread_from(self, reread: Reread) -> None:
        """Take the photo's file from elsewhere, unless the photo is already there."""
        with self._lock:
            if self._reread:
                self._reread = reread


@dataclass(frozen=True, eq=False, repr=False)
class DecodedPhoto:
    """A photo without its file: all that a View is computed from.

    Attributes:
        image: the upright RGB photo, at most MAX_SIDE pixels a side.
        pixels: uint8 (s, s, 3), what the networks see of it.
        larger: the LargerPhoto, None if image has all the pixels there are.
    """

    image: Image.Image
    pixels: Pixels
    larger: LargerPhoto | None = None


@dataclass(eq=False, repr=False)
class View:
    """Everything of one photo, computed once. Threads may share a view.

    Attributes:
        image: the upright RGB photo that pixels were prepared from, at most MAX_SIDE pixels a side.
        pixels: uint8 (s, s, 3), what the networks saw of it.
        map: float32 (h, w, C), the look's feature map.
        fashion: the FashionMaps of this one image, or None.
        larger: the LargerPhoto, None if image has all the pixels there are.
        crops: the Views of parts of the photo, by their frame.
    """

    image: Image.Image
    pixels: Pixels
    map: Matrix
    fashion: FashionMaps | None = None
    larger: LargerPhoto | None = None
    crops: "dict[Frame, View]" = field(default_factory=dict, init=False)
    _garments: list[Garment] | None = field(default=None, init=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, init=False)

    @property
    def grid(self) -> tuple[int, int]:
        """Its height and width, in cells."""
        height, width, _ = self.map.shape
        return height, width

    @property
    def can_pool_regions(self) -> bool:
        """Whether it holds everything that a region's vectors can be pooled from."""
        return self.grid != (1, 1) and (self.fashion is None or self.fashion.last is not None)

    def enlarged(self) -> Image.Image:
        """Return the photo with up to MAX_SIDE pixels a side, fewer if its file is gone; raises ImageError."""
        return (self.larger and self.larger.image()) or self.image

    def crop(self, embedder: Embedder, frame: Frame) -> "View":
        """Return the View of a part of the enlarged photo, embedded at its first call; raises ImageError."""
        with self._lock:
            if frame not in self.crops:
                if len(self.crops) >= MAX_CROPS:
                    self.crops.clear()
                image = self.enlarged().crop(frame)
                self.crops[frame] = embed_photo(embedder, DecodedPhoto(image, prepare(image, embedder.size)))
            return self.crops[frame]

    def garments(self, embedder: Embedder) -> list[Garment]:
        """Return the garments in the photo, the likeliest first, found at the first call; [] if nothing finds any."""
        with self._lock:
            if self._garments is None:
                is_possible = embedder.finds_garments
                self._garments = embedder.garments(prepare(self.image, embedder.garment_side)) if is_possible else []
            return self._garments

    def thumbnail(self, side: int) -> bytes:
        """Return JPEG bytes of the image, at most side pixels wide and high."""
        return jpeg_thumbnail(self.image, side)


def look_at(
    embedder: Embedder,
    photo: ImageSource,
    called: str = "The photo",
    stage: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> View:
    """Return the View of a photo (a path or its bytes, named as called says); raises ImageError.

    The steps run within stage("decode") and stage("embed"), for a caller that measures them.
    """
    with stage("decode"):
        decoded = decode_photo(embedder, photo, called)
    with stage("embed"):
        return embed_photo(embedder, decoded)


def decode_photo(
    embedder: Embedder, photo: ImageSource, called: str = "The photo", reread: Reread | None = None
) -> DecodedPhoto:
    """Return a photo (a path or its bytes, named as called says) as an embedder needs it; raises ImageError.

    reread gives its file again where more pixels are needed; without it, the photo itself is kept for that.
    """
    image = decode(photo, embedder.size, called)
    pixels = prepare(image, embedder.size)
    image = _shrink(image)
    larger = LargerPhoto(reread or (lambda: photo), called) if _has_more_pixels(photo, image) else None
    return DecodedPhoto(image, pixels, larger)


def embed_photo(embedder: Embedder, photo: DecodedPhoto) -> View:
    """Return the View of a decoded photo."""
    map = embedder.feature_maps(photo.pixels[None])[0]
    fashion = embedder.fashion_maps(photo.pixels[None], [aspect(photo.image)])
    return View(photo.image, photo.pixels, map, fashion, photo.larger)


def vectors(
    embedder: Embedder,
    views: Sequence[View],
    region: Region | list[Region] = None,
    max_crop_share: float = MAX_CROP_SHARE,
) -> dict[str, Matrix]:
    """Return a query's vectors, space → float32 (1, d): look, and fashion, color and detail if the embedder has them.

    Several views are pooled into one query. With several, region is a list of one region for each. A region of
    at most max_crop_share of its photo is embedded in a crop, see focus. Raises ImageError.
    """
    regions = _one_for_each(region, views)
    seen = [focus(embedder, view, own, max_crop_share) for view, own in zip(views, regions, strict=True)]
    result = {"look": _pool_look(seen, embedder.backbone.pooling)}
    fashion = [(view.fashion, mask) for view, mask in seen if view.fashion]
    if len(fashion) == len(seen):
        # Where photos disagree, for example in color, their sum is short, and what they agree in counts more.
        parts, details = (
            normalize(sum(own, np.zeros_like(own[0]))) for own in zip(*(_pool_fashion(*p) for p in fashion))
        )
        colors = np.sqrt(sum(_pool_colors(*part) for part in fashion) / len(seen)).astype(np.float32)
        result |= {"fashion": parts, "color": colors, "detail": details}
    return result


def focus(
    embedder: Embedder, view: View, region: Region = None, max_crop_share: float = MAX_CROP_SHARE
) -> tuple[View, Mask | None]:
    """Return what a region's vectors are made of: a View and its cells, bool (h, w), or None for all of them.

    This is the view itself, or, for a region of at most max_crop_share of the photo, the View of a crop around
    it, which is embedded again and remembered. Raises ImageError.
    """
    if not region:
        return view, None
    left, top, right, bottom = box = rectangle(region, view.grid)
    if (right - left) * (bottom - top) > max_crop_share and view.can_pool_regions:
        return view, cells(region, view.grid)
    size = view.enlarged().size
    frame = _frame_around(box, size)
    crop = view.crop(embedder, frame)
    return crop, _cells_in_crop(frame, size, region, view.grid, crop.grid) if crop.can_pool_regions else None


def cells(region: Region, grid: tuple[int, int]) -> Mask:
    """Return the cells of a grid (h, w) in a region, bool (h, w): of a rectangle those whose middle it covers.

    There is always at least one.
    """
    mask = np.zeros(grid, bool)
    if not region:
        return ~mask
    if isinstance(region, tuple):
        left, top, right, bottom = rectangle(region, grid)
        mask[_covered_slice(top, bottom, grid[0]), _covered_slice(left, right, grid[1])] = True
    else:
        mask[tuple(np.array(sorted(region)).T)] = True
    return mask


def rectangle(region: Rectangle | AbstractSet[tuple[int, int]], grid: tuple[int, int]) -> Rectangle:
    """Return the rectangle that a region is, clipped and in order, or that its cells of a grid (h, w) span."""
    if isinstance(region, tuple):
        left, top, right, bottom = (min(max(float(edge), 0.0), 1.0) for edge in region)
        return min(left, right), min(top, bottom), max(left, right), max(top, bottom)
    (rows, columns), (height, width) = zip(*region), grid
    return min(columns) / width, min(rows) / height, (max(columns) + 1) / width, (max(rows) + 1) / height


def _shrink(image: Image.Image) -> Image.Image:
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return image


def _has_more_pixels(photo: ImageSource, image: Image.Image) -> bool:
    """Return whether a photo may have more pixels than were decoded: only JPEGs are decoded at scales of their own."""
    if max(image.size) >= MAX_SIDE:
        return False
    if not isinstance(photo, bytes):
        return True
    header = require_header(photo, "The photo")
    return header.kind == "JPEG" and (header.size is None or max(header.size) > max(image.size))


def _one_for_each(region: Region | list[Region], views: Sequence[View]) -> Sequence[Region]:
    if isinstance(region, list):
        return region
    if region and len(views) > 1:
        raise ValueError("with several views, give a list of one region a view")
    return [region] * len(views)


def _covered_slice(low: float, high: float, count: int) -> slice:
    """Return which of count cells along a side have their middle between low and high, or the one around both."""
    first, last = int(np.ceil(low * count - 0.5)), int(np.ceil(high * count - 0.5))
    if last > first:
        return slice(first, last)
    middle = min(int((low + high) / 2 * count), count - 1)
    return slice(middle, middle + 1)


def _frame_around(box: Rectangle, size: tuple[int, int]) -> Frame:
    """Return the pixels of an image of that size to crop for a box in fractions of it."""
    middles = [(box[axis] + box[axis + 2]) / 2 * size[axis] for axis in (0, 1)]
    wide, high = ((box[axis + 2] - box[axis]) * size[axis] * (1 + 2 * CROP_MARGIN) for axis in (0, 1))
    wanted = max(wide, high * CROP_ASPECT), max(high, wide / CROP_ASPECT)
    sides = [min(max(1, round(side)), whole) for side, whole in zip(wanted, size)]
    low = [min(max(0, round(middles[axis] - sides[axis] / 2)), size[axis] - sides[axis]) for axis in (0, 1)]
    return low[0], low[1], low[0] + sides[0], low[1] + sides[1]


def _cells_in_crop(
    frame: Frame,
    size: tuple[int, int],
    region: Rectangle | AbstractSet[tuple[int, int]],
    grid: tuple[int, int],
    crop_grid: tuple[int, int],
) -> Mask:
    """Return the cells of a crop's grid (h, w) whose middles lie in the region: bool (h, w).

    frame is the crop's place in the photo of that size; grid is the photo's own grid.
    """
    (left, top, right, bottom), (width, height) = frame, size
    if isinstance(region, tuple):
        box = rectangle(region, grid)
        columns = [(edge * width - left) / (right - left) for edge in box[::2]]
        rows = [(edge * height - top) / (bottom - top) for edge in box[1::2]]
        return cells((columns[0], rows[0], columns[1], rows[1]), crop_grid)
    x = (left + (np.arange(crop_grid[1]) + 0.5) / crop_grid[1] * (right - left)) / width * grid[1]
    y = (top + (np.arange(crop_grid[0]) + 0.5) / crop_grid[0] * (bottom - top)) / height * grid[0]
    # A crop's cells are smaller than the photo's, so each of the photo's holds the middle of at least one.
    return cells(region, grid)[y.astype(int)[:, None], x.astype(int)]


def _pool_look(seen: Sequence[tuple[View, Mask | None]], pooling: str) -> Matrix:
    """Pool all the cells together and normalize: float32 (1, C). With nothing to pool it is the mean."""
    every = [view.map.reshape(-1, view.map.shape[-1]) if mask is None else view.map[mask] for view, mask in seen]
    if pooling == "none":
        every, pooling = [normalize(vector) for vector in every], "average"
    return normalize(pool(np.concatenate(every)[None, None], pooling))


def _pool_fashion(maps: FashionMaps, mask: Mask | None) -> tuple[Matrix, Matrix]:
    """Return the fashion and detail vectors of the cells: float32 (1, 256) and (1, 96)."""
    if mask is None or maps.last is None:
        return maps.vectors, maps.details
    inner = project_cells(mask, maps.last.shape[1], maps.boxes[0])
    fashion, detail = pool_cells(maps.last[0], maps.garment[0], maps.pixels[0], inner)
    return fashion[None], detail[None]


def _pool_colors(maps: FashionMaps, mask: Mask | None) -> Matrix:
    """Return the share of each color in the garment within the cells: float32 (1, 40)."""
    garment = maps.visible_garment
    if mask is not None:
        inner = project_cells(mask, garment.shape[1], maps.boxes[0])
        garment = np.where(inner, np.maximum(garment, MIN_GARMENT), 0)
    return color_shares(maps.pixels, garment)
