"""Masks without labeling: products by their white background, photos by the garment grid of a trained network."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import torch

from lookalike.types import Mask, Matrix, Pixels
from training.metrics import embed

WHITE_TOLERANCE = 5
# A mask that covers less or more of a product's image than this failed.
MIN_PRODUCT_AREA, MAX_PRODUCT_AREA = 0.04, 0.9

PHOTO_SIDE = 112  # at which a photo is cut
GRABCUT_ITERATIONS = 6
# Scores on the garment grid: above MAYBE far from the edge or above LIKELY anywhere may be garment, above SURE far from
# the edge is garment, below RIM near the edge is background. MIN_PEAK is the least that the highest score is taken for.
MAYBE, LIKELY, SURE, RIM, MIN_PEAK = 0.15, 0.5, 0.9, 0.3, 0.3
# Distances from the edge, in sides: nearer than these, garment is not assumed, and background is.
NEAR_EDGE, AT_EDGE = 0.12, 0.035
# A photo's mask failed if it covers less or more of the image than this, more of the edge than MAX_ON_EDGE, less than
# MIN_COVERED of what scores above SEEN, or less of its own hull than MIN_SOLID.
MIN_PHOTO_AREA, MAX_PHOTO_AREA, MAX_ON_EDGE, SEEN, MIN_COVERED, MIN_SOLID = 0.1, 0.72, 0.2, 0.6, 0.85, 0.55


def cut_product(image: Pixels) -> Pixels | None:
    """Return the mask, uint8 (S, S) of 0 or 255, of a product on white; None if it fails.

    The mask is what a flood fill from the border does not reach.
    """
    side = image.shape[0]
    framed = cv2.copyMakeBorder(image, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    reached = np.zeros((side + 4, side + 4), np.uint8)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (255 << 8)
    tolerance = (WHITE_TOLERANCE,) * 3
    cv2.floodFill(np.ascontiguousarray(framed), reached, (0, 0), 0, tolerance, tolerance, flags)
    mask = 255 - reached[2:-2, 2:-2]
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return mask if MIN_PRODUCT_AREA < mask.mean() / 255 < MAX_PRODUCT_AREA else None


def load_product_masks(images: Pixels, cache: str | Path) -> Pixels:
    """Return masks (n, S, S) uint8 of images (n, S, S, 3), all zero if a product cannot be cut; cached in a file."""
    cache = Path(cache)
    if not cache.exists():
        array = np.lib.format.open_memmap(cache, "w+", np.uint8, images.shape[:3])
        for i, image in enumerate(images):
            mask = cut_product(np.asarray(image))
            array[i] = 0 if mask is None else mask
        array.flush()
    return np.load(cache, mmap_mode="r")


def cut_photo(image: Pixels, grid: Matrix) -> Pixels | None:
    """Return the mask, uint8 (S, S) of 0 or 255, of the garment in a photo (S, S, 3); None if it fails.

    grid, float32 (h, h) in 0..1, holds the scores of the network's garment grid.
    """
    small = cv2.resize(np.ascontiguousarray(image), (PHOTO_SIDE, PHOTO_SIDE), interpolation=cv2.INTER_AREA)
    score = cv2.resize(grid, (PHOTO_SIDE, PHOTO_SIDE), interpolation=cv2.INTER_CUBIC)
    score = score / max(score.max(), MIN_PEAK)
    y, x = np.mgrid[0:PHOTO_SIDE, 0:PHOTO_SIDE] / (PHOTO_SIDE - 1)
    edge = np.minimum(np.minimum(y, 1 - y), np.minimum(x, 1 - x))
    kinds = _initial_kinds(score, edge)
    cv2.setRNGSeed(0)  # of this thread: a photo's mask must not depend on what was cut before it
    try:
        cv2.grabCut(small, kinds, None, np.zeros((1, 65)), np.zeros((1, 65)), GRABCUT_ITERATIONS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # nothing but background, or nothing but garment
        return None
    mask = _largest_piece(np.isin(kinds, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8) * 255)
    if mask is None or not _is_plausible(mask, (edge > NEAR_EDGE) & (score > SEEN)):
        return None
    return cv2.resize(mask, image.shape[:2], interpolation=cv2.INTER_LINEAR)


def _initial_kinds(score: Matrix, edge: Matrix) -> Pixels:
    """Return what GrabCut starts with, from the score and the distance from the edge, (s, s) each."""
    inner = edge > NEAR_EDGE
    kinds = np.full(score.shape, cv2.GC_PR_BGD, np.uint8)
    kinds[inner & (score > MAYBE) | (score > LIKELY)] = cv2.GC_PR_FGD
    kinds[inner & (score > SURE)] = cv2.GC_FGD
    kinds[(edge < AT_EDGE) & (score < RIM)] = cv2.GC_BGD
    return kinds


def _largest_piece(mask: Pixels) -> Pixels | None:
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    outlines = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    if not outlines:
        return None
    return cv2.drawContours(np.zeros_like(mask), [max(outlines, key=cv2.contourArea)], -1, 255, -1)


def _is_plausible(mask: Pixels, seen: Mask) -> bool:
    on_edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).mean() / 255
    hull = cv2.contourArea(cv2.convexHull(cv2.findNonZero(mask)))
    solid = (mask > 0).sum() / max(hull, 1) > MIN_SOLID
    covered = seen.any() and (mask > 0)[seen].mean() >= MIN_COVERED
    return bool(covered and solid and on_edge < MAX_ON_EDGE and MIN_PHOTO_AREA < mask.mean() / 255 < MAX_PHOTO_AREA)


def load_photo_masks(network: torch.nn.Module, images: Pixels, cache: str | Path) -> Pixels:
    """Return masks (n, S, S) uint8 of photos (n, S, S, 3), all zero if one cannot be cut; cached in a file."""
    cache = Path(cache)
    if not cache.exists():
        grids = embed(network, images)["garment"]
        with ThreadPoolExecutor() as pool:
            masks = list(pool.map(lambda image, grid: cut_photo(np.asarray(image), grid), images, grids))
        empty = np.zeros(images.shape[1:3], np.uint8)
        np.save(cache, np.stack([empty if mask is None else mask for mask in masks]))
    return np.load(cache, mmap_mode="r")
