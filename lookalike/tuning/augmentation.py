"""Augmentation for tuning: products cut out of their white background and pasted onto synthetic ones.

A composite resembles a shopper's photo, yet every attribute of it is known.

training/ has cut-outs and backgrounds of its own, built on OpenCV, which the app does not need. They differ in
tolerance, limits, kinds of scenes and random draws. Released weights and tuned indexes depend on these, so neither
can take over the other's.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
from PIL import Image, ImageFilter

from lookalike.errors import ImageError
from lookalike.images.decoding import load_prepared
from lookalike.index.catalogue import Catalogue
from lookalike.settings import usable_cores
from lookalike.types import Mask, Matrix, Pixels, Progress, Rows, Vectors, no_progress

# A pixel this close to white in all channels, and connected to the border, is background.
WHITE_TOLERANCE = 12
# A mask that covers less or more of the image than this failed.
MIN_AREA, MAX_AREA = 0.05, 0.85
BACKGROUND_SEED = 7
COMPOSITES_PER_BATCH = 64


def composite_vectors(
    index: Catalogue,
    rows: Rows,
    size: int,
    embed: Callable[[Pixels, Sequence[float]], Vectors],
    progress: Progress = no_progress,
    workers: int | None = None,
) -> tuple[dict[str, Matrix], Rows]:
    """Return the vectors of the index's products in rows, each pasted onto a background that depends on its row alone.

    embed turns pixels uint8 (n, size, size, 3) and their n aspects into float32 (n, d) by space. Return these by space,
    and the rows (m,) of the products that are on white and whose files exist; {} without any. workers is the number of
    threads; None for one per usable core.
    """
    parts: list[Vectors] = []
    kept: list[int] = []
    batches = [rows[start : start + COMPOSITES_PER_BATCH] for start in range(0, len(rows), COMPOSITES_PER_BATCH)]
    with ExitStack() as stack:
        pool = ThreadPoolExecutor(workers or usable_cores())
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)  # a Ctrl-C need not wait for it
        for batch in progress(batches, desc="tuning", unit="batch"):
            made = [one for one in pool.map(lambda row: _composite_product(index, int(row), size), batch) if one]
            if made:
                pixels, aspects, made_rows = zip(*made)
                parts.append(embed(np.stack(pixels), list(aspects)))
                kept.extend(made_rows)
    vectors = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}
    return vectors, np.array(kept, int)


def _composite_product(index: Catalogue, row: int, size: int) -> tuple[Pixels, float, int] | None:
    """Return a product on a synthetic background, its aspect and its row, or None if it cannot be cut out."""
    try:
        pixels, aspect = load_prepared(index.product(row).path, size)
    except ImageError:  # deleted since it was indexed
        return None
    mask = cut_out(pixels)
    if mask is None:
        return None
    return composite(pixels, mask, np.random.default_rng([BACKGROUND_SEED, row])), aspect, row


def cut_out(pixels: Pixels) -> Mask | None:
    """Return the mask, bool (s, s), of a product on white in pixels (s, s, 3); None if it is not on white."""
    from scipy import ndimage

    bright = (pixels >= 255 - WHITE_TOLERANCE).all(axis=2)
    labels, _ = ndimage.label(bright)
    border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    mask = ~np.isin(labels, border[border > 0])
    return mask if MIN_AREA < mask.mean() < MAX_AREA else None


def composite(pixels: Pixels, mask: Mask, rng: np.random.Generator) -> Pixels:
    """Return the masked product of pixels, uint8 (s, s, 3), rotated a little, on a new background with a shadow."""
    side = len(pixels)
    angle, scale = rng.uniform(-20, 20), rng.uniform(0.75, 1.0)
    product, alpha = (_transform(Image.fromarray(image), angle, scale, side) for image in (pixels, mask))
    scene = Image.fromarray(make_background(side, rng))
    shadow = alpha.filter(ImageFilter.GaussianBlur(5)).point(lambda level: level * 0.4)
    scene.paste((20, 15, 10), (int(rng.integers(2, 7)), int(rng.integers(2, 7))), shadow)
    scene.paste(product, (0, 0), alpha.filter(ImageFilter.GaussianBlur(0.8)))
    light = rng.uniform(0.75, 1.1)
    return np.clip(np.asarray(scene, np.float32) * light, 0, 255).astype(np.uint8)


def make_background(side: int, rng: np.random.Generator) -> Pixels:
    """Return a floor, sheet or wall, uint8 (side, side, 3): one color with light, folds or boards, and grain."""
    y, x = np.mgrid[0:side, 0:side] / side
    color = rng.uniform(40, 230, 3)
    angle = rng.uniform(0, np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    light = rng.uniform(-40, 40) * (along - 0.5)
    folds = rng.uniform(0, 22) * np.sin(2 * np.pi * (rng.uniform(2, 9) * along + 0.15 * np.sin(5 * (x + y))))
    boards = -rng.uniform(0, 40) * (np.mod(along * rng.uniform(3, 9), 1) < 0.04)
    grain = rng.normal(0, rng.uniform(2, 10), (side, side))
    return np.clip(color + (light + folds + boards + grain)[..., None], 0, 255).astype(np.uint8)


def _transform(image: Image.Image, angle: float, scale: float, side: int) -> Image.Image:
    size = round(side * scale)
    offset = (side - size) // 2
    canvas = Image.new(image.mode, (side, side))
    canvas.paste(image.resize((size, size), Image.Resampling.BILINEAR), (offset, offset))
    rotated = canvas.rotate(angle, Image.Resampling.BILINEAR)
    return rotated.convert("L") if rotated.mode == "1" else rotated
