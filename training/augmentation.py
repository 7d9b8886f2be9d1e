"""One training image from one file's pixels: moved, lit, erased, put on a background. A product's hue never changes.

lookalike/tuning/augmentation.py has cut-outs and backgrounds of its own, without OpenCV; it says why they differ.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lookalike.types import Matrix, Pixels

WHITE = (255, 255, 255)
# Photos from 3 : 4 to 1 : 1 are all squashed into the same square: the same garment is wider in one than in another.
PHOTO_STRETCH = 0.09


def random_motion(
    rng: np.random.Generator,
    side: int,
    source: int,
    angle: float,
    scales: tuple[float, float],
    shift: float,
    stretch: float = 0.06,
) -> Matrix:
    """Return a random affine matrix, float32 (2, 3), from a square of source pixels to one of side pixels.

    angle is at most so many degrees, shift so much of the side; stretch is the standard deviation of the logarithm by
    which the image gets wider and lower, or narrower and higher.
    """
    turn, scale = np.deg2rad(rng.uniform(-angle, angle)), rng.uniform(*scales) * side / source
    wider = np.exp(rng.normal(0, stretch))
    flip = -1 if rng.random() < 0.5 else 1
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    matrix = np.array([[cos * flip * wider, -sin / wider], [sin * flip * wider, cos / wider]])
    middle = side / 2 + rng.uniform(-shift, shift, 2) * side
    return np.c_[matrix, middle - matrix @ [source / 2, source / 2]].astype(np.float32)


def warp(
    image: NDArray, matrix: Matrix, side: int, border: int = cv2.BORDER_CONSTANT, value: int | Sequence[int] = WHITE
) -> NDArray:
    """Return the image moved by matrix, (side, side, ...) of its dtype."""
    return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=value)


def relight(rng: np.random.Generator, image: NDArray, strength: float) -> Pixels:
    """Return the image (S, S, 3) of 0..255 under another, slightly tinted light."""
    gamma = np.exp(rng.normal(0, 0.22 * strength))
    gains = np.exp(rng.normal(0, 0.10 * strength) + rng.normal(0, 0.035 * strength, 3))
    table = np.clip(((np.arange(256) / 255) ** gamma)[:, None] * gains * 255, 0, 255)
    return cv2.LUT(np.clip(image, 0, 255).astype(np.uint8), table.astype(np.uint8)[None])


def degrade(rng: np.random.Generator, image: Pixels, chance: float = 0.2) -> Pixels:
    """Return the image, sometimes out of focus or noisy."""
    if rng.random() < chance:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.4))
    if rng.random() < chance:
        noise = rng.normal(0, rng.uniform(2, 9), image.shape[:2] + (1,))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return image


def shift_hues(rng: np.random.Generator, image: Pixels, chance: float = 0.5) -> Pixels:
    """Return an image, sometimes with every hue shifted by the same amount: as the same thing in another color."""
    if rng.random() < chance:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.int32)
        image[..., 0] = (image[..., 0] + rng.integers(0, 180)) % 180
        image[..., 1] = np.minimum(image[..., 1] * rng.uniform(0.3, 1.5), 255)
        image = cv2.cvtColor(image.astype(np.uint8), cv2.COLOR_HSV2RGB)
    return image


def erase(rng: np.random.Generator, image: Pixels, mask: Pixels, chance: float = 0.25) -> tuple[Pixels, Pixels]:
    """Return image and mask, sometimes with a rectangle painted over in place."""
    if rng.random() < chance:
        side = image.shape[0]
        high, wide = rng.integers(side // 10, side // 3, 2)
        top, left = rng.integers(0, side - high), rng.integers(0, side - wide)
        image[top : top + high, left : left + wide] = rng.integers(0, 256, 3)
        mask[top : top + high, left : left + wide] = 0
    return image, mask


def augment_product(
    rng: np.random.Generator,
    image: Pixels,
    mask: Pixels,
    side: int,
    scales: tuple[float, float] = (0.88, 1.12),
    shift: float = 0.05,
) -> tuple[Pixels, Pixels]:
    """Return a product as the catalogue shows it, slightly moved and lit, and its mask."""
    matrix = random_motion(rng, side, image.shape[0], 8, scales, shift)
    image = relight(rng, warp(image, matrix, side), 0.35)
    return erase(rng, image, warp(mask, matrix, side, value=0), 0.15)


def composite(
    rng: np.random.Generator,
    image: Pixels,
    mask: Pixels,
    side: int,
    photos: Sequence[Pixels] | Pixels,
    scales: tuple[float, float] = (0.65, 1.15),
    white: float = 0.0,
) -> tuple[Pixels, Pixels]:
    """Return the masked product on a synthetic background, with the chance white on white, with a shadow; and its mask.

    photos are what some backgrounds are made from.
    """
    matrix = random_motion(rng, side, image.shape[0], 25 if rng.random() < 0.75 else 180, scales, 0.1, 0.1)
    image = warp(image, matrix, side, cv2.BORDER_REPLICATE).astype(np.float32)
    mask = warp(mask, matrix, side, value=0)
    alpha = cv2.GaussianBlur(cv2.erode(mask, np.ones((2, 2), np.uint8)), (0, 0), 0.7)
    scene = make_background(rng, side, photos) if rng.random() >= white else np.full((side, side, 3), 255, np.float32)
    if rng.random() < 0.7:
        slide = np.array([[1, 0, rng.uniform(-9, 9)], [0, 1, rng.uniform(-9, 9)]], np.float32)
        shadow = cv2.GaussianBlur(warp(mask, slide, side, value=0), (0, 0), rng.uniform(1, 8))
        scene = scene * (1 - shadow[..., None] / np.float32(255) * np.float32(rng.uniform(0.1, 0.6)))
    alpha = alpha[..., None].astype(np.float32) / 255
    image = relight(rng, image * alpha + scene * (1 - alpha), 1.0)
    return erase(rng, degrade(rng, image), mask)


def augment_photo(
    rng: np.random.Generator, image: Pixels, mask: Pixels, side: int, is_photo: bool = True
) -> tuple[Pixels, Pixels]:
    """Return a photo, or a garment with some of the street photo around it, rotated, cropped and relit; and its mask.

    Its hue stays: it has color labels.
    """
    if is_photo:
        angle = 20 if rng.random() < 0.7 else 180
        matrix = random_motion(rng, side, image.shape[0], angle, (0.75, 1.5), 0.1, PHOTO_STRETCH)
        strength = 1.0
    else:
        matrix, strength = random_motion(rng, side, image.shape[0], 10, (1.0, 1.45), 0.06, PHOTO_STRETCH), 0.7
    image = relight(rng, warp(image, matrix, side, cv2.BORDER_REFLECT), strength)
    mask = warp(mask, matrix, side, cv2.BORDER_REFLECT)
    return erase(rng, degrade(rng, image), mask, 0.4)


def make_background(rng: np.random.Generator, side: int, photos: Sequence[Pixels] | Pixels) -> Matrix:
    """Return a background (side, side, 3) float32 in 0..255, half of the time made from one of the photos."""
    if rng.random() < 0.5:
        scene = photo_texture(rng, side, photos)
    else:
        kinds = (plain, gradient, boards, checks, bumps)
        scene = kinds[int(rng.integers(len(kinds)))](rng, side)
    if rng.random() < 0.4:
        scene = cv2.GaussianBlur(np.ascontiguousarray(scene, np.float32), (0, 0), rng.uniform(0.5, 4))
    return np.clip(scene, 0, 255).astype(np.float32)


def _smooth_noise(rng: np.random.Generator, side: int, cells: int, depth: int) -> Matrix:
    """Return smooth noise (side, side, depth) float32 in 0..1 with about so many cells per side."""
    coarse = rng.random((cells, cells, depth), dtype=np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).reshape(side, side, depth)


def _random_color(rng: np.random.Generator) -> Matrix:
    """Return a color (3,) float32 in 0..255, more often pale or wooden than vivid."""
    value = rng.uniform(40, 245)
    spread = rng.choice([8, 30, 90])
    return np.clip(value + rng.normal(0, spread, 3), 0, 255).astype(np.float32)


def plain(rng: np.random.Generator, side: int) -> Matrix:
    """Return a wall or a sheet with soft folds."""
    folds = _smooth_noise(rng, side, int(rng.integers(3, 9)), 1) - 0.5
    return _random_color(rng) + folds * rng.uniform(5, 70)


def gradient(rng: np.random.Generator, side: int) -> Matrix:
    """Return light that falls off across the image."""
    ramp = np.linspace(0, 1, side, dtype=np.float32)
    along = np.add.outer(ramp * rng.uniform(-1, 1), ramp * rng.uniform(-1, 1))[..., None]
    return _random_color(rng) * (1 - along) + _random_color(rng) * along


def boards(rng: np.random.Generator, side: int) -> Matrix:
    """Return wooden boards: grain along one axis, dark joints."""
    grain = cv2.resize(rng.random((side, int(rng.integers(2, 8))), dtype=np.float32), (side, side))
    base = np.array([rng.uniform(90, 230)] * 3, np.float32) * [1, rng.uniform(0.7, 1), rng.uniform(0.4, 0.95)]
    wood = base + (grain[..., None] - 0.5) * rng.uniform(20, 80)
    step = int(rng.integers(side // 10, side // 3))
    wood[int(rng.integers(step)) :: step] *= rng.uniform(0.4, 0.9)
    return wood if rng.random() < 0.5 else wood.transpose(1, 0, 2)


def checks(rng: np.random.Generator, side: int) -> Matrix:
    """Return a patterned cloth: stripes along one or both axes."""
    period = rng.uniform(4, side / 3)
    wave = (np.sin(np.arange(side) * 2 * np.pi / period) > rng.uniform(-0.8, 0.8)).astype(np.float32)
    mix = wave[:, None] if rng.random() < 0.5 else (wave[:, None] + wave[None]) / 2
    mix = np.broadcast_to(mix, (side, side))[..., None]
    return _random_color(rng) * (1 - mix) + _random_color(rng) * mix


def bumps(rng: np.random.Generator, side: int) -> Matrix:
    """Return colored noise at two scales: a carpet or a print."""
    fine = _smooth_noise(rng, side, int(rng.integers(12, side)), 3) - 0.5
    return _random_color(rng) + fine * rng.uniform(10, 160) + (_smooth_noise(rng, side, 4, 3) - 0.5) * 80


def photo_texture(rng: np.random.Generator, side: int, photos: Sequence[Pixels] | Pixels) -> Matrix:
    """Return a corner of a photo, mirrored until it fills the image."""
    photo = photos[int(rng.integers(len(photos)))]
    size = int(rng.integers(28, 64))
    corner = np.rot90(photo, int(rng.integers(4)))[:size, :size]
    scale = rng.uniform(0.6, 2.0)
    corner = cv2.resize(corner, None, fx=scale, fy=scale)
    times = -(-side // corner.shape[0])
    tile = np.concatenate([corner, corner[::-1]], 0)
    tile = np.concatenate([tile, tile[:, ::-1]], 1)
    return np.tile(tile, (times, times, 1))[:side, :side].astype(np.float32)
