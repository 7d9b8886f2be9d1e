"""Exact search in memory: the nearest rows of several spaces at once, at the memory's speed."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lookalike.index.facets import Facets

# More than a float32 product of unit vectors can be off by.
ROUNDING = 1e-4

# Reading single rows of a matrix pays while they are fewer than one in so many.
SPARSE = 12


# Products compared at a time: 500 × 8192 float32 of each space are 16 MB.
CHUNK = 8192


class ExactSearch:
    """Searches spaces, a dict of float32 (n, d) matrices, by the weighted mean of squared distances."""

    def __init__(self, spaces):
        self._spaces = spaces
        self._halves = {}

    def nearest(self, query, weights, k, allowed=None):
        """Rows int (k,) and distances float64 (k,) of the products nearest to one query, equal ones by row.

        query is a dict from space to (d,), weights one that adds up to 1; allowed, bool (n,), leaves
        products out: fewer than k come where fewer are allowed.
        """
        rows = self._candidates(query, weights, k, allowed)
        distances = measured(query, {name: self._spaces[name][rows] for name in weights}, weights)
        order = np.lexsort((rows, distances))[:k]
        return rows[order], distances[order]

    def _candidates(self, query, weights, k, allowed):
        """All rows that may be among the k.

        A score is Σ w (q·p − |p|²/2), which is largest where the distance is least. A space adds at most
        w |q|²/2 to it: so most products are out before the widest matrix, which is searched last, is read.
        """
        *narrow, widest = sorted(weights, key=lambda name: (self._spaces[name].shape[1], name))
        if not narrow:
            scores = _masked(self._scores(query, weights, widest), allowed)
            return _best(scores, k)
        scores = _masked(sum(self._scores(query, weights, name) for name in narrow), allowed)
        some = _largest(scores, k)
        if not len(some):
            return some
        least = (scores[some] + self._scores(query, weights, widest, some)).min()
        most = weights[widest] * float(query[widest] @ query[widest]) / 2
        rows = np.flatnonzero(scores >= least - most - ROUNDING)
        if len(rows) * SPARSE > len(scores):
            return _best(scores + self._scores(query, weights, widest), k)
        return rows[_best(scores[rows] + self._scores(query, weights, widest, rows), k)]

    def _scores(self, query, weights, name, rows=slice(None)):
        """What a space adds to the scores of some rows: float32 (m,)."""
        halves = self._half_squares(name)
        products = self._spaces[name][rows] @ (query[name] * np.float32(weights[name]))
        return products - (halves if np.isscalar(halves) else halves[rows]) * np.float32(weights[name])

    def _half_squares(self, name):
        """Half of each row's squared length: one number where, as nearly always, all are of length 1."""
        if name not in self._halves:
            squares = np.einsum("nd,nd->n", self._spaces[name], self._spaces[name])
            self._halves[name] = 0.5 if np.abs(squares - 1).max() < ROUNDING / 10 else squares / 2
        return self._halves[name]


def measured(query, products, weights):
    """Distances in float64, which are what counts in the end: (m,) from a dict from space to float32 (m, d)."""
    return np.sqrt(sum(w * _squares_to(query[name], products[name]) for name, w in weights.items()))


def _squares_to(vector, matrix):
    return ((matrix.astype(np.float64) - vector.astype(np.float64)) ** 2).sum(axis=1)


def _masked(scores, allowed):
    return scores if allowed is None else np.where(allowed, scores, -np.inf)


def _largest(scores, k):
    """The rows of the k largest scores, without those of products left out, in any order."""
    rows = np.argpartition(scores, max(len(scores) - k, 0))[-k:] if k < len(scores) else np.arange(len(scores))
    return rows[np.isfinite(scores[rows])]


def _best(scores, k):
    """The rows that may be among the k best once they are measured in float64, in order."""
    some = _largest(scores, k)
    return np.flatnonzero(scores >= scores[some].min() - ROUNDING) if len(some) else some


class InMemory:
    """Searches spaces, a dict of float32 (n, d) matrices; see Searcher in search.py for what its methods give."""

    def __init__(self, spaces):
        self._spaces = spaces
        self._exact = ExactSearch(spaces)
        # One ranking's, fitted for many queries: (weights, NearestNeighbors).
        self._fitted = (None, None)
        self.widths = {name: matrix.shape[1] for name, matrix in spaces.items()}
        self.max_matches = len(next(iter(spaces.values())))

    def vectors(self, rows, spaces=None):
        """The vectors of products: a dict from space to float32 (m, d)."""
        return {name: self._spaces[name][rows] for name in spaces or self._spaces}

    def nearest(self, queries, weights, k, allowed=None):
        """Rows int (m, k) and distances float64 (m, k); scikit-learn defines what is right."""
        count = len(queries[next(iter(weights))])
        if count > 1 and allowed is None:
            return self._nearest_to_many(queries, k, weights)
        mask = None if allowed is None else allowed.mask()
        single = ({name: queries[name][row] for name in weights} for row in range(count))
        found = [self._exact.nearest(query, weights, k, mask) for query in single]
        return np.stack([rows for rows, _ in found]), np.stack([distances for _, distances in found])

    def nearest_distances(self, queries, weights, limits=None, rows=None):
        """How far each query is from its nearest product that is another picture: float32 (m,), inf for none."""
        nearest = np.full(len(queries[next(iter(weights))]), np.inf, np.float32)
        for start in range(0, self.max_matches, CHUNK):
            squares = {
                name: _squares(queries[name], self._spaces[name][start : start + CHUNK])
                for name in {**weights, **(limits or {})}
            }
            added = sum(squares[name] * np.float32(share) for name, share in weights.items())
            if limits:
                added[_one_picture(squares, limits, rows, start)] = np.inf
            nearest = np.minimum(nearest, added.min(axis=1))
        return np.sqrt(np.maximum(nearest, 0))

    def _nearest_to_many(self, queries, k, weights):
        known, fitted = self._fitted
        if known != weights:
            fitted = _fit(self._spaces, weights)
            self._fitted = (weights, fitted)
        distances, rows = fitted.kneighbors(joined(queries, weights), n_neighbors=k)
        # scikit-learn leaves equal distances in any order; one order for all makes answers repeatable.
        order = np.lexsort((rows, distances))
        return np.take_along_axis(rows, order, axis=1), np.take_along_axis(distances, order, axis=1)


def joined(vectors, weights):
    """Spaces side by side, each scaled so that its squared distances count by its weight: (m, d)."""
    return np.concatenate([vectors[name] * np.float32(weight**0.5) for name, weight in weights.items()], axis=1)


def _fit(spaces, weights):
    # Imported here: it takes a second, and a single query does without it.
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(algorithm="brute", metric="euclidean").fit(joined(spaces, weights))


def _one_picture(squares, limits, rows, start):
    """Which pairs show one picture, bool (m, c): a product and itself do, whatever rounding says."""
    same = np.logical_and.reduce([squares[name] < limit**2 for name, limit in limits.items()])
    own = np.flatnonzero((rows >= start) & (rows < start + same.shape[1]))
    same[own, rows[own] - start] = True
    return same


def _squares(queries, products):
    """Squared distances between unit vectors (m, d) and (c, d): float32 (m, c)."""
    return 2 - 2 * (queries @ products.T)


@dataclass(frozen=True)
class RowFilter:
    """Which of n products may come: those that match filters, a dict from column to words, but for the rows in but."""

    n: int
    facets: Facets | None
    filters: dict
    excluded: tuple

    def mask(self):
        """The same as bool (n,)."""
        allowed = self.facets.mask(self.filters) if self.filters else np.ones(self.n, bool)
        allowed[list(self.excluded)] = False
        return allowed


class Searcher(Protocol):
    """What holds an index's vectors and ranks them: this machine's memory, or a server.

    widths is a dict from space to how many numbers it has, max_matches how many products one search can give.
    """

    widths: dict
    max_matches: int

    def vectors(self, rows, spaces=None):
        """The vectors of the products in rows: a dict from space, of those asked for or all, to float32 (m, d)."""

    def nearest(self, queries, weights, k, allowed=None):
        """Rows int (m, k) and distances float64 (m, k) of the products nearest to each query, equal ones by row.

        queries is a dict from space to float32 (m, d), weights one that adds up to 1; allowed, an Allowed, leaves
        products out before anything is ranked: fewer than k come where fewer are allowed.
        """

    def nearest_distances(self, queries, weights, limits=None, rows=None):
        """How far each query is from its nearest product: float32 (m,), inf where there is none.

        With limits, a dict from space to distance, products within all of them show the query's own picture and
        do not count, nor does the product in the query's place in rows, int (m,).
        """


def normalize_weights(weights, spaces):
    """Weights of the spaces that there are, adding up to 1; what counts nothing is left out."""
    present = {name: weight for name, weight in weights.items() if weight > 0 and name in spaces}
    return {name: weight / sum(present.values()) for name, weight in present.items()}
