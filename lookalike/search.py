"""Search: a photo, or vectors, in; the nearest products of an index out, exactly."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from .catalogue import Product
from .errors import IndexFileError
from .facets import Facets
from .images import load_prepared

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


@dataclass(frozen=True)
class Allowed:
    """Which of n products may come: those that match filters, a dict from column to words, but for the rows in but."""

    n: int
    facets: Facets | None
    filters: dict
    but: tuple

    def mask(self):
        """The same as bool (n,)."""
        allowed = self.facets.mask(self.filters) if self.filters else np.ones(self.n, bool)
        allowed[list(self.but)] = False
        return allowed


class Searcher(Protocol):
    """What holds an index's vectors and ranks them: this machine's memory, or a server.

    widths is a dict from space to how many numbers it has, most how many products one search can give.
    """

    widths: dict
    most: int

    def vectors(self, rows, spaces=None):
        """The vectors of the products in rows: a dict from space, of those asked for or all, to float32 (m, d)."""

    def nearest(self, queries, weights, k, allowed=None):
        """Rows int (m, k) and distances float64 (m, k) of the products nearest to each query, equal ones by row.

        queries is a dict from space to float32 (m, d), weights one that adds up to 1; allowed, an Allowed, leaves
        products out before anything is ranked: fewer than k come where fewer are allowed.
        """

    def gaps(self, queries, weights, limits=None, rows=None):
        """How far each query is from its nearest product: float32 (m,), inf where there is none.

        With limits, a dict from space to distance, products within all of them show the query's own picture and
        do not count, nor does the product in the query's place in rows, int (m,).
        """


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
        self.weights = shares(weights or default_weights(index.widths), index.widths)
        self._searcher = index.searcher()

    def similar(self, photo, k=5):
        """The k matches of one photo (a path or its bytes), nearest first; raises ImageError.

        Products with the same picture take one place.
        """
        pixels, aspect = load_prepared(photo, self.embedder.size)
        return self.varied(self.index.completed(self.embedder.vectors(pixels[None], [aspect])), k)

    def varied(self, vectors, k=5, weights=None, filters=None, but=()):
        """The k matches of one query, given as a dict from space to (1, d), each with another picture.

        weights are the default ones or others; filters, a dict from column to words, and but, rows to
        leave out, apply before anything is ranked: k come wherever k exist.
        """
        most, wanted = min(len(self.index.names), self._searcher.most), 4 * k
        while True:
            rows, distances = self.nearest(vectors, wanted, weights, filters, but)
            groups = self._one_picture_each(rows[0])
            if len(groups) >= k or wanted >= most:
                break
            wanted *= 4
        where = dict(zip(rows[0], distances[0]))
        return [
            Match(rank, float(where[group[0]]), self.index.product(group[0]), tuple(map(self.index.product, group[1:])))
            for rank, group in enumerate(groups[:k], start=1)
        ]

    def nearest(self, vectors, k=5, weights=None, filters=None, but=()):
        """Rows int (m, k) and distances float64 (m, k) of the nearest products, equal ones by row.

        vectors is a dict from space to float32 (m, d); see Searcher.
        """
        self._check_widths(vectors, weights := self._weights(weights))
        n = len(self.index.names)
        allowed = Allowed(n, self.facets if filters else None, filters or {}, tuple(but)) if filters or but else None
        return self._searcher.nearest(vectors, weights, min(k, n, self._searcher.most), allowed)

    @cached_property
    def facets(self):
        """The attributes that products can be filtered by."""
        return self.index.facets()

    def row(self, identity):
        """The row of the product with that id, the first of several, or with that name; None without one."""
        return self.index.row(identity)

    def of_product(self, row):
        """A product of the catalogue as a query: a dict from space to float32 (1, d)."""
        return self._searcher.vectors([row])

    def _weights(self, weights):
        return shares(weights, self.index.widths) if weights else self.weights

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


def shares(weights, spaces):
    """Weights of the spaces that there are, adding up to 1; what counts nothing is left out."""
    present = {name: weight for name, weight in weights.items() if weight > 0 and name in spaces}
    return {name: weight / sum(present.values()) for name, weight in present.items()}
