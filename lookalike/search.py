"""Search: a photo, or vectors, in; the nearest products of an index out, exactly."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .attributes import product_id
from .errors import IndexFileError
from .exact import ExactSearch
from .facets import Facets
from .images import load_pixels
from .index import Product

# How much each space counts in a distance, by default: the first line whose spaces an index has.
DEFAULT_WEIGHTS = (
    {"tuned": 0.5, "fashion": 0.45, "look": 0.05},
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
        self.weights = shares(weights or default_weights(index.spaces), index.spaces)
        self._exact = ExactSearch(index.spaces)

    def similar(self, photo, k=5):
        """The k matches of one photo (a path or its bytes), nearest first; raises ImageError.

        Products with the same picture take one place.
        """
        pixels = load_pixels(photo, self.embedder.size)
        return self.varied(self.index.completed(self.embedder.vectors(pixels[None])), k)

    def varied(self, vectors, k=5, weights=None, filters=None, but=()):
        """The k matches of one query, given as a dict from space to (1, d), each with another picture.

        weights are the default ones or others; filters, a dict from column to words, and but, rows to
        leave out, apply before anything is ranked: k come wherever k exist.
        """
        n, wanted = len(self.index.names), 4 * k
        while True:
            rows, distances = self.nearest(vectors, wanted, weights, filters, but)
            groups = self._one_picture_each(rows[0])
            if len(groups) >= k or wanted >= n:
                break
            wanted *= 4
        where = dict(zip(rows[0], distances[0]))
        return [
            Match(rank, float(where[group[0]]), self.index.product(group[0]), tuple(map(self.index.product, group[1:])))
            for rank, group in enumerate(groups[:k], start=1)
        ]

    def nearest(self, vectors, k=5, weights=None, filters=None, but=()):
        """Rows int (m, k) and distances float64 (m, k) of the nearest products, equal ones by row.

        vectors is a dict from space to float32 (m, d). One query is answered at the memory's speed,
        several by scikit-learn's NearestNeighbors, which defines what is right.
        """
        self._check_widths(vectors, weights := self._weights(weights))
        k, first = min(k, len(self.index.names)), next(iter(weights))
        if len(vectors[first]) > 1 and not filters and not but:
            return self._nearest_to_many(vectors, k, weights)
        allowed = self._allowed(filters, but)
        queries = ({name: vectors[name][row] for name in weights} for row in range(len(vectors[first])))
        found = [self._exact.nearest(query, weights, k, allowed) for query in queries]
        return np.stack([rows for rows, _ in found]), np.stack([distances for _, distances in found])

    @cached_property
    def facets(self):
        """The attributes that products can be filtered by."""
        attributes = [self.index.attributes.get(product_id(name), {}) for name in self.index.names]
        return Facets(attributes)

    def row(self, identity):
        """The row of the product with that id, or None."""
        return self._rows.get(identity)

    def of_product(self, row):
        """A product of the catalogue as a query: a dict from space to float32 (1, d)."""
        return {name: matrix[row][None] for name, matrix in self.index.spaces.items()}

    @cached_property
    def _rows(self):
        return {product_id(name): row for row, name in reversed(list(enumerate(self.index.names)))}

    def _weights(self, weights):
        return shares(weights, self.index.spaces) if weights else self.weights

    def _allowed(self, filters, but):
        """Bool (n,) of the products that may come, None where all may."""
        if not filters and not but:
            return None
        allowed = self.facets.mask(filters) if filters else np.ones(len(self.index.names), bool)
        allowed[list(but)] = False
        return allowed

    def _check_widths(self, vectors, weights):
        for name in weights:
            width, given = self.index.spaces[name].shape[1], np.shape(vectors[name])[1]
            if width != given:
                raise IndexFileError(
                    f"The index holds {name} vectors of {width} numbers, the photo's has {given}. "
                    "Make the index again: python extract_features.py"
                )

    @cached_property
    def _fitted(self):
        return _fit(self.index.spaces, self.weights)

    def _nearest_to_many(self, vectors, k, weights):
        fitted = self._fitted if weights == self.weights else _fit(self.index.spaces, weights)
        distances, rows = fitted.kneighbors(joined(vectors, weights), n_neighbors=k)
        # scikit-learn leaves equal distances in any order; one order for all makes answers repeatable.
        order = np.lexsort((rows, distances))
        return np.take_along_axis(rows, order, axis=1), np.take_along_axis(distances, order, axis=1)

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


def shares(weights, spaces):
    """Weights of the spaces that there are, adding up to 1; what counts nothing is left out."""
    present = {name: weight for name, weight in weights.items() if weight > 0 and name in spaces}
    return {name: weight / sum(present.values()) for name, weight in present.items()}


def joined(vectors, weights):
    """Spaces side by side, each scaled so that its squared distances count by its weight: (m, d)."""
    return np.concatenate([vectors[name] * np.float32(weight**0.5) for name, weight in weights.items()], axis=1)


def _fit(spaces, weights):
    # Imported here: it takes a second, and a single query does without it.
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(algorithm="brute", metric="euclidean").fit(joined(spaces, weights))
