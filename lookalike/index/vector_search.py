"""The nearest products of a query, weighted over several spaces: what a Searcher does, and the exact one in memory."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Protocol, TypeAlias

import numpy as np

from lookalike.index.facets import Facets
from lookalike.types import Distances, Filters, Mask, Matrix, Rows, Vectors, Weights

# A float32 product of two unit vectors is off by less.
ROUNDING = 1e-4

# Reading single rows of a matrix pays off while they are fewer than one in this many.
SPARSE = 12

# Products compared at a time: 500 queries × 8192 products in float32 take 16 MB for each space.
CHUNK = 8192

# Candidates kept beyond k: float32 may order neighbors differently.
SPARE = 16

Neighbors: TypeAlias = tuple[Rows, Distances]
"""The rows of the nearest products and how far each is, nearest first, ties ordered by row."""


@dataclass(frozen=True)
class RowFilter:
    """Restricts a search over n products to those that match filters, minus the rows in excluded.

    Rows that there are not, excluded as well, change nothing.
    """

    n: int
    facets: Facets | None
    filters: Filters
    excluded: Collection[int]

    def mask(self) -> Mask:
        """Return which products may be found: bool (n,)."""
        allowed = self.facets.mask(self.filters) if self.facets and self.filters else np.ones(self.n, bool)
        allowed[[row for row in self.excluded if 0 <= row < self.n]] = False
        return allowed


class Searcher(Protocol):
    """Holds an index's vectors and ranks them, in this machine's memory or on a server.

    widths is space → length of its vectors; max_matches is how many products one search can return.
    """

    @property
    def widths(self) -> Mapping[str, int]: ...
    @property
    def max_matches(self) -> int: ...

    def vectors(self, rows: Rows | Sequence[int], spaces: Iterable[str] | None = None) -> dict[str, Matrix]:
        """Return the vectors of the products in m rows, of some or all spaces: space → float32 (m, d)."""
        ...

    def nearest(self, queries: Vectors, weights: Weights, k: int, allowed: RowFilter | None = None) -> Neighbors:
        """Return rows (m, k) and distances (m, k) of the products nearest to each query.

        queries is space → float32 (m, d); weights add up to 1. allowed applies before the ranking, so that fewer
        than k come back only if fewer are allowed.
        """
        ...

    def nearest_distances(
        self, queries: Vectors, weights: Weights, limits: Weights | None = None, rows: Rows | None = None
    ) -> Matrix:
        """Return how far each query is from its nearest product: float32 (m,), inf if there is none.

        With limits, space → distance, a product within all of them shows the query's own picture and does not
        count. Neither does the product that the query itself is: its row, from rows (m,).
        """
        ...


def normalize_weights(weights: Weights, spaces: Collection[str]) -> dict[str, float]:
    """Return the positive weights of the spaces that exist, scaled to add up to 1."""
    present = {name: weight for name, weight in weights.items() if weight > 0 and name in spaces}
    return {name: weight / sum(present.values()) for name, weight in present.items()}


def join_spaces(vectors: Vectors, weights: Weights) -> Matrix:
    """Return the spaces side by side, each scaled so that its squared distances count by its weight: (m, d)."""
    return np.concatenate([vectors[name] * np.float32(weight**0.5) for name, weight in weights.items()], axis=1)


def measure_distances(query: Vectors, products: Vectors, weights: Weights) -> Distances:
    """Return the weighted distances in float64 (m,), which decide the final order.

    query is space → float32 (d,), products space → float32 (m, d).
    """
    return np.sqrt(sum(w * _squared_distances(query[name], products[name]) for name, w in weights.items()))


def _squared_distances(vector: Matrix, matrix: Matrix) -> Distances:
    return ((matrix.astype(np.float64) - vector.astype(np.float64)) ** 2).sum(axis=1)


class InMemorySearcher:
    """An exact Searcher over float32 (n, d) matrices; see Searcher for its methods.

    One query, or filtered ones, are searched by pruning (see _candidates), many together in chunks of the products.
    """

    def __init__(self, spaces: Vectors) -> None:
        self._spaces = spaces
        self._half_squares: dict[str, float | Matrix] = {}
        self.widths = {name: matrix.shape[1] for name, matrix in spaces.items()}
        self.max_matches = len(next(iter(spaces.values())))

    def with_space(self, name: str, matrix: Matrix) -> "InMemorySearcher":
        """Return a searcher that has one more space, float32 (n, d), and shares what this one has computed."""
        searcher = InMemorySearcher({**self._spaces, name: matrix})
        searcher._half_squares = {own: halves for own, halves in self._half_squares.items() if own != name}
        return searcher

    def vectors(self, rows: Rows | Sequence[int], spaces: Iterable[str] | None = None) -> dict[str, Matrix]:
        """See Searcher."""
        return {name: self._spaces[name][rows] for name in spaces or self._spaces}

    def nearest(self, queries: Vectors, weights: Weights, k: int, allowed: RowFilter | None = None) -> Neighbors:
        """See Searcher. scikit-learn's brute force defines what is right."""
        count = len(queries[next(iter(weights))])
        if count > 1 and allowed is None:
            return self._nearest_to_many(queries, weights, k)
        mask = None if allowed is None else allowed.mask()
        single = ({name: queries[name][row] for name in weights} for row in range(count))
        found = [self._nearest_to_one(query, weights, k, mask) for query in single]
        return np.stack([rows for rows, _ in found]), np.stack([distances for _, distances in found])

    def nearest_distances(
        self, queries: Vectors, weights: Weights, limits: Weights | None = None, rows: Rows | None = None
    ) -> Matrix:
        """See Searcher."""
        nearest = np.full(len(queries[next(iter(weights))]), np.inf, np.float32)
        for start in range(0, self.max_matches, CHUNK):
            squares = {
                name: _squared_unit_distances(queries[name], self._spaces[name][start : start + CHUNK])
                for name in {**weights, **(limits or {})}
            }
            added = reduce(np.add, (squares[name] * np.float32(weight) for name, weight in weights.items()))
            if limits:
                added[_shows_same_picture(squares, limits, rows, start)] = np.inf
            nearest = np.minimum(nearest, added.min(axis=1))
        return np.sqrt(np.maximum(nearest, 0))

    def _nearest_to_many(self, queries: Vectors, weights: Weights, k: int) -> Neighbors:
        """Return rows (m, k) and distances (m, k): what _nearest_to_one does for each, in fewer and larger products."""
        count, kept = len(queries[next(iter(weights))]), min(k + SPARE, self.max_matches)
        rows, scores = np.empty((count, 0), np.intp), np.empty((count, 0), np.float32)
        for start in range(0, self.max_matches, CHUNK):
            part = self._scores_of_many(queries, weights, slice(start, start + CHUNK))
            scores = np.concatenate([scores, part], axis=1)
            rows = np.concatenate([rows, np.broadcast_to(np.arange(part.shape[1]) + start, part.shape)], axis=1)
            if scores.shape[1] > kept:
                best = np.argpartition(scores, -kept, axis=1)[:, -kept:]
                rows, scores = np.take_along_axis(rows, best, axis=1), np.take_along_axis(scores, best, axis=1)
        found = []
        for place in range(count):
            query = {name: queries[name][place] for name in weights}
            certain = np.sort(scores[place])[-k] - 2 * ROUNDING
            if kept < self.max_matches and scores[place].min() >= certain:
                # So many are as near as the last one that some may have been dropped.
                found.append(self._nearest_to_one(query, weights, k, None))
                continue
            own = rows[place][scores[place] >= certain]
            distances = measure_distances(query, {name: self._spaces[name][own] for name in weights}, weights)
            order = np.lexsort((own, distances))[:k]
            found.append((own[order], distances[order]))
        return np.stack([own for own, _ in found]), np.stack([distances for _, distances in found])

    def _scores_of_many(self, queries: Vectors, weights: Weights, part: slice) -> Matrix:
        """Return the scores of some rows for each query: float32 (m, rows)."""
        scores: list[Matrix] = []
        for name, weight in weights.items():
            halves = self._halves(name)
            products = queries[name] @ self._spaces[name][part].T
            scores.append((products - (halves if isinstance(halves, float) else halves[part])) * np.float32(weight))
        return reduce(np.add, scores)

    def _nearest_to_one(self, query: Vectors, weights: Weights, k: int, allowed: Mask | None) -> Neighbors:
        """Return rows (k,) and distances (k,) for one query, space → (d,), among the products of a mask (n,)."""
        rows = self._candidates(query, weights, k, allowed)
        distances = measure_distances(query, {name: self._spaces[name][rows] for name in weights}, weights)
        order = np.lexsort((rows, distances))[:k]
        return rows[order], distances[order]

    def _candidates(self, query: Vectors, weights: Weights, k: int, allowed: Mask | None) -> Rows:
        """Return all rows that may be among the k nearest.

        A product's score is Σ w (q·p − |p|²/2), which is largest where the distance is smallest. A space adds at
        most w |q|²/2 to it, so most products drop out before the widest matrix, searched last, is read.
        """
        *narrow, widest = sorted(weights, key=lambda name: (self.widths[name], name))
        if not narrow:
            return _best_rows(_mask_scores(self._scores(query, weights, widest), allowed), k)
        scores = _mask_scores(reduce(np.add, (self._scores(query, weights, name) for name in narrow)), allowed)
        first = _largest_rows(scores, k)
        if not len(first):
            return first
        min_score = (scores[first] + self._scores(query, weights, widest, first)).min()
        max_addition = weights[widest] * float(query[widest] @ query[widest]) / 2
        rows = np.flatnonzero(scores >= min_score - max_addition - ROUNDING)
        if len(rows) * SPARSE > len(scores):
            return _best_rows(scores + self._scores(query, weights, widest), k)
        return rows[_best_rows(scores[rows] + self._scores(query, weights, widest, rows), k)]

    def _scores(self, query: Vectors, weights: Weights, name: str, rows: Rows | slice = slice(None)) -> Matrix:
        """Return what a space adds to the scores of m rows: float32 (m,)."""
        halves = self._halves(name)
        products = self._spaces[name][rows] @ (query[name] * np.float32(weights[name]))
        return products - (halves if isinstance(halves, float) else halves[rows]) * np.float32(weights[name])

    def _halves(self, name: str) -> float | Matrix:
        """Return half of each row's squared length: one number if, as nearly always, all lengths are 1."""
        if name not in self._half_squares:
            squares = np.einsum("nd,nd->n", self._spaces[name], self._spaces[name])
            self._half_squares[name] = 0.5 if np.abs(squares - 1).max() < ROUNDING / 10 else squares / 2
        return self._half_squares[name]


def _mask_scores(scores: Matrix, allowed: Mask | None) -> Matrix:
    return scores if allowed is None else np.where(allowed, scores, -np.inf)


def _largest_rows(scores: Matrix, k: int) -> Rows:
    """Return the rows of the k largest finite scores, in any order."""
    rows = np.argpartition(scores, max(len(scores) - k, 0))[-k:] if k < len(scores) else np.arange(len(scores))
    return rows[np.isfinite(scores[rows])]


def _best_rows(scores: Matrix, k: int) -> Rows:
    """Return the rows that may be among the k best once they are measured in float64, in order."""
    largest = _largest_rows(scores, k)
    return np.flatnonzero(scores >= scores[largest].min() - ROUNDING) if len(largest) else largest


def _shows_same_picture(squares: Mapping[str, Matrix], limits: Weights, rows: Rows | None, start: int) -> Mask:
    """Return which pairs show one picture: bool (m, c). A product and itself do, whatever rounding says."""
    same = np.logical_and.reduce([squares[name] < limit**2 for name, limit in limits.items()])
    if rows is not None:
        own = np.flatnonzero((rows >= start) & (rows < start + same.shape[1]))
        same[own, rows[own] - start] = True
    return same


def _squared_unit_distances(queries: Matrix, products: Matrix) -> Matrix:
    """Return the squared distances between unit vectors (m, d) and (c, d): float32 (m, c)."""
    return 2 - 2 * (queries @ products.T)
