"""Batches: which images, made how. A batch depends on the seed, its number and its side alone."""

from dataclasses import dataclass

import augment
import cv2
import numpy as np
import torch

PRODUCTS, PHOTOS = 64, 32
COMPOSED = 0.5  # of the products
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


def make(products, photos, scenes, side, seed, number):
    """Return images, masks on the garment grid, product labels and photo labels as tensors."""
    rng = np.random.default_rng([seed, number, 1])
    chosen = draw(products, "articleType", TYPE_POWER, PRODUCTS, seed, 2 * number)
    shown = draw(photos, "label", LABEL_POWER, PHOTOS, seed, 2 * number + 1)
    made = [product(rng, products, row, side, scenes) for row in chosen]
    images = [image for image, _ in made]
    images += [augment.photographed(rng, np.asarray(photos.pixels[row]), side) for row in shown]
    cells = side // 16
    masks = [cv2.resize(mask, (cells, cells), interpolation=cv2.INTER_AREA) for _, mask in made]
    return (torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(masks)).float() / 255,
            {k: torch.from_numpy(v[chosen]) for k, v in products.labels.items()},
            torch.from_numpy(photos.labels["label"][shown]))
