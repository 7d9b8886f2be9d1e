"""Search: a photo, or vectors, in; the nearest products of an index out, exactly."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .errors import IndexFileError
from .images import load_pixels
from .index import Product

# How much each space counts in a distance, by default: the first line whose spaces an index has.
DEFAULT_WEIGHTS = (
    {"tuned": 0.5, "fashion": 0.45, "look": 0.05},
    {"fashion": 0.9, "look": 0.1},
    {"look": 1.0},
)
# More than a float32 product of unit vectors can be off by.
ROUNDING = 1e-4
# Products nearer than this in every one of these spaces show one picture, at another size or slightly changed.
SAME_PICTURE = {"look": 0.25, "fashion": 0.15}


@dataclass(frozen=True)
class Match:
    """One answer: rank from 1, euclidean distance between unit vectors (0 to 2), the product.

    same are further products with the very same picture, which take no place of their own.
    """

    rank: int
    distance: float
    product: Product
    same: tuple = ()

    @property
    def cosine(self):
        """The cosine that belongs to the distance: 1 the same, 0 nothing in common."""
        return 1 - self.distance**2 / 2


def default_weights(spaces):
    """The weights, by space, of the ranking used where none is asked for."""
    return next(weights for weights in DEFAULT_WEIGHTS if weights.keys() <= set(spaces))


class Recommender:
    """An index and the embedder it was made with; asked by any number of threads.

    weights says how much each space counts: squared distances are averaged by them.
    """

    def __init__(self, index, embedder, weights=None):
        self.index = index
        self.embedder = embedder
        weights = weights or default_weights(index.spaces)
        total = sum(weights.values())
        self.shares = {name: (weight / total) ** 0.5 for name, weight in weights.items() if weight > 0}

    def similar(self, photo, k=5):
        """The k matches of one photo (a path or its bytes), nearest first; raises ImageError.

        Products with the same picture take one place.
        """
        pixels = load_pixels(photo, self.embedder.size)
        return self.varied(self.index.completed(self.embedder.vectors(pixels[None])), k)

    def varied(self, vectors, k=5):
        """The k matches of one query, given as a dict from space to (1, d), each with another picture."""
        n, wanted = len(self.index.names), 4 * k
        while True:
            rows, distances = self.nearest(vectors, wanted)
            groups = self._one_picture_each(rows[0])
            if len(groups) >= k or wanted >= n:
                break
            wanted *= 4
        where = dict(zip(rows[0], distances[0]))
        return [
            Match(rank, float(where[group[0]]), self.index.product(group[0]), tuple(map(self.index.product, group[1:])))
            for rank, group in enumerate(groups[:k], start=1)
        ]

    def nearest(self, vectors, k=5):
        """Rows int (m, k) and distances float64 (m, k) of the nearest products, equal ones by row.

        vectors is a dict from space to float32 (m, d). One query is answered at the memory's speed,
        several by scikit-learn's NearestNeighbors, which defines what is right.
        """
        query = self._joined(vectors)
        k = min(k, len(self.index.names))
        if len(query) == 1:
            rows, distances = self._nearest_to_one(query[0], k)
            return rows[None], distances[None]
        distances, rows = self._neighbors.kneighbors(query, n_neighbors=k)
        # scikit-learn leaves equal distances in any order; one order for all makes answers repeatable.
        order = np.lexsort((rows, distances))
        return np.take_along_axis(rows, order, axis=1), np.take_along_axis(distances, order, axis=1)

    def _joined(self, vectors):
        """The spaces of the ranking side by side, each scaled by its share: (m, d) of norm 1."""
        for name in self.shares:
            width, given = self.index.spaces[name].shape[1], np.shape(vectors[name])[1]
            if width != given:
                raise IndexFileError(
                    f"The index holds {name} vectors of {width} numbers, the photo's has {given}. "
                    "Make the index again: python extract_features.py"
                )
        return np.concatenate([vectors[name] * np.float32(share) for name, share in self.shares.items()], axis=1)

    @cached_property
    def _neighbors(self):
        # Imported here: it takes a second, and a single query does without it.
        from sklearn.neighbors import NearestNeighbors

        return NearestNeighbors(algorithm="brute", metric="euclidean").fit(self._joined(self.index.spaces))

    def _nearest_to_one(self, query, k):
        """A float32 product finds all that may be among the k; those are measured again in float64."""
        cosines = self._products(query)
        least = np.partition(cosines, len(cosines) - k)[-k]
        rows = np.flatnonzero(cosines >= least - ROUNDING)
        found = self._joined({name: self.index.spaces[name][rows] for name in self.shares}).astype(np.float64)
        query = query.astype(np.float64)
        squares = (found**2).sum(axis=1) + query @ query - 2 * (found @ query)
        distances = np.sqrt(np.maximum(squares, 0))
        order = np.lexsort((rows, distances))[:k]
        return rows[order], distances[order]

    def _products(self, query):
        """The product of a joined query with every product's joined vector: float32 (n,)."""
        total, start = 0, 0
        for name, share in self.shares.items():
            space = self.index.spaces[name]
            part = query[start : start + space.shape[1]] * np.float32(share)
            total, start = total + space @ part, start + space.shape[1]
        return total

    def _one_picture_each(self, rows):
        """Rows in groups of one picture, in the order of each group's first."""
        groups = []
        for row in rows:
            group = next((group for group in groups if self._same_picture(group[0], row)), None)
            if group is None:
                groups.append([row])
            else:
                group.append(row)
        return groups

    def _same_picture(self, a, b):
        spaces = self.index.spaces
        if not SAME_PICTURE.keys() <= spaces.keys():
            return False
        return all(np.linalg.norm(spaces[name][a] - spaces[name][b]) < limit for name, limit in SAME_PICTURE.items())
