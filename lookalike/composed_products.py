"""Products of an index once more, each on another background: a head learns from them, and is judged by them."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .composing import composed, cut_out
from .errors import ImageError
from .images import load_prepared

SEED = 7
BATCH = 64


def composed_vectors(index, rows, size, embed, progress=lambda items, **_: items):
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
    return None if mask is None else (composed(pixels, mask, np.random.default_rng([SEED, row])), aspect, row)
