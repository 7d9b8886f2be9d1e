"""Batches: which images, and how they are augmented. A batch depends on the seed, its number and its side alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from lookalike.index.color_words import accepted_colors
from lookalike.types import Matrix, Pixels, Rows
from training import augmentation
from training.cutouts import load_product_masks
from training.dataset import ATTRIBUTES, Dataset, Shots, encode_words, load_pixels

# Each product is shown twice, and some of the second views once more, in another color.
PRODUCTS_PER_BATCH, RECOLORED_PER_BATCH, PHOTOS_PER_BATCH, GARMENTS_PER_BATCH = 38, 12, 24, 16
COMPOSITE_SHARE = 0.5  # of the products that can be cut out
CLOSE_SHARE = 0.2  # of the other views show a part of the product, as a second picture of a shop does
COARSE_SHARE, COARSE_SIDES = 0.25, (50, 110)  # of the views have no more pixels than a catalogue's small pictures
# Of the photos and garments that become composites: the share, the range of scales, and the share put on white.
SHOT_COMPOSITE_SHARE, SHOT_COMPOSITE_SCALES, ON_WHITE_SHARE = 0.35, (0.8, 1.4), 0.3
MIX_SHARE, MIX_BETA = 0.6, 0.5  # of the images; the beta distribution's parameter of how much of another one each gets
CUTMIX_SHARE = 0.75  # of the mixed images get a piece of the other one (CutMix), the rest are blended with it (Mixup)
UNKNOWN = 127  # in a mask: neither garment nor background, which teaches the garment grid nothing
TYPE_POWER, SHOT_POWER = -0.4, -0.5  # how much more often rare article types are shown
SMALL_WEIGHT = 0.35  # how often a product of a small picture is shown, the others being 1

MixedLabels: TypeAlias = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""An image's own labels (n,) int64, those of the image mixed into it, and the own ones' shares (n,) float32."""


@dataclass(frozen=True)
class Products:
    """Products to draw: pixels in several arrays (n, 224, 224, 3), one after another, with masks for the first ones.

    Attributes:
        pixels: uint8 arrays, memory-mapped.
        masks: uint8 arrays (n, 224, 224), for the first of them.
        labels: by attribute, int64 (n,) over all arrays, -1 where unknown.
        rows: those to learn from.
        weights: how often each of rows is drawn, float64.
        first_small: the row from which on pictures are small ones.
    """

    pixels: Sequence[Pixels]
    masks: Sequence[Pixels]
    labels: Mapping[str, NDArray[np.int64]]
    rows: Rows
    weights: NDArray[np.float64]
    first_small: int

    def image(self, row: int) -> tuple[Pixels, Pixels]:
        """Return the pixels and the mask of a row; the mask is all zero if it was not cut out."""
        for place, pixels in enumerate(self.pixels):
            if row < len(pixels):
                uncut = np.zeros(pixels.shape[1:3], np.uint8)
                return np.asarray(pixels[row]), np.asarray(self.masks[place][row]) if place < len(self.masks) else uncut
            row -= len(pixels)
        raise IndexError(row)


@dataclass(frozen=True)
class ShotTargets:
    """What n photos and garments teach.

    Attributes:
        types: bool (n, article types), those that a shopper accepts.
        colors: bool (n, colors), those that a person would call right.
        first_color, gender, pattern, label: int64 (n,), -1 where unknown.
    """

    types: torch.Tensor
    colors: torch.Tensor
    first_color: torch.Tensor
    gender: torch.Tensor
    pattern: torch.Tensor
    label: torch.Tensor

    def pick(self, rows: NDArray[np.int64] | torch.Tensor) -> "ShotTargets":
        """Return the targets of some rows."""
        return ShotTargets(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class ShotSource:
    """Photos and garments to draw: the pictures, what they teach, and how often each is drawn."""

    shots: Shots
    targets: ShotTargets
    photo_rows: Rows
    photo_weights: NDArray[np.float64]
    garment_rows: Rows
    garment_weights: NDArray[np.float64]


@dataclass(frozen=True)
class Batch:
    """Images: products, the same in another view, some of these recolored, then photos and garments.

    Attributes:
        images: uint8 (n, S, S, 3).
        masks: float32 (n, S / 16, S / 16) in 0..1.
        products: how many products there are; the labels and shares are theirs.
        recolored: how many of the second views come once more.
        labels: from each attribute to the labels of the first views; see MixedLabels.
        views: the same for the second views.
        shots: what the photos and garments teach.
        other_shots: what those mixed into them teach.
        shot_shares: how much each of them counts itself, float32.
    """

    images: torch.Tensor
    masks: torch.Tensor
    products: int
    recolored: int
    labels: dict[str, MixedLabels]
    views: dict[str, MixedLabels]
    shots: ShotTargets
    other_shots: ShotTargets
    shot_shares: torch.Tensor


def load_products(datasets: Sequence[Dataset], words: Mapping[str, Sequence[str]], work: Path, small: int) -> Products:
    """Return what products are drawn from; the last few datasets, small of them, have small pictures."""
    pixels = [load_pixels(one.paths, work / f"products-{place}.npy") for place, one in enumerate(datasets)]
    cut = pixels[: len(pixels) - small]
    masks = [load_product_masks(one, work / f"masks-{place}.npy") for place, one in enumerate(cut)]
    labels = {a: np.concatenate([encode_words(one.labels[a], words[a]) for one in datasets]) for a in ATTRIBUTES}
    rows = np.flatnonzero(~np.concatenate([one.held_out for one in datasets]))
    first_small = sum(map(len, cut))
    types = labels["articleType"][rows]
    counts = np.bincount(types[types >= 0], minlength=len(words["articleType"])).astype(float)
    weights = np.where(types >= 0, counts[types] ** TYPE_POWER, 0) * np.where(rows < first_small, 1, SMALL_WEIGHT)
    return Products(pixels, masks, labels, rows, weights / weights.sum(), first_small)


def load_shots(shots: Shots, words: Mapping[str, Sequence[str]]) -> ShotSource:
    """Return what photos and garments are drawn from, those of rare kinds more often."""
    places = {color: place for place, color in enumerate(words["baseColour"])}
    types, colors = (np.zeros((len(shots.pixels), len(words[name])), bool) for name in ("articleType", "baseColour"))
    for row, (own_types, own_colors) in enumerate(zip(shots.types, shots.colors)):
        types[row, [words["articleType"].index(word) for word in own_types if word in words["articleType"]]] = True
        colors[row, [places[word] for word in accepted_colors(own_colors) if word in places]] = True
    first = ["Blue" if own[:1] == ("Light Blue",) else own[0] if own else "" for own in shots.colors]
    targets = ShotTargets(
        torch.from_numpy(types),
        torch.from_numpy(colors),
        torch.from_numpy(encode_words(first, words["baseColour"])),
        torch.from_numpy(encode_words(shots.genders, words["gender"])),
        torch.from_numpy(encode_words(shots.patterns, words["pattern"])),
        torch.from_numpy(encode_words(shots.labels, words["photo"])),
    )
    kinds = np.where(types.any(1), types.argmax(1), len(types[0]))
    photo_rows, garment_rows = np.flatnonzero(shots.is_photo), np.flatnonzero(~shots.is_photo)
    return ShotSource(
        shots, targets, photo_rows, _chances(kinds[photo_rows]), garment_rows, _chances(kinds[garment_rows])
    )


def _chances(kinds: NDArray[np.int64]) -> NDArray[np.float64]:
    weights = np.bincount(kinds)[kinds].astype(float) ** SHOT_POWER
    return weights / weights.sum()


def make_batch(products: Products, source: ShotSource, side: int, seed: int, number: int) -> Batch:
    """Return the batch of that number at side pixels."""
    rng = np.random.default_rng([seed, number])
    rows = products.rows[rng.choice(len(products.rows), PRODUCTS_PER_BATCH, False, products.weights)]
    photos = source.photo_rows[rng.choice(len(source.photo_rows), PHOTOS_PER_BATCH, False, source.photo_weights)]
    garments = source.garment_rows[
        rng.choice(len(source.garment_rows), GARMENTS_PER_BATCH, False, source.garment_weights)
    ]
    scenes = _Scenes(source)
    first, first_masks = _stack(_product(rng, products, row, side, scenes) for row in rows)
    second, second_masks = _stack(_other_view(rng, products, row, side, scenes) for row in rows)
    recolored = np.stack([augmentation.shift_hues(rng, view, 1.0) for view in second[:RECOLORED_PER_BATCH]])
    first, shares = _mix(rng, first)
    first_masks[shares < 1] = UNKNOWN
    shot_rows = np.concatenate([photos, garments])
    shots, shot_masks = _stack(_shot(rng, source, row, side, scenes) for row in shot_rows)
    shots, shot_shares = _mix(rng, shots)
    shot_masks[shot_shares < 1] = UNKNOWN
    cells = side // 16
    masks = np.concatenate([first_masks, second_masks, second_masks[:RECOLORED_PER_BATCH], shot_masks])
    grids = [cv2.resize(mask, (cells, cells), interpolation=cv2.INTER_AREA) for mask in masks]
    whole = np.ones(len(rows), np.float32)
    return Batch(
        torch.from_numpy(np.concatenate([first, second, recolored, shots])),
        torch.from_numpy(np.stack(grids)).float() / 255,
        len(rows),
        RECOLORED_PER_BATCH,
        {name: _mixed_labels(labels[rows], shares) for name, labels in products.labels.items()},
        {name: _mixed_labels(labels[rows], whole) for name, labels in products.labels.items()},
        source.targets.pick(shot_rows),
        source.targets.pick(np.roll(shot_rows, 1)),
        torch.from_numpy(shot_shares),
    )


def _stack(views: Iterable[tuple[Pixels, Pixels]]) -> tuple[Pixels, Pixels]:
    images, masks = map(np.stack, zip(*views))
    return images, masks


class _Scenes:
    """The photos that backgrounds are made from, picked one by one: they are too many to copy."""

    def __init__(self, source: ShotSource) -> None:
        self._pixels, self._rows = source.shots.pixels, source.photo_rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: int) -> Pixels:
        return self._pixels[self._rows[place]]


def _product(
    rng: np.random.Generator, source: Products, row: int, side: int, scenes: Sequence[Pixels]
) -> tuple[Pixels, Pixels]:
    """Return a product's image and mask at side pixels."""
    image, mask = source.image(row)
    if mask.any() and rng.random() < COMPOSITE_SHARE:
        return augmentation.composite(rng, image, mask, side, scenes)
    view, moved = augmentation.augment_product(rng, image, mask, side)
    if row < source.first_small and rng.random() < COARSE_SHARE:
        view = _coarsen(rng, view)
    return view, moved if mask.any() else np.full_like(moved, UNKNOWN)


def _other_view(
    rng: np.random.Generator, source: Products, row: int, side: int, scenes: Sequence[Pixels]
) -> tuple[Pixels, Pixels]:
    """Return a product as another picture might show it: whole, or a part of it from nearby."""
    if row >= source.first_small or rng.random() >= CLOSE_SHARE:
        return _product(rng, source, row, side, scenes)
    image, mask = source.image(row)
    view, moved = augmentation.augment_product(rng, image, mask, side, (1.2, 1.9), 0.16)
    return view, moved if mask.any() else np.full_like(moved, UNKNOWN)


def _coarsen(rng: np.random.Generator, image: Pixels) -> Pixels:
    """Return an image as if it had been stored at no more pixels than a small picture has."""
    small = int(rng.integers(*COARSE_SIDES))
    coarse = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
    return cv2.resize(coarse, image.shape[:2], interpolation=cv2.INTER_LINEAR)


def _shot(
    rng: np.random.Generator, source: ShotSource, row: int, side: int, scenes: Sequence[Pixels]
) -> tuple[Pixels, Pixels]:
    """Return the image and mask of a photo or garment at side pixels; the mask is UNKNOWN if it is not cut out."""
    image, mask = source.shots.pixels[row], source.shots.masks[row]
    if mask.any() and rng.random() < SHOT_COMPOSITE_SHARE:
        return augmentation.composite(rng, image, mask, side, scenes, SHOT_COMPOSITE_SCALES, ON_WHITE_SHARE)
    image, moved = augmentation.augment_photo(rng, image, mask, side, is_photo=bool(source.shots.is_photo[row]))
    return image, moved if mask.any() else np.full_like(moved, UNKNOWN)


def _mix(rng: np.random.Generator, images: Pixels) -> tuple[Pixels, Matrix]:
    """Return images (n, S, S, 3), many with a piece of the one before or blended with it, and their own shares (n,).

    Without mixing, so few images are memorized. Blending changes the colors of both; a piece keeps its own.
    """
    shares, mixed, side = _own_shares(rng, len(images)), images.copy(), images.shape[1]
    for row in np.flatnonzero(shares < 1):
        own, other = images[row], images[row - 1]
        if rng.random() < CUTMIX_SHARE:
            height, width = (int(side * edge) for edge in _rectangle(rng, 1 - shares[row]))
            top, left = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
            piece = np.s_[top : top + height, left : left + width]
            mixed[row][piece] = other[piece]
        else:
            mixed[row] = (shares[row] * own + (1 - shares[row]) * other).astype(np.uint8)
    return mixed, shares


def _own_shares(rng: np.random.Generator, count: int) -> Matrix:
    """Return how much each image's own label counts, float32 (count,), next to that of the one before it; often 1."""
    shares = np.where(rng.random(count) < MIX_SHARE, rng.beta(MIX_BETA, MIX_BETA, count), 1)
    return np.maximum(shares, 1 - shares).astype(np.float32)


def _rectangle(rng: np.random.Generator, area: float) -> tuple[float, float]:
    """Return height and width, 0..1 each, of a random rectangle of that area of the unit square."""
    height = min(1.0, np.sqrt(area) * np.exp(rng.normal(0, 0.4)))
    return (height, area / height) if area / height <= 1 else (area, 1.0)


def _mixed_labels(labels: NDArray[np.int64], shares: Matrix) -> MixedLabels:
    own, other, share = (torch.from_numpy(part) for part in (labels, np.roll(labels, 1), shares))
    return own, other, share
