"""Search: a photo, or vectors, in; the nearest products of an index out, exactly."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lookalike.errors import IndexFileError
from lookalike.images.decoding import load_prepared
from lookalike.index.catalogue import Product
from lookalike.index.vector_search import RowFilter, normalize_weights

# How much each space counts in a distance, by default: the first line whose spaces an index has.
DEFAULT_WEIGHTS = (
    {"tuned": 0.6, "fashion": 0.35, "look": 0.05},
    {"fashion": 0.9, "look": 0.1},
    {"look": 1.0},
)

# The ends of the scale between the same look and the same color.
SAME_LOOK = {"look": 0.5, "fashion": 0.5}

SAME_COLOR = {"color": 0.7, "fashion": 0.3}

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


def balanced(weights, balance):
    """The weights for a balance between the same look, 0, and the same color, 1; 0.5 leaves weights as they are."""
    other = SAME_COLOR if balance > 0.5 else SAME_LOOK
    towards = abs(balance - 0.5) * 2
    mixed = {name: (1 - towards) * weight / sum(weights.values()) for name, weight in weights.items()}
    for name, weight in other.items():
        mixed[name] = mixed.get(name, 0) + towards * weight / sum(other.values())
    return mixed


class Recommender:
    """An index and the embedder it was made with; asked by any number of threads.

    weights says how much each space counts by default: squared distances are averaged by them.
    """

    def __init__(self, index, embedder, weights=None):
        self.index = index
        self.embedder = embedder
        self.weights = normalize_weights(weights or default_weights(index.widths), index.widths)
        self._searcher = index.searcher()

    def similar(self, photo, k=5):
        """The k matches of one photo (a path or its bytes), nearest first; raises ImageError.

        Products with the same picture take one place.
        """
        pixels, aspect = load_prepared(photo, self.embedder.size)
        return self.distinct_matches(self.index.with_tuned(self.embedder.vectors(pixels[None], [aspect])), k)

    def distinct_matches(self, vectors, k=5, weights=None, filters=None, excluded=()):
        """The k matches of one query, given as a dict from space to (1, d), each with another picture.

        weights are the default ones or others; filters, a dict from column to words, and but, rows to
        leave out, apply before anything is ranked: k come wherever k exist.
        """
        most, wanted = min(len(self.index.names), self._searcher.max_matches), 4 * k
        while True:
            rows, distances = self.nearest(vectors, wanted, weights, filters, excluded)
            groups = self._one_picture_each(rows[0])
            if len(groups) >= k or wanted >= most:
                break
            wanted *= 4
        where = dict(zip(rows[0], distances[0]))
        return [
            Match(rank, float(where[group[0]]), self.index.product(group[0]), tuple(map(self.index.product, group[1:])))
            for rank, group in enumerate(groups[:k], start=1)
        ]

    def nearest(self, vectors, k=5, weights=None, filters=None, excluded=()):
        """Rows int (m, k) and distances float64 (m, k) of the nearest products, equal ones by row.

        vectors is a dict from space to float32 (m, d); see Searcher.
        """
        self._check_widths(vectors, weights := self._weights(weights))
        n = len(self.index.names)
        allowed = (
            RowFilter(n, self.facets if filters else None, filters or {}, tuple(excluded))
            if filters or excluded
            else None
        )
        return self._searcher.nearest(vectors, weights, min(k, n, self._searcher.max_matches), allowed)

    @cached_property
    def facets(self):
        """The attributes that products can be filtered by."""
        return self.index.facets()

    def row(self, identity):
        """The row of the product with that id, the first of several, or with that name; None without one."""
        return self.index.row(identity)

    def product_vectors(self, row):
        """A product of the catalogue as a query: a dict from space to float32 (1, d)."""
        return self._searcher.vectors([row])

    def _weights(self, weights):
        return normalize_weights(weights, self.index.widths) if weights else self.weights

    def _check_widths(self, vectors, weights):
        for name in weights:
            width, given = self.index.widths[name], np.shape(vectors[name])[1]
            if width != given:
                raise IndexFileError(
                    f"The index holds {name} vectors of {width} numbers, the photo's has {given}. "
                    "Make the index again: python extract_features.py"
                )

    def _one_picture_each(self, rows):
        """Rows in groups of one picture, in the order of each group's first."""
        if not SAME_PICTURE.keys() <= self.index.widths.keys():
            return [[row] for row in rows]
        vectors, groups = self._searcher.vectors(rows, SAME_PICTURE), []
        for place in range(len(rows)):
            group = next((group for group in groups if _same_picture(vectors, group[0], place)), None)
            if group is None:
                groups.append([place])
            else:
                group.append(place)
        return [[rows[place] for place in group] for group in groups]


def _same_picture(vectors, a, b):
    return all(np.linalg.norm(vectors[name][a] - vectors[name][b]) < limit for name, limit in SAME_PICTURE.items())
