"""One training image from one file's pixels: moved, lit, put elsewhere. A product's hue is never changed."""

import cv2
import numpy as np
from backgrounds import background

cv2.setNumThreads(1)
WHITE = (255, 255, 255)
# Photos from 3 : 4 to 1 : 1 are all squashed into the same square: the same garment is wider in one than in another.
PHOTO_STRETCH = 0.09


def motion(rng, side, source, angle, scales, shift, stretch=0.06):
    """Return the affine matrix (2, 3) from a source-pixel square to a side-pixel one.

    stretch is the deviation of the logarithm by which it gets wider and lower, or the other way round.
    """
    turn, scale = np.deg2rad(rng.uniform(-angle, angle)), rng.uniform(*scales) * side / source
    wider = np.exp(rng.normal(0, stretch))
    flip = -1 if rng.random() < 0.5 else 1
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    matrix = np.array([[cos * flip * wider, -sin / wider], [sin * flip * wider, cos / wider]])
    middle = side / 2 + rng.uniform(-shift, shift, 2) * side
    return np.c_[matrix, middle - matrix @ [source / 2, source / 2]].astype(np.float32)


def warp(image, matrix, side, border=cv2.BORDER_CONSTANT, value=WHITE):
    """Return the image moved by matrix as (side, side, ...) of its dtype."""
    return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=value)


def light(rng, image, strength):
    """Return the image (S, S, 3) float32 in 0..255 under another, slightly tinted light."""
    gamma = np.exp(rng.normal(0, 0.22 * strength))
    gains = np.exp(rng.normal(0, 0.10 * strength) + rng.normal(0, 0.035 * strength, 3))
    table = np.clip(((np.arange(256) / 255) ** gamma)[:, None] * gains * 255, 0, 255)
    return cv2.LUT(np.clip(image, 0, 255).astype(np.uint8), table.astype(np.uint8)[None])


def soften(rng, image, chance=0.2):
    """Return the image, at times out of focus or noisy."""
    if rng.random() < chance:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.4))
    if rng.random() < chance:
        noise = rng.normal(0, rng.uniform(2, 9), image.shape[:2] + (1,))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image


def recolored(rng, image, chance=0.5):
    """Return the image, at times with every hue turned by as much: what color a photo shows is no label of it."""
    if rng.random() < chance:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.int32)
        image[..., 0] = (image[..., 0] + rng.integers(0, 180)) % 180
        image[..., 1] = np.minimum(image[..., 1] * rng.uniform(0.3, 1.5), 255)
        image = cv2.cvtColor(image.astype(np.uint8), cv2.COLOR_HSV2RGB)
    return image


def erase(rng, image, mask, chance=0.25):
    """Paint over a rectangle of image and of mask, at times."""
    if rng.random() < chance:
        side = image.shape[0]
        high, wide = rng.integers(side // 10, side // 3, 2)
        top, left = rng.integers(0, side - high), rng.integers(0, side - wide)
        image[top : top + high, left : left + wide] = rng.integers(0, 256, 3)
        mask[top : top + high, left : left + wide] = 0
    return image, mask


def worn(rng, image, mask, side):
    """Return a product as the catalogue shows it, and its mask."""
    matrix = motion(rng, side, image.shape[0], 8, (0.88, 1.12), 0.05)
    image = light(rng, warp(image, matrix, side), 0.35)
    return erase(rng, image, warp(mask, matrix, side, value=0), 0.15)


def composed(rng, image, mask, side, photos, scales=(0.65, 1.15), white=0.0):
    """Return what is cut out and put on a made-up background, or at times on white, with a shadow, and its mask."""
    matrix = motion(rng, side, image.shape[0], 25 if rng.random() < 0.75 else 180, scales, 0.1, 0.1)
    image = warp(image, matrix, side, cv2.BORDER_REPLICATE).astype(np.float32)
    mask = warp(mask, matrix, side, value=0)
    alpha = cv2.GaussianBlur(cv2.erode(mask, np.ones((2, 2), np.uint8)), (0, 0), 0.7)
    scene = background(rng, side, photos) if rng.random() >= white else np.full((side, side, 3), 255, np.float32)
    if rng.random() < 0.7:
        slide = np.float32([[1, 0, rng.uniform(-9, 9)], [0, 1, rng.uniform(-9, 9)]])
        shadow = cv2.GaussianBlur(warp(mask, slide, side, value=0), (0, 0), rng.uniform(1, 8))
        scene = scene * (1 - shadow[..., None] / np.float32(255) * np.float32(rng.uniform(0.1, 0.6)))
    alpha = alpha[..., None].astype(np.float32) / 255
    image = light(rng, image * alpha + scene * (1 - alpha), 1.0)
    return erase(rng, soften(rng, image), mask)


def photographed(rng, image, mask, side):
    """Return a photo turned, cropped, lit and colored anew, and its mask."""
    angle = 20 if rng.random() < 0.7 else 180
    matrix = motion(rng, side, image.shape[0], angle, (0.75, 1.5), 0.1, PHOTO_STRETCH)
    image = light(rng, warp(image, matrix, side, cv2.BORDER_REFLECT), 1.0)
    mask = warp(mask, matrix, side, cv2.BORDER_REFLECT)
    return erase(rng, soften(rng, recolored(rng, image)), mask, 0.4)
