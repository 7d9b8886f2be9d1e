"""How close a match really is, against the catalogue itself; and whether a photo shows anything it sells."""

from functools import cached_property

import numpy as np

from lookalike.index.vector_search import normalize_weights
from lookalike.search.recommender import SAME_PICTURE, default_weights

MOST, SEED = 500, 0

# Without a fashion space two products are one picture only where their looks are equal but for rounding.
EQUAL = {"look": 0.01}

# What lies as far from every product as this share of the way to drawn nothing is like nothing here. At 0.86 or
# less, photos of clothes begin to be turned away; see the measurement in tests/search/test_closeness.py.
LIMIT = 0.88


class Closeness:
    """The distances at which a sample of an index's products find their nearest other picture.

    weights, a dict from space to number, are those of the ranking whose distances are judged. distances are
    float32, ascending, one a product sampled that has a neighbor at all.
    """

    def __init__(self, index, weights=None, most=MOST, seed=SEED):
        rows = np.random.default_rng(seed).permutation(len(index.names))[:most]
        found = neighbor_distances(index, np.sort(rows), weights)
        self.distances = np.sort(found[np.isfinite(found)])

    def closer_than(self, distance):
        """The share, 0 to 1, of the sampled neighbors that are farther than that; 0 where there are none."""
        if not len(self.distances):
            return 0.0
        return 1 - float(np.searchsorted(self.distances, np.float32(distance), side="right")) / len(self.distances)


def neighbor_distances(index, rows, weights=None):
    """How far the products in rows are from their nearest other picture: float32 (m,), inf where none is.

    They are asked as photos would be: their tuned vectors are made without the shop's word on them.
    """
    weights = normalize_weights(weights or {}, index.widths) or normalize_weights(
        default_weights(index.widths), index.widths
    )
    searcher = index.searcher()
    limits = SAME_PICTURE if SAME_PICTURE.keys() <= index.widths.keys() else EQUAL
    return searcher.nearest_distances(index.with_tuned(searcher.vectors(rows)), weights, limits, rows)


class UnrelatedPhotoDetector:
    """Tells photos that show nothing an index holds, or no garment at all, by their look.

    The distances of a ranking cannot: our own network and the head see a garment in anything. The measure
    is how far drawn nothing is from the products, which no catalogue's own spread can shift.
    """

    def __init__(self, index, embedder):
        self._searcher = index.searcher()
        self._embedder = embedder

    @cached_property
    def limit(self):
        """The look distance beyond which a photo is like nothing; embeds the drawn pictures when first used."""
        return LIMIT * float(np.median(self.distances(self._embedder.embed(synthetic_blanks(self._embedder.size)))))

    def distances(self, looks):
        """How far looks, float32 (m, C), are from their nearest product's: float32 (m,)."""
        return self._searcher.nearest_distances({"look": looks}, {"look": 1.0})

    def rejects(self, vectors):
        """Whether a query, a dict of spaces with look (m, C), is like nothing here: every photo of it."""
        return bool((self.distances(vectors["look"]) > self.limit).all())


def synthetic_blanks(size, count=8):
    """Pictures of nothing, uint8 (3 · count, size, size, 3): gradients, noise of any grain, plain colors."""
    rng = np.random.default_rng(SEED)
    across, down = np.linspace(0, 1, size)[None, :], np.linspace(0, 1, size)[:, None]
    pictures = []
    for number in range(count):
        slope = rng.uniform(0, 1)
        way = (slope * across + (1 - slope) * down)[:, :, None]
        one, other, plain = rng.integers(0, 256, (3, 3))
        grain = min(size, 4 * 2 ** (number % 6))
        cells = np.arange(size) * grain // size
        noise = rng.integers(0, 256, (grain, grain, 3))[cells][:, cells]
        pictures += [one * (1 - way) + other * way, noise, np.broadcast_to(plain, (size, size, 3))]
    return np.stack(pictures).astype(np.uint8)
