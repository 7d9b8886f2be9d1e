"""Shards of a toy catalogue, whose vectors follow from the names of the files."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.extraction.checkpoint import Stamp
from lookalike.extraction.pipeline import File, FileResult
from lookalike.extraction.shard_writing import ShardFolder, results_table
from lookalike.index.shards import ShardManifest, read_shards
from lookalike.types import Matrix

SPACES = {"look": 3, "fashion": 2, "color": 1}
MADE_BY = ShardManifest({"backbone": "toy", "precision": "f32"}, "0123456789abcdef", SPACES, False, ())


def files(count: int, **changed: int) -> list[File]:
    """Return count files in order; names in changed, such as n005, get that time."""
    return [File(f"{n:03}.jpg", Path("/nowhere"), Stamp(n + 1, changed.get(f"n{n:03}", 7))) for n in range(count)]


def row(number: int) -> Matrix:
    return np.arange(6, dtype=np.float32) + number


def process(found: Iterable[File]) -> Iterator[FileResult]:
    """Yield the result of each file: every tenth is not an image, and 013 cannot be read."""
    for file in found:
        number = int(file.name[:3])
        content = None if number == 13 else hashlib.sha256(file.name.encode()).hexdigest()
        bad = number % 10 == 0 or number == 13
        yield FileResult(file, content, None, None if bad else row(number), "It is damaged." if bad else None)


def make(folder: Path, found: list[File], size: int = 8, stop_after: int | None = None, **options: Any) -> list[File]:
    """Make the shards of the files found; return those that had to be processed."""
    shards, processed = ShardFolder(folder, MADE_BY, found, size, **options), []
    for part in shards.todo[:stop_after]:
        processed += part.new
        shards.save(part, results_table(list(process(part.new)), SPACES))
    if stop_after is None:
        shards.finish()
    return processed


def names(folder: Path) -> list[str]:
    return [name for block, _ in read_shards(folder) for name in block]
