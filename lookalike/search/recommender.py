"""Search: vectors or a photo in; the nearest products of an index out, exactly."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lookalike.embedding.embedder import Embedder
from lookalike.errors import REBUILD, IndexFileError, LookalikeError
from lookalike.images.decoding import ImageSource, load_prepared
from lookalike.index.catalogue import Catalogue, Product
from lookalike.index.facets import Facets
from lookalike.index.vector_search import RowFilter, normalize_weights
from lookalike.types import Distances, Filters, Rows, Vectors, Weights

# How much each space counts in a distance by default: the first line whose spaces an index has.
DEFAULT_WEIGHTS: tuple[dict[str, float], ...] = (
    {"tuned": 0.6, "fashion": 0.35, "look": 0.05},
    {"fashion": 0.9, "look": 0.1},
    {"look": 1.0},
)
# The two ends of the balance between the same look, 0, and the same color, 1; its middle keeps the weights.
SAME_LOOK = {"look": 0.5, "fashion": 0.5}
SAME_COLOR = {"color": 0.7, "fashion": 0.3}
DEFAULT_BALANCE = 0.5
# Products nearer than this in each of these spaces show the same picture, resized or slightly changed.
SAME_PICTURE = {"look": 0.25, "fashion": 0.15}
# Looks alone cannot tell a changed picture from another product: only those that are equal but for rounding count.
SAME_LOOK_VECTOR = {"look": 0.01}


@dataclass(frozen=True)
class Match:
    """One answer: rank from 1, euclidean distance between unit vectors (0 to 2), the product.

    same holds further products with the same picture, which take no rank of their own.
    """

    rank: int
    distance: float
    product: Product
    same: tuple[Product, ...] = ()

    @property
    def cosine(self) -> float:
        """The cosine that belongs to the distance: 1 means the same, 0 nothing in common."""
        return 1 - self.distance**2 / 2


def default_weights(spaces: Collection[str]) -> Weights:
    """Return the weights, by space, of the default ranking."""
    return next(weights for weights in DEFAULT_WEIGHTS if weights.keys() <= set(spaces))


def balanced(weights: Weights, balance: float) -> dict[str, float]:
    """Return the weights for a balance between the same look, 0, and the same color, 1; 0.5 leaves weights as is."""
    end = SAME_COLOR if balance > DEFAULT_BALANCE else SAME_LOOK
    towards = abs(balance - DEFAULT_BALANCE) * 2
    mixed = {name: (1 - towards) * weight / sum(weights.values()) for name, weight in weights.items()}
    for name, weight in end.items():
        mixed[name] = mixed.get(name, 0) + towards * weight / sum(end.values())
    return mixed


def same_picture_limits(spaces: Collection[str]) -> Weights:
    """Return the limits, by space, within all of which two products of an index with those spaces show one picture."""
    return SAME_PICTURE if SAME_PICTURE.keys() <= set(spaces) else SAME_LOOK_VECTOR


class Ranking:
    """Ranks the products of an index by their distance from a query's vectors. Any number of threads may use it.

    weights says how much each space counts by default: squared distances are averaged by them.
    """

    def __init__(self, index: Catalogue, weights: Weights | None = None) -> None:
        self.index = index
        self.weights = _usable_weights(weights or default_weights(index.widths), index.widths)
        self._searcher = index.searcher()

    def distinct_matches(
        self,
        vectors: Vectors,
        k: int = 5,
        weights: Weights | None = None,
        filters: Filters | None = None,
        excluded: Collection[int] = (),
    ) -> list[Match]:
        """Return the k matches of one query, space → (1, d), each with another picture.

        weights replaces the default ones. filters and the excluded rows apply before the ranking, so that
        fewer than k come back only if fewer exist. Raises what nearest raises.
        """
        if k < 1:
            return []
        most, wanted = min(len(self.index.names), self._searcher.max_matches), 4 * k
        while True:
            rows, distances = self.nearest(vectors, wanted, weights, filters, excluded)
            groups = self._group_by_picture(rows[0])
            if len(groups) >= k or wanted >= most:
                break
            wanted *= 4
        distance_of = dict(zip(rows[0], distances[0]))
        return [
            Match(rank, float(distance_of[first]), self.index.product(first), tuple(map(self.index.product, others)))
            for rank, (first, *others) in enumerate(groups[:k], start=1)
        ]

    def nearest(
        self,
        vectors: Vectors,
        k: int = 5,
        weights: Weights | None = None,
        filters: Filters | None = None,
        excluded: Collection[int] = (),
    ) -> tuple[Rows, Distances]:
        """Return rows (m, k) and distances (m, k) of the nearest products, ties ordered by row.

        vectors is space → float32 (m, d). Raises IndexFileError if their widths are not the index's, LookalikeError
        if the weights rank nothing.
        """
        weights = _usable_weights(weights, self.index.widths) if weights else self.weights
        self._check_widths(vectors, weights)
        n, allowed = len(self.index.names), None
        if filters or excluded:
            allowed = RowFilter(n, self.facets if filters else None, filters or {}, tuple(excluded))
        if k < 1:
            none = np.empty((len(vectors[next(iter(weights))]), 0))
            return none.astype(int), none
        return self._searcher.nearest(vectors, weights, min(k, n, self._searcher.max_matches), allowed)

    @cached_property
    def facets(self) -> Facets:
        """The attributes that products can be filtered by."""
        return self.index.facets()

    def row(self, identity: str) -> int | None:
        """Return the row of the product with that id, the first of several, or with that name; None without one."""
        return self.index.row(identity)

    def product_vectors(self, row: int) -> Vectors:
        """Return a product of the catalogue as a query: space → float32 (1, d)."""
        return self._searcher.vectors([row])

    def balanced_weights(self, balance: float) -> Weights:
        """Return the weights for a balance between look and color; the default ones if the index has no colors."""
        return balanced(self.weights, balance) if "color" in self.index.widths else self.weights

    def _check_widths(self, vectors: Vectors, weights: Weights) -> None:
        for name in weights:
            width, given = self.index.widths[name], vectors[name].shape[1]
            if width != given:
                raise IndexFileError(
                    f"The index holds {name} vectors of {width} numbers, the photo's has {given}. {REBUILD}"
                )

    def _group_by_picture(self, rows: Rows) -> list[list[int]]:
        """Return rows in groups that show the same picture, in the order of each group's first row."""
        limits, groups = same_picture_limits(self.index.widths), list[list[int]]()
        vectors = self._searcher.vectors(rows, limits)
        for place in range(len(rows)):
            group = next((group for group in groups if _is_same_picture(vectors, limits, group[0], place)), None)
            if group is None:
                groups.append([place])
            else:
                group.append(place)
        return [[rows[place] for place in group] for group in groups]


class Recommender(Ranking):
    """A Ranking with the embedder that its index was made with, so that it can answer a photo."""

    def __init__(self, index: Catalogue, embedder: Embedder, weights: Weights | None = None) -> None:
        super().__init__(index, weights)
        self.embedder = embedder

    def similar(self, photo: ImageSource, k: int = 5) -> list[Match]:
        """Return the k matches of one photo (a path or its bytes), nearest first; raises ImageError.

        Products with the same picture share one rank.
        """
        pixels, aspect = load_prepared(photo, self.embedder.size)
        return self.distinct_matches(self.index.with_tuned(self.embedder.vectors(pixels[None], [aspect])), k)


def _usable_weights(weights: Weights, widths: Mapping[str, int]) -> dict[str, float]:
    """Return the weights of the spaces that exist, adding up to 1; raises LookalikeError if they rank nothing."""
    usable = normalize_weights(weights, widths)
    if not usable or not all(0 <= weight < np.inf for weight in weights.values()):
        raise LookalikeError(
            "Weights must be numbers of at least 0, one of them above 0 for a space of the index: "
            f"{', '.join(widths)}. These were given: {', '.join(f'{name} {w}' for name, w in weights.items())}."
        )
    return usable


def _is_same_picture(vectors: Vectors, limits: Weights, a: int, b: int) -> bool:
    return all(np.linalg.norm(vectors[name][a] - vectors[name][b]) < limit for name, limit in limits.items())
