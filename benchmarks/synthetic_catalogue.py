"""A catalogue of any size around a real one, in memory: what timings need where no such catalogue is at hand."""

from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

NOISE = 0.3  # as long as so much of a vector: copies are neighbors, not the same picture


def grown(index, count, look=None):
    """An Index of count products: the real ones, then the same again and again with noise.

    look is how many numbers a look has, where it should be another than the index's: drawn, non-negative.
    """
    rows, numbers = np.arange(count) % len(index.names), np.random.default_rng(0)
    spaces = {name: _noisy(matrix, rows, numbers) for name, matrix in index.spaces.items() if name != "look"}
    spaces = {"look": _drawn(count, look, numbers) if look else _noisy(index.look, rows, numbers), **spaces}
    names = [_name(index.names[row], place // len(index.names)) for place, row in enumerate(rows)]
    known = [index.product(row).attributes for row in rows]
    attributes = {PurePosixPath(name).stem: own for name, own in zip(names, known)}
    return replace(index, names=tuple(names), spaces=spaces, attributes=attributes)


def _noisy(matrix, rows, numbers):
    grown, n = np.empty((len(rows), matrix.shape[1]), np.float32), len(matrix)
    for start in range(0, len(rows), n):
        some = slice(start, min(start + n, len(rows)))
        noise = numbers.standard_normal((some.stop - start, matrix.shape[1]), np.float32)
        grown[some] = matrix[rows[some]] + noise * (NOISE / matrix.shape[1] ** 0.5 if start else 0)
    return grown / np.maximum(np.linalg.norm(grown, axis=1, keepdims=True), 1e-9)


def _drawn(count, width, numbers):
    look = np.empty((count, width), np.float32)
    for start in range(0, count, 4096):
        block = look[start : start + 4096]
        block[:] = np.abs(numbers.standard_normal(block.shape, np.float32))
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return look


def _name(name, copy):
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}-{copy}{path.suffix}")) if copy else name
