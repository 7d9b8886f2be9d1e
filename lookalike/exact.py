"""Exact search in memory: the nearest rows of several spaces at once, at the memory's speed."""

import numpy as np

# More than a float32 product of unit vectors can be off by.
ROUNDING = 1e-4
# Reading single rows of a matrix pays while they are fewer than one in so many.
SPARSE = 12


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
