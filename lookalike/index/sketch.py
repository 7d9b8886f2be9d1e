"""A sketch of a space: its rows along the few directions in which they differ most, and a bound of all the rest."""

from dataclasses import dataclass

import numpy as np

from lookalike.types import Matrix, Rows

# Smaller matrices are searched as they are: that takes a millisecond or two. Wider ones, looks, differ in too many
# directions (benchmarks/LOG.md).
MIN_ROWS, MAX_WIDTH = 10_000, 512
# A sketch has the fewest directions, in steps of eight, that leave at most this share of the squared lengths, but no
# more than so many, nor than a third of the width. It is of no use if that leaves too much.
ENOUGH_LEFT, MAX_DIRECTIONS, STEP = 0.1, 48, 8
TOO_MUCH_LEFT = 0.3
# The directions are those of so many rows, spread over the matrix.
SAMPLED = 20_000
ROWS_PER_BLOCK = 8192


@dataclass(frozen=True)
class Sketch:
    """Upper bounds of the products of any query with the n rows of a matrix, from a fraction of its numbers.

    Let V have orthonormal columns. Then p = V a + e and q = V b + f with a = Vᵀp, b = Vᵀq, and e and f orthogonal to
    V. So q · p = a · b + e · f, which by Cauchy and Schwarz is at most a · b + |e| |f|: the product of (a, |e|) and
    (b, |f|). This holds for any rows, whatever they were when V was chosen. In float32, bounds are off by less than
    vector_search.ROUNDING if no vector is longer than 1.

    Attributes:
        directions: V, float32 (d, r).
        rows: (a, |e|) of each row, float32 (n, r + 1).
    """

    directions: Matrix
    rows: Matrix

    def bounds(self, query: Matrix, rows: Rows | slice = slice(None)) -> Matrix:
        """Return the upper bounds of the products of a query (d,) with m rows: float32 (m,)."""
        return self.rows[rows] @ _split(query[None], self.directions)[0]


def make_sketch(matrix: Matrix) -> Sketch | None:
    """Return the Sketch of a matrix (n, d); None if it is small, or if its rows differ in too many directions."""
    n, width = matrix.shape
    if n < MIN_ROWS or width > MAX_WIDTH:
        return None
    sample = matrix[np.arange(min(n, SAMPLED)) * n // min(n, SAMPLED)]
    squares, directions = np.linalg.eigh((sample.T @ sample).astype(np.float64))
    squares, directions = squares[::-1], directions[:, ::-1]
    left = 1 - np.cumsum(squares) / max(squares.sum(), np.finfo(np.float64).tiny)
    enough = -(-(int(np.argmax(left <= ENOUGH_LEFT)) + 1) // STEP) * STEP
    count = min(enough, MAX_DIRECTIONS, width // 3)
    if left[count - 1] > TOO_MUCH_LEFT:
        return None
    chosen = np.ascontiguousarray(directions[:, :count], np.float32)
    rows = np.empty((n, count + 1), np.float32)
    for start in range(0, n, ROWS_PER_BLOCK):
        rows[start : start + ROWS_PER_BLOCK] = _split(matrix[start : start + ROWS_PER_BLOCK], chosen)
    return Sketch(chosen, rows)


def _split(vectors: Matrix, directions: Matrix) -> Matrix:
    """Return (Vᵀp, |p − V Vᵀp|) of vectors (m, d): float32 (m, r + 1)."""
    along = vectors @ directions
    # Measured on what is left, not as a difference of squares, which would round small lengths away.
    rest = np.linalg.norm(vectors - along @ directions.T, axis=1, keepdims=True)
    return np.concatenate([along, rest], axis=1)
