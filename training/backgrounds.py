"""Made-up places to put a cut-out product: sheets, boards, gradients, noise, strips of photos."""

import cv2
import numpy as np


def noise(rng, side, cells, depth):
    """Return smooth noise (side, side, depth) float32 in 0..1 with about cells bumps a side."""
    coarse = rng.random((cells, cells, depth), dtype=np.float32)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC).reshape(side, side, depth)


def color(rng):
    """Return a color (3,) float32 in 0..255, more often pale or wooden than vivid."""
    value = rng.uniform(40, 245)
    spread = rng.choice([8, 30, 90])
    return np.clip(value + rng.normal(0, spread, 3), 0, 255).astype(np.float32)


def plain(rng, side):
    """Return a wall or a sheet with soft folds."""
    folds = noise(rng, side, int(rng.integers(3, 9)), 1) - 0.5
    return color(rng) + folds * rng.uniform(5, 70)


def gradient(rng, side):
    """Return light that falls off across the image."""
    ramp = np.linspace(0, 1, side, dtype=np.float32)
    along = np.add.outer(ramp * rng.uniform(-1, 1), ramp * rng.uniform(-1, 1))[..., None]
    return color(rng) * (1 - along) + color(rng) * along


def boards(rng, side):
    """Return wooden boards: grain along one axis, dark joints."""
    grain = cv2.resize(rng.random((side, int(rng.integers(2, 8))), dtype=np.float32), (side, side))
    base = np.array([rng.uniform(90, 230)] * 3, np.float32) * [1, rng.uniform(0.7, 1), rng.uniform(0.4, 0.95)]
    wood = base + (grain[..., None] - 0.5) * rng.uniform(20, 80)
    step = int(rng.integers(side // 10, side // 3))
    wood[int(rng.integers(step)) :: step] *= rng.uniform(0.4, 0.9)
    return wood if rng.random() < 0.5 else wood.transpose(1, 0, 2)


def checks(rng, side):
    """Return a patterned cloth: stripes along one or both axes."""
    period = rng.uniform(4, side / 3)
    wave = (np.sin(np.arange(side) * 2 * np.pi / period) > rng.uniform(-0.8, 0.8)).astype(np.float32)
    mix = wave[:, None] if rng.random() < 0.5 else (wave[:, None] + wave[None]) / 2
    mix = np.broadcast_to(mix, (side, side))[..., None]
    return color(rng) * (1 - mix) + color(rng) * mix


def bumps(rng, side):
    """Return colored noise at two scales: a carpet, a print."""
    fine = noise(rng, side, int(rng.integers(12, side)), 3) - 0.5
    return color(rng) + fine * rng.uniform(10, 160) + (noise(rng, side, 4, 3) - 0.5) * 80


def strip(rng, side, photos):
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


def background(rng, side, photos):
    """Return a background (side, side, 3) float32 in 0..255."""
    kinds = (plain, gradient, boards, checks, bumps)
    if rng.random() < 0.5:
        scene = strip(rng, side, photos)
    else:
        scene = kinds[int(rng.integers(len(kinds)))](rng, side)
    if rng.random() < 0.4:
        scene = cv2.GaussianBlur(np.ascontiguousarray(scene, np.float32), (0, 0), rng.uniform(0.5, 4))
    return np.clip(scene, 0, 255).astype(np.float32)
