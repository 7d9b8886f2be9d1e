"""The nearest products of a query, weighted over several spaces: what a Searcher does, and the exact one in memory."""

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Protocol, TypeAlias

import numpy as np

from lookalike.index.facets import Facets
from lookalike.index.sketch import Sketch, make_sketch
from lookalike.types import Distances, Filters, Mask, Matrix, Rows, Vectors, Weights

# A float32 product of two unit vectors is off by less.
ROUNDING = 1e-4

# Reading single rows of a matrix pays off while they are fewer than one in this many.
SPARSE = 12

# Products compared at a time: 500 queries × 8192 products in float32 take 16 MB for each space.
CHUNK = 8192

# Candidates kept beyond k: float32 may order neighbors differently.
SPARE = 16

# A narrower space is read in full, without a sketch.
MIN_SKETCHED_WIDTH = 64

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
    """An exact Searcher over float32 (n, d) matrices; see Searcher for its methods. Threads may share it.

    One query, or filtered ones, are searched by pruning (see _candidates), many together in chunks of the products.
    """

    def __init__(self, spaces: Vectors) -> None:
        self._spaces = {name: _Space(matrix) for name, matrix in spaces.items()}
        self.widths = {name: matrix.shape[1] for name, matrix in spaces.items()}
        self.max_matches = len(next(iter(spaces.values())))

    def with_space(self, name: str, matrix: Matrix) -> "InMemorySearcher":
        """Return a searcher that has one more space, float32 (n, d), and shares what this one has computed."""
        searcher = InMemorySearcher({name: matrix})
        searcher._spaces = {**self._spaces, **searcher._spaces}
        searcher.widths = {**self.widths, **searcher.widths}
        return searcher

    def vectors(self, rows: Rows | Sequence[int], spaces: Iterable[str] | None = None) -> dict[str, Matrix]:
        """See Searcher."""
        return {name: self._spaces[name].matrix[rows] for name in spaces or self._spaces}

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
                name: _squared_unit_distances(queries[name], self._spaces[name].matrix[start : start + CHUNK])
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
            distances = measure_distances(query, self.vectors(own, weights), weights)
            order = np.lexsort((own, distances))[:k]
            found.append((own[order], distances[order]))
        return np.stack([own for own, _ in found]), np.stack([distances for _, distances in found])

    def _scores_of_many(self, queries: Vectors, weights: Weights, part: slice) -> Matrix:
        """Return the scores of some rows for each query: float32 (m, rows)."""
        scores: list[Matrix] = []
        for name, weight in weights.items():
            space = self._spaces[name]
            products = queries[name] @ space.matrix[part].T
            scores.append((products - space.halves(part)) * np.float32(weight))
        return reduce(np.add, scores)

    def _nearest_to_one(self, query: Vectors, weights: Weights, k: int, allowed: Mask | None) -> Neighbors:
        """Return rows (k,) and distances (k,) for one query, space → (d,), among the products of a mask (n,)."""
        rows = self._candidates(query, weights, k, allowed)
        distances = measure_distances(query, self.vectors(rows, weights), weights)
        order = np.lexsort((rows, distances))[:k]
        return rows[order], distances[order]

    def _candidates(self, query: Vectors, weights: Weights, k: int, allowed: Mask | None) -> Rows:
        """Return all rows that may be among the k nearest.

        A product's score is Σ w (q·p − |p|²/2), which is largest where the distance is smallest. Each space first adds
        a bound that it never exceeds: by its sketch, or w |q|²/2 for the widest without one. The products
        whose bounds reach the score of the k-th of some good ones are then scored, in the narrowest space first. Most
        drop out before more than sketches is read.
        """
        few = None if allowed is None or allowed.sum() * SPARSE > len(allowed) else np.flatnonzero(allowed)
        names = sorted(weights, key=lambda name: (self.widths[name], name))
        bounds, exact = self._bounds(query, weights, names, slice(None) if few is None else few)
        total: Matrix = np.asarray(reduce(np.add, bounds.values()))
        if few is None:
            total = _mask_scores(total, allowed)
        rows = np.arange(len(total)) if few is None else few
        left = [name for name in names if name not in exact]
        first = _largest_rows(total, k + SPARE) if left else rows[:0]
        if left and len(first) < k + SPARE:
            return np.sort(rows[first])  # there are no others
        if not left:
            return rows[_best_rows(total, k)]
        known = reduce(np.add, (self._scores(query, weights, name, rows[first]) for name in names))
        min_score = np.partition(known, -k)[-k] - 2 * ROUNDING
        places = np.flatnonzero(total >= min_score)
        scores = total[places]
        for name in left:
            bound = bounds[name]
            scores += self._scores_of_some(query, weights, name, rows[places])
            scores -= bound if isinstance(bound, float) else bound[places]
            places, scores = places[scores >= min_score], scores[scores >= min_score]
        return rows[places[_best_rows(scores, k)]]

    def _bounds(
        self, query: Vectors, weights: Weights, names: Sequence[str], rows: Rows | slice
    ) -> tuple[dict[str, Matrix | float], set[str]]:
        """Return what each space adds at most to the scores of m rows, float32 (m,), and the spaces where it adds that.

        names are the spaces from the narrowest to the widest. One number stands for the same bound of all rows.
        """
        bounds, exact = dict[str, Matrix | float](), set[str]()
        unsketched = [name for name in names if not self._spaces[name].sketch()]
        last = unsketched[-1] if unsketched and len(names) > 1 else None
        if last != names[-1] and last and self.widths[last] < MIN_SKETCHED_WIDTH:
            last = None
        for name in names:
            space, weight = self._spaces[name], weights[name]
            if sketch := space.sketch():
                products = sketch.bounds(query[name] * np.float32(weight), rows)
                bounds[name] = products - space.halves(rows) * np.float32(weight)
            elif name == last:
                bounds[name] = weight * float(query[name] @ query[name]) / 2
            else:
                bounds[name] = self._scores(query, weights, name, rows)
                exact.add(name)
        return bounds, exact

    def _scores_of_some(self, query: Vectors, weights: Weights, name: str, rows: Rows) -> Matrix:
        """Return what a space adds to the scores of m rows, float32 (m,), the fastest way to read so many of all."""
        if len(rows) * SPARSE > self.max_matches:
            return self._scores(query, weights, name)[rows]
        return self._scores(query, weights, name, rows)

    def _scores(self, query: Vectors, weights: Weights, name: str, rows: Rows | slice = slice(None)) -> Matrix:
        """Return what a space adds to the scores of m rows: float32 (m,)."""
        space = self._spaces[name]
        products = space.matrix[rows] @ (query[name] * np.float32(weights[name]))
        return products - space.halves(rows) * np.float32(weights[name])


class _Space:
    """A matrix, float32 (n, d), and what is computed of it at its first use."""

    def __init__(self, matrix: Matrix) -> None:
        self.matrix = matrix
        self._halves: float | Matrix | None = None
        self._sketch: Sketch | None = None
        self._has_looked = False
        self._lock = threading.RLock()

    def halves(self, rows: Rows | slice) -> float | Matrix:
        """Return half of the squared length of m rows: one number if, as nearly always, all lengths are 1."""
        with self._lock:
            if self._halves is None:
                squares = np.einsum("nd,nd->n", self.matrix, self.matrix)
                self._halves = 0.5 if np.abs(squares - 1).max() < ROUNDING / 10 else squares / 2
        return self._halves if isinstance(self._halves, float) else self._halves[rows]

    def sketch(self) -> Sketch | None:
        """Return the sketch of all rows, None if the space is narrow or none is worth its memory."""
        with self._lock:
            if not self._has_looked:
                is_unit = isinstance(self.halves(slice(0)), float)  # its bounds round like products of unit vectors
                is_wide = self.matrix.shape[1] >= MIN_SKETCHED_WIDTH
                self._sketch = make_sketch(self.matrix) if is_unit and is_wide else None
                self._has_looked = True
        return self._sketch


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
