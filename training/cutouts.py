"""Free masks: what the white border of a catalogue image does not reach is the product."""

from pathlib import Path

import cv2
import numpy as np

TOLERANCE = 5
AREA = (0.04, 0.9)  # of the image; outside of it the flood went wrong


def cut(image):
    """Return the mask (S, S) uint8, 0 or 255, of a product on white, or None if it has none."""
    side = image.shape[0]
    framed = cv2.copyMakeBorder(image, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    reached = np.zeros((side + 4, side + 4), np.uint8)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (255 << 8)
    cv2.floodFill(np.ascontiguousarray(framed), reached, (0, 0), 0, (TOLERANCE,) * 3, (TOLERANCE,) * 3, flags)
    mask = 255 - reached[2:-2, 2:-2]
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    share = mask.mean() / 255
    return mask if AREA[0] < share < AREA[1] else None


def load(images, cache):
    """Return masks (n, S, S) uint8 of images (n, S, S, 3), all zero where there is none."""
    cache = Path(cache)
    if not cache.exists():
        array = np.lib.format.open_memmap(cache, "w+", np.uint8, images.shape[:3])
        for i, image in enumerate(images):
            mask = cut(np.asarray(image))
            array[i] = 0 if mask is None else mask
        array.flush()
    return np.load(cache, mmap_mode="r")
