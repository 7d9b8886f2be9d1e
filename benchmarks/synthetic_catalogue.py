"""A catalogue of any size around a real one, in memory: for timings where no such catalogue is at hand."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from lookalike.index.reading import Index
from lookalike.types import Matrix, Rows

# The length of the noise, relative to a unit vector: copies become neighbors, not the same picture.
NOISE = 0.3


def enlarge(index: Index, count: int, look_width: int | None = None) -> Index:
    """Return an Index of count products: the real ones, then the same again and again with noise.

    With look_width, the looks are random, non-negative and that wide, instead of the index's own.
    """
    rows, rng = np.arange(count) % len(index.names), np.random.default_rng(0)
    spaces = {name: _noisy(matrix, rows, rng) for name, matrix in index.spaces.items() if name != "look"}
    look = _random_looks(count, look_width, rng) if look_width else _noisy(index.look, rows, rng)
    names = list(copy_names(index, count))
    known = [index.product(row).attributes for row in rows]
    attributes = {PurePosixPath(name).stem: own for name, own in zip(names, known)}
    return replace(index, names=tuple(names), spaces={"look": look, **spaces}, attributes=attributes)


def copy_names(index: Index, count: int) -> Iterator[str]:
    """Yield the names of count products: the real ones, then the same with the number of the copy."""
    return (copy_name(index.names[place % len(index.names)], place // len(index.names)) for place in range(count))


def copy_name(name: str, copy: int) -> str:
    """Return the name of a copy of a product; copy 0 is the real product."""
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}-{copy}{path.suffix}")) if copy else name


def _noisy(matrix: Matrix, rows: Rows, rng: np.random.Generator) -> Matrix:
    """Return those rows of a matrix, all but the first copy with noise, normalized."""
    vectors, n = np.empty((len(rows), matrix.shape[1]), np.float32), len(matrix)
    for start in range(0, len(rows), n):
        some = slice(start, min(start + n, len(rows)))
        noise = rng.standard_normal((some.stop - start, matrix.shape[1]), np.float32)
        vectors[some] = matrix[rows[some]] + noise * (NOISE / matrix.shape[1] ** 0.5 if start else 0)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _random_looks(count: int, width: int, rng: np.random.Generator) -> Matrix:
    look = np.empty((count, width), np.float32)
    for start in range(0, count, 4096):
        block = look[start : start + 4096]
        block[:] = np.abs(rng.standard_normal(block.shape, np.float32))
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return look
