"""A catalogue of any size around a real one, in memory or on disk: for timings where no such catalogue is at hand."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from lookalike.index.reading import Index, load_index
from lookalike.index.writing import save_head, save_index
from lookalike.types import Attributes, Matrix, Rows

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


def write_enlarged(index: Index, folder: Path, count: int, look_width: int) -> None:
    """Write an index of count products into a folder: look, fashion, color, the head, and a table of eleven columns.

    The vectors are those of enlarge with random looks. The table has the shop's own eight columns, and names (one in
    fifty in quotation marks) and prices that differ from product to product.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = list(copy_names(index, count))
    known = [index.product(row).attributes for row in range(len(index.names))]
    columns = list(dict.fromkeys(column for own in known for column in own))[:8]
    with open(folder / "styles.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", *columns, "productDisplayName", "price"])
        writer.writerows(_table_row(name, row, known[row % len(known)], columns) for row, name in enumerate(names))
    widths = {name: index.spaces[name].shape[1] for name in ("fashion", "color")}
    description = {**index.manifest, "styles": "styles.csv"}
    for key in ("tuning", "format", "n", "channels", "files"):
        description.pop(key, None)
    save_index(folder, _blocks(index, count, look_width, list(widths)), names, description, widths)
    if index.head:
        save_head(load_index(folder), index.head, None)


def _table_row(name: str, row: int, own: Attributes, columns: Sequence[str]) -> list[str]:
    what = f"{own.get('baseColour', '')} {own.get('articleType', 'Product')} {row}"
    title = f"Model {row % 977}, {what}" if row % 50 == 0 else f"Model {row % 977} {what}"
    price = f"{9 + row * 7919 % 19000 / 100:.2f}"
    return [PurePosixPath(name).stem, *(own.get(column, "") for column in columns), title, price]


def _blocks(index: Index, count: int, look_width: int, spaces: Sequence[str]) -> Iterator[Matrix]:
    """Yield the rows of look and the spaces side by side, a copy of the index at a time."""
    rng, n = np.random.default_rng(0), len(index.names)
    for start in range(0, count, n):
        rows = np.arange(min(n, count - start))
        parts = [_random_looks(len(rows), look_width, rng)]
        for name in spaces:
            vectors = index.spaces[name][rows]
            if start:
                vectors = vectors + rng.standard_normal(vectors.shape, np.float32) * (NOISE / vectors.shape[1] ** 0.5)
            parts.append(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))
        yield np.concatenate(parts, axis=1)


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
