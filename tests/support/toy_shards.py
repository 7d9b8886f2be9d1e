"""Shards of a toy catalogue, whose vectors one can tell from the files' names."""

import hashlib
from pathlib import Path

import numpy as np

from lookalike.extraction.checkpoint import Stamp
from lookalike.extraction.pipeline import Done, File
from lookalike.extraction.shard_writing import ShardFolder, table_of
from lookalike.index.shards import Manifest, read_shards

SPACES = {"look": 3, "fashion": 2, "color": 1}
MADE_BY = Manifest({"backbone": "toy", "precision": "f32"}, "0123456789abcdef", SPACES, False, ())


def files(count, **changed):
    """count Files in order; changed names get another time."""
    return [File(f"{n:03}.jpg", Path("/nowhere"), Stamp(n + 1, changed.get(f"n{n:03}", 7))) for n in range(count)]


def row(number):
    return np.arange(6, dtype=np.float32) + number


def looked_at(part_files):
    """Every tenth file is no image, and 013 cannot be read."""
    for file in part_files:
        number = int(file.name[:3])
        content = None if number == 13 else hashlib.sha256(file.name.encode()).hexdigest()
        bad = number % 10 == 0 or number == 13
        yield Done(file, content, None, None if bad else row(number), "It is damaged." if bad else None)


def make(folder, found, size=8, stop_after=None, **options):
    """Make the shards of the Files found; which of them had to be looked at."""
    shards, seen = ShardFolder(folder, MADE_BY, found, size, **options), []
    for part in shards.todo[:stop_after]:
        seen += part.new
        shards.save(part, table_of(list(looked_at(part.new)), SPACES))
    if stop_after is None:
        shards.finish()
    return seen


def names(folder):
    return [name for block, _ in read_shards(folder) for name in block]
