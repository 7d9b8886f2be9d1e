"""Batches: which images, and how they are augmented. A batch depends on the seed, its number and its side alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from lookalike.types import Matrix, Pixels, Rows
from training import augmentation
from training.cutouts import load_photo_masks, load_product_masks
from training.dataset import ATTRIBUTES, Dataset, encode_words, load_pixels

PRODUCTS_PER_BATCH, PHOTOS_PER_BATCH = 68, 28
COMPOSITE_SHARE = 0.5  # of the products and of the photos that can be cut out
# Of the photos that become composites: the range of scales (a garment fills less of them than a product), and the share
# that is put on white.
PHOTO_COMPOSITE_SCALES, ON_WHITE_SHARE = (0.8, 1.4), 0.1
MIX_SHARE, MIX_BETA = 0.7, 0.5  # of the images; the beta distribution's parameter of how much of another one each gets
CUTMIX_SHARE = 0.75  # of the mixed images get a piece of the other one (CutMix), the rest are blended with it (Mixup)
UNKNOWN = 127  # in a mask: neither garment nor background, which teaches the garment grid nothing
TYPE_POWER, LABEL_POWER = -0.25, -0.75  # how much more often rare article types and labels are shown

MixedLabels: TypeAlias = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""An image's own labels (n,) int64, those of the image mixed into it, and the own ones' shares (n,) float32."""

Batch: TypeAlias = tuple[torch.Tensor, torch.Tensor, dict[str, MixedLabels], MixedLabels]
"""Images, their masks on the garment grid, the products' labels by attribute, the photos' labels."""


@dataclass(frozen=True)
class Source:
    """Pixels (n, 224, 224, 3) and masks (n, 224, 224) uint8, labels by attribute (n,) int64, rows to train on."""

    pixels: Pixels
    masks: Pixels
    labels: Mapping[str, NDArray[np.int64]]
    rows: Rows

    def chances(self, label: str, power: float) -> NDArray[np.float64]:
        """Return each training row's chance to be drawn, (rows,)."""
        values = self.labels[label][self.rows]
        weight = np.bincount(values)[values].astype(float) ** power
        return weight / weight.sum()


def load_sources(
    products: Dataset,
    photos: Dataset,
    words: Mapping[str, Sequence[str]],
    work: Path,
    trained: torch.nn.Module | None = None,
) -> tuple[Source, Source, Pixels]:
    """Return what products and photos are drawn from, and the photos that backgrounds are made from.

    Photos are cut out by what a trained network sees in them; without one they stay whole.
    """
    product_pixels = load_pixels(products.paths, work / "products.npy")
    product_masks = load_product_masks(product_pixels, work / "masks.npy")
    labels = {a: encode_words(products.labels[a], words[a]) for a in ATTRIBUTES}
    # A color label is the product's own row: label_noise.py gives each product a distribution over the words.
    labels["baseColour"] = np.where(labels["baseColour"] >= 0, np.arange(len(products.paths)), -1)
    photo_pixels = load_pixels(photos.paths, work / "photos.npy")
    photo_labels = {"label": encode_words(photos.labels["label"], words["photo"])}
    rows = np.flatnonzero(~photos.held_out)
    photo_masks = np.zeros(photo_pixels.shape[:3], np.uint8)
    if trained:
        photo_masks = load_photo_masks(trained, photo_pixels, work / "photo-masks.npy")
    return (
        Source(product_pixels, product_masks, labels, np.flatnonzero(~products.held_out)),
        Source(photo_pixels, photo_masks, photo_labels, rows),
        photo_pixels[rows],
    )


def make_batch(products: Source, photos: Source, scenes: Pixels, side: int, seed: int, number: int) -> Batch:
    """Return the batch of that number at side pixels."""
    rng = np.random.default_rng([seed, number, 1])
    product_rows = _draw_rows(products, "articleType", TYPE_POWER, PRODUCTS_PER_BATCH, seed, 2 * number)
    photo_rows = _draw_rows(photos, "label", LABEL_POWER, PHOTOS_PER_BATCH, seed, 2 * number + 1)
    product_images, masks = map(np.stack, zip(*(_product(rng, products, row, side, scenes) for row in product_rows)))
    photo_images, photo_masks = map(np.stack, zip(*(_photo(rng, photos, row, side, scenes) for row in photo_rows)))
    product_images, product_shares = _mix(rng, product_images)
    photo_images, photo_shares = _mix(rng, photo_images)
    masks = np.concatenate([masks, photo_masks])
    masks[np.concatenate([product_shares, photo_shares]) < 1] = UNKNOWN
    cells = side // 16
    grids = [cv2.resize(mask, (cells, cells), interpolation=cv2.INTER_AREA) for mask in masks]
    return (
        torch.from_numpy(np.concatenate([product_images, photo_images])),
        torch.from_numpy(np.stack(grids)).float() / 255,
        {name: _mixed_labels(labels[product_rows], product_shares) for name, labels in products.labels.items()},
        _mixed_labels(photos.labels["label"][photo_rows], photo_shares),
    )


def _draw_rows(source: Source, label: str, power: float, size: int, seed: int, number: int) -> Rows:
    """Return distinct rows (size,) for a batch, those of rare labels more often."""
    rng = np.random.default_rng([seed, number])
    return source.rows[rng.choice(len(source.rows), size, False, source.chances(label, power))]


def _product(rng: np.random.Generator, source: Source, row: int, side: int, scenes: Pixels) -> tuple[Pixels, Pixels]:
    """Return a product's image and mask at side pixels."""
    image, mask = np.asarray(source.pixels[row]), np.asarray(source.masks[row])
    if mask.any() and rng.random() < COMPOSITE_SHARE:
        return augmentation.composite(rng, image, mask, side, scenes)
    return augmentation.augment_product(rng, image, mask, side)


def _photo(rng: np.random.Generator, source: Source, row: int, side: int, scenes: Pixels) -> tuple[Pixels, Pixels]:
    """Return a photo's image and mask at side pixels, UNKNOWN if it could not be cut out."""
    image, mask = np.asarray(source.pixels[row]), np.asarray(source.masks[row])
    if mask.any() and rng.random() < COMPOSITE_SHARE:
        recolored = augmentation.shift_hues(rng, image)
        return augmentation.composite(rng, recolored, mask, side, scenes, PHOTO_COMPOSITE_SCALES, ON_WHITE_SHARE)
    image, moved = augmentation.augment_photo(rng, image, mask, side)
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
