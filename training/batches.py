"""Batches: which images, made how. A batch depends on the seed, its number and its side alone."""

from dataclasses import dataclass

import augment
import cv2
import numpy as np
import torch

PRODUCTS, PHOTOS = 68, 28
COMPOSED = 0.5  # of the products and of the photos that can be cut out
# Of the photos that are composed: between which scales, a garment fills less of them than a product; and on white.
COMPOSED_SCALES, WHITE = (0.8, 1.4), 0.1
MIXED, MIX = 0.7, 0.5  # of the images; the beta distribution's parameter of how much of another each gets
CUT = 0.75  # of the mixed ones get a piece of the other, through the rest it shows
UNKNOWN = 127  # in a mask: neither garment nor background, which teaches the garment grid nothing
TYPE_POWER, LABEL_POWER = -0.25, -0.75  # how much oftener rare article types and labels are shown


@dataclass(frozen=True)
class Source:
    """Pixels (n, 224, 224, 3) and masks (n, 224, 224) uint8, labels by name (n,) int64, rows to train on."""

    pixels: np.ndarray
    masks: np.ndarray
    labels: dict
    rows: np.ndarray

    def chances(self, label, power):
        """Return the chance (rows,) of each row to train on to be drawn."""
        values = self.labels[label][self.rows]
        weight = np.bincount(values)[values].astype(float) ** power
        return weight / weight.sum()


def draw(source, label, power, size, seed, number):
    """Return the rows (size,) of batch number, none twice in it, rare ones oftener."""
    rng = np.random.default_rng([seed, number])
    return source.rows[rng.choice(len(source.rows), size, False, source.chances(label, power))]


def product(rng, source, row, side, scenes):
    """Return one product's image and mask at side pixels."""
    image, mask = np.asarray(source.pixels[row]), np.asarray(source.masks[row])
    if mask.any() and rng.random() < COMPOSED:
        return augment.composed(rng, image, mask, side, scenes)
    return augment.worn(rng, image, mask, side)


def photo(rng, source, row, side, scenes):
    """Return one photo's image and mask at side pixels, UNKNOWN where it could not be cut out."""
    image, mask = np.asarray(source.pixels[row]), np.asarray(source.masks[row])
    if mask.any() and rng.random() < COMPOSED:
        return augment.composed(rng, augment.recolored(rng, image), mask, side, scenes, COMPOSED_SCALES, WHITE)
    image, moved = augment.photographed(rng, image, mask, side)
    return image, moved if mask.any() else np.full_like(moved, UNKNOWN)


def shares(rng, count):
    """Return what an image's own label counts (count,) float32 beside that of the one before it; many keep all."""
    share = np.where(rng.random(count) < MIXED, rng.beta(MIX, MIX, count), 1)
    return np.maximum(share, 1 - share).astype(np.float32)


def mixed(rng, images):
    """Return images (n, S, S, 3), some with another one showing through or with a piece of it, and shares (n,).

    Without it so few images are learned by heart. What shows through another has another color than
    either: a piece keeps its own.
    """
    share, made, side = shares(rng, len(images)), images.copy(), images.shape[1]
    for row in np.flatnonzero(share < 1):
        own, other = images[row], images[row - 1]
        if rng.random() < CUT:
            high, wide = (int(side * edge) for edge in rectangle(rng, 1 - share[row]))
            top, left = rng.integers(0, side - high + 1), rng.integers(0, side - wide + 1)
            piece = np.s_[top : top + high, left : left + wide]
            made[row][piece] = other[piece]
        else:
            made[row] = (share[row] * own + (1 - share[row]) * other).astype(np.uint8)
    return made, share


def rectangle(rng, area):
    """Return the height and the width, of 0..1 each, of a rectangle of that area of the unit square."""
    high = min(1.0, np.sqrt(area) * np.exp(rng.normal(0, 0.4)))
    return (high, area / high) if area / high <= 1 else (area, 1.0)


def paired(labels, share):
    """Return labels (n,) int64, those of the one before each, and shares, as tensors."""
    return tuple(torch.from_numpy(part) for part in (labels, np.roll(labels, 1), share))


def make(products, photos, scenes, side, seed, number):
    """Return images, their masks on the garment grid, product labels by name and photos' labels, as paired has them."""
    rng = np.random.default_rng([seed, number, 1])
    chosen = draw(products, "articleType", TYPE_POWER, PRODUCTS, seed, 2 * number)
    shown = draw(photos, "label", LABEL_POWER, PHOTOS, seed, 2 * number + 1)
    made, masks = map(np.stack, zip(*(product(rng, products, row, side, scenes) for row in chosen)))
    taken, photo_masks = map(np.stack, zip(*(photo(rng, photos, row, side, scenes) for row in shown)))
    made, product_share = mixed(rng, made)
    taken, photo_share = mixed(rng, taken)
    masks = np.concatenate([masks, photo_masks])
    masks[np.concatenate([product_share, photo_share]) < 1] = UNKNOWN
    cells = side // 16
    masks = [cv2.resize(mask, (cells, cells), interpolation=cv2.INTER_AREA) for mask in masks]
    return (
        torch.from_numpy(np.concatenate([made, taken])),
        torch.from_numpy(np.stack(masks)).float() / 255,
        {k: paired(v[chosen], product_share) for k, v in products.labels.items()},
        paired(photos.labels["label"][shown], photo_share),
    )
