"""Batches: which images, made how. A batch depends on the seed, its number and its side alone."""

from dataclasses import dataclass

import augment
import cv2
import numpy as np
import torch

PRODUCTS, PHOTOS = 68, 28
COMPOSED = 0.5  # of the products
BLENDED, BLEND = 0.6, 0.5  # of the photos; the beta distribution's parameter of how much of another each gets
TYPE_POWER, LABEL_POWER = -0.25, -0.5  # how much oftener rare article types and labels are shown


@dataclass(frozen=True)
class Source:
    """Pixels (n, 224, 224, 3) uint8, masks or None, labels by name (n,) int64, rows to train on."""

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


def blended(rng, images, labels):
    """Return photos (n, S, S, 3), some with another one showing through, and (labels, others' labels, shares).

    A share, float32, is what the photo's own label counts; without it so few photos are learned by heart.
    """
    share = np.where(rng.random(len(images)) < BLENDED, rng.beta(BLEND, BLEND, len(images)), 1)
    share = np.maximum(share, 1 - share).astype(np.float32)
    own = share[:, None, None, None]
    mixed = (own * images + (1 - own) * np.roll(images, 1, 0)).astype(np.uint8)
    return mixed, (labels, np.roll(labels, 1), share)


def make(products, photos, scenes, side, seed, number):
    """Return images, masks on the garment grid, product labels and photos' blended labels as tensors."""
    rng = np.random.default_rng([seed, number, 1])
    chosen = draw(products, "articleType", TYPE_POWER, PRODUCTS, seed, 2 * number)
    shown = draw(photos, "label", LABEL_POWER, PHOTOS, seed, 2 * number + 1)
    made = [product(rng, products, row, side, scenes) for row in chosen]
    taken = np.stack([augment.photographed(rng, np.asarray(photos.pixels[row]), side) for row in shown])
    taken, labels = blended(rng, taken, photos.labels["label"][shown])
    images = np.concatenate([np.stack([image for image, _ in made]), taken])
    cells = side // 16
    masks = [cv2.resize(mask, (cells, cells), interpolation=cv2.INTER_AREA) for _, mask in made]
    return (torch.from_numpy(images), torch.from_numpy(np.stack(masks)).float() / 255,
            {k: torch.from_numpy(v[chosen]) for k, v in products.labels.items()},
            tuple(torch.from_numpy(part) for part in labels))
