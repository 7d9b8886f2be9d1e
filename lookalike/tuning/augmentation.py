"""Products cut out and put on other backgrounds: photos of a kind, of which every attribute is known."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image, ImageFilter

from lookalike.errors import ImageError
from lookalike.images.decoding import load_prepared

# A pixel within so many shades of white, and joined to the border, is background.
WHITE = 12

SHARE = (0.05, 0.85)


SEED = 7

BATCH = 64


def cut_out(pixels):
    """The mask of a product on white, bool (s, s), or None where it does not stand on white.

    pixels are uint8 (s, s, 3).
    """
    from scipy import ndimage

    bright = (pixels >= 255 - WHITE).all(axis=2)
    labels, _ = ndimage.label(bright)
    border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    mask = ~np.isin(labels, border[border > 0])
    return mask if SHARE[0] < mask.mean() < SHARE[1] else None


def composite(pixels, mask, rng):
    """The product of pixels, uint8 (s, s, 3), turned a little, on a made-up background with a shadow."""
    side = len(pixels)
    angle, scale = rng.uniform(-20, 20), rng.uniform(0.75, 1.0)
    product, cut = (_turned(Image.fromarray(image), angle, scale, side) for image in (pixels, mask))
    scene = Image.fromarray(background(side, rng))
    shadow = cut.filter(ImageFilter.GaussianBlur(5)).point(lambda level: level * 0.4)
    scene.paste((20, 15, 10), (int(rng.integers(2, 7)), int(rng.integers(2, 7))), shadow)
    scene.paste(product, (0, 0), cut.filter(ImageFilter.GaussianBlur(0.8)))
    light = rng.uniform(0.75, 1.1)
    return np.clip(np.asarray(scene, np.float32) * light, 0, 255).astype(np.uint8)


def background(side, rng):
    """A floor, a sheet or a wall: uint8 (side, side, 3) of one color with light, folds or boards, and grain."""
    y, x = np.mgrid[0:side, 0:side] / side
    color = rng.uniform(40, 230, 3)
    turn = rng.uniform(0, np.pi)
    along = x * np.cos(turn) + y * np.sin(turn)
    light = rng.uniform(-40, 40) * (along - 0.5)
    folds = rng.uniform(0, 22) * np.sin(2 * np.pi * (rng.uniform(2, 9) * along + 0.15 * np.sin(5 * (x + y))))
    boards = -rng.uniform(0, 40) * (np.mod(along * rng.uniform(3, 9), 1) < 0.04)
    grain = rng.normal(0, rng.uniform(2, 10), (side, side))
    return np.clip(color + (light + folds + boards + grain)[..., None], 0, 255).astype(np.uint8)


def _turned(image, angle, scale, side):
    size = round(side * scale)
    place = ((side - size) // 2,) * 2
    whole = Image.new(image.mode, (side, side))
    whole.paste(image.resize((size, size), Image.Resampling.BILINEAR), place)
    turned = whole.rotate(angle, Image.Resampling.BILINEAR)
    return turned.convert("L") if turned.mode == "1" else turned


def composite_vectors(index, rows, size, embed, progress=lambda items, **_: items):
    """The vectors of the index's products in rows, each cut out and put on a background that depends on its row alone.

    embed makes a dict from space to float32 (n, d) of pixels uint8 (n, size, size, 3) and their n aspects. Returns
    such a dict, and the rows int (m,) of those that stand on white and whose files are there; {} where there are none.
    """
    made, shown = [], []
    batches = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for batch in progress(batches, desc="tuning", unit="batch"):
            found = [one for one in pool.map(lambda row: _composed(index, int(row), size), batch) if one]
            if found:
                pixels, aspects, own = zip(*found)
                made.append(embed(np.stack(pixels), list(aspects)))
                shown.extend(own)
    vectors = {name: np.concatenate([one[name] for one in made]) for name in made[0]} if made else {}
    return vectors, np.array(shown, int)


def _composed(index, row, size):
    """A product on another background, its aspect and its row, or None where it cannot be cut out."""
    try:
        pixels, aspect = load_prepared(index.product(row).path, size)
    except ImageError:  # gone since it was indexed
        return None
    mask = cut_out(pixels)
    return None if mask is None else (composite(pixels, mask, np.random.default_rng([SEED, row])), aspect, row)
