"""The searcher of an index in this machine's memory: one query at the memory's speed, many by scikit-learn."""

import numpy as np

from .exact import ExactSearch

# Products compared at a time: 500 × 8192 float32 of each space are 16 MB.
CHUNK = 8192


class InMemory:
    """Searches spaces, a dict of float32 (n, d) matrices; see Searcher in search.py for what its methods give."""

    def __init__(self, spaces):
        self._spaces = spaces
        self._exact = ExactSearch(spaces)
        # One ranking's, fitted for many queries: (weights, NearestNeighbors).
        self._fitted = (None, None)
        self.widths = {name: matrix.shape[1] for name, matrix in spaces.items()}
        self.most = len(next(iter(spaces.values())))

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

    def gaps(self, queries, weights, limits=None, rows=None):
        """How far each query is from its nearest product that is another picture: float32 (m,), inf for none."""
        nearest = np.full(len(queries[next(iter(weights))]), np.inf, np.float32)
        for start in range(0, self.most, CHUNK):
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
