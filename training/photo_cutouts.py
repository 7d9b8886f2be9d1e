"""Masks of photos: where a trained network sees the garment, and what has its colors there."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import judge
import numpy as np

SIDE = 112  # at which a photo is cut
ROUNDS = 6
# Of the score on the garment grid: what may be garment far from the edge and anywhere, what is, and below which the
# rim is background. FAINT is the least that a photo's highest score is taken for.
MAYBE, LIKELY, SURE, RIM, FAINT = 0.15, 0.5, 0.9, 0.3, 0.3
# From the edge, of the side: where garment is not assumed, and where background is.
NEAR, AT = 0.12, 0.035
# A mask went wrong that has less or more of the image than AREA, more of its edge than ON_EDGE, less than COVERED of
# what is scored above SEEN, or less of its own hull than SOLID.
AREA, ON_EDGE, SEEN, COVERED, SOLID = (0.1, 0.72), 0.2, 0.6, 0.85, 0.55


def cut(image, grid):
    """Return the mask (S, S) uint8, 0 or 255, of the garment in a photo (S, S, 3), or None where it is not found.

    grid (h, h) float32 in 0..1 is what the network's garment grid scores.
    """
    small = cv2.resize(np.ascontiguousarray(image), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    score = cv2.resize(grid, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    score = score / max(score.max(), FAINT)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)
    edge = np.minimum(np.minimum(y, 1 - y), np.minimum(x, 1 - x))
    kinds = _guessed(score, edge)
    cv2.setRNGSeed(0)  # of this thread's own numbers: a photo is cut alike whatever was cut before it
    try:
        cv2.grabCut(small, kinds, None, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # nothing but background, or nothing but garment
        return None
    mask = _largest(np.isin(kinds, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8) * 255)
    if mask is None or not _plausible(mask, (edge > NEAR) & (score > SEEN)):
        return None
    return cv2.resize(mask, image.shape[:2], interpolation=cv2.INTER_LINEAR)


def _guessed(score, edge):
    """Return what GrabCut begins with, by score and distance from the edge (s, s) each."""
    inner = edge > NEAR
    kinds = np.full(score.shape, cv2.GC_PR_BGD, np.uint8)
    kinds[inner & (score > MAYBE) | (score > LIKELY)] = cv2.GC_PR_FGD
    kinds[inner & (score > SURE)] = cv2.GC_FGD
    kinds[(edge < AT) & (score < RIM)] = cv2.GC_BGD
    return kinds


def _largest(mask):
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    outlines = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    if not outlines:
        return None
    return cv2.drawContours(np.zeros_like(mask), [max(outlines, key=cv2.contourArea)], -1, 255, -1)


def _plausible(mask, seen):
    on_edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).mean() / 255
    hull = cv2.contourArea(cv2.convexHull(cv2.findNonZero(mask)))
    solid = (mask > 0).sum() / max(hull, 1) > SOLID
    covered = seen.any() and (mask > 0)[seen].mean() >= COVERED
    return covered and solid and on_edge < ON_EDGE and AREA[0] < mask.mean() / 255 < AREA[1]


def load(network, images, cache):
    """Return masks (n, S, S) uint8 of photos (n, S, S, 3), all zero where there is none; cut once, kept in cache."""
    cache = Path(cache)
    if not cache.exists():
        grids = judge.embed(network, images)["garment"]
        with ThreadPoolExecutor() as pool:
            masks = list(pool.map(lambda image, grid: cut(np.asarray(image), grid), images, grids))
        empty = np.zeros(images.shape[1:3], np.uint8)
        np.save(cache, np.stack([empty if mask is None else mask for mask in masks]))
    return np.load(cache, mmap_mode="r")
