"""What each worker on Ray runs: the engine loaded once, then the files of one shard after another turned into rows."""

import os
import socket
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lookalike import errors
from lookalike.embedding.backbones import find_backbone
from lookalike.embedding.embedder import load_embedder
from lookalike.errors import CatalogueError, LookalikeError, WeightsError
from lookalike.extraction.checkpoint import Stamp
from lookalike.extraction.pipeline import File, embed_files
from lookalike.extraction.shard_writing import table_of
from lookalike.index.shards import Manifest

# A part is begun again when its worker is lost, through no fault of its own as a rule.
MAX_ATTEMPTS = 5

TROUBLE = "trouble"


@dataclass(frozen=True)
class Recipe:
    """How every worker makes vectors: options as extract_features.py has them, and the cores and GPUs it holds."""

    backbone: str
    weights: str | None = None
    engine: str = "auto"
    precision: str = "auto"
    batch_size: int = 32
    cores: int = 1
    gpus: int = 0

    def load(self):
        backbone = find_backbone(self.backbone, self.weights, announce=lambda text: None)
        return load_embedder(backbone, self.engine, self.precision, throughput=True, cores=self.cores)

    def manifest(self):
        """The Manifest, without shards, of what an embedder made by it makes."""
        embedder = self.load()
        width = embedder.rows(np.zeros((1, embedder.size, embedder.size, 3), np.uint8)).shape[1]
        after = embedder.widths_after_look
        spaces = {"look": width - sum(after.values()), **after}
        return Manifest(embedder.manifest(), embedder.key(), spaces, False, ())


class Worker:
    """Turns a table of files into the table of their rows, with an embedder like the one manifest stands for.

    attempts is the actor Attempts of all workers.
    """

    def __init__(self, recipe, storage, manifest, attempts):
        self._recipe, self._storage, self._manifest, self._attempts = recipe, storage, manifest, attempts
        # Ray would report what is raised here as a worker that died.
        self._embedder = self._trouble = None
        try:
            self._embedder = recipe.load()
            _check_same(self._embedder, manifest)
        except LookalikeError as error:
            self._trouble = error

    def __call__(self, table):
        try:
            return self._rows(table)
        # Through Ray Data an error loses what kind it is of.
        except (LookalikeError, MemoryError) as error:
            return pa.table({TROUBLE: [type(error).__name__], "says": [str(error)]})

    def _rows(self, table):
        if self._trouble:
            raise self._trouble
        self._count(table)
        recipe, readable = self._recipe, map(self._storage.readable, _files(table))
        done = list(embed_files(readable, self._embedder, lambda content: False, recipe.batch_size, recipe.cores))
        part = pa.array([table["part"][0].as_py()] * len(done))
        return table_of(done, self._manifest.spaces).append_column("part", part)

    def _count(self, table):
        """Ray begins a part anew for ever; what kills every worker must end."""
        import ray

        if ray.get(self._attempts.begin.remote(table["part"][0].as_py())) > MAX_ATTEMPTS:
            first, last = (table["name"][place].as_py() for place in (0, -1))
            raise CatalogueError(
                f"{MAX_ATTEMPTS} workers died over the files from {first} to {last}; finished shards are kept. Give "
                "workers more memory, or find what kills them with a smaller --shard-size and take it out, then run "
                "the same command again."
            )


class Attempts:
    """How often each part was begun, as an actor."""

    def __init__(self):
        self._begun = Counter()

    def begin(self, number):
        """Count another beginning, and say how many there were."""
        self._begun[number] += 1
        return self._begun[number]


def _check_same(embedder, manifest):
    if embedder.key() != manifest.key:
        raise WeightsError(
            f"The machines of this cluster would make different vectors ({socket.gethostname()} has other weights or "
            "another package). Install the same on all, then run the same command again."
        )


def answer(table):
    """The number of the part and its rows in what a Worker gave; raises the error that it met."""
    if TROUBLE in table.column_names:
        kind, says = (table[name][0].as_py() for name in table.column_names)
        raise vars(errors).get(kind, MemoryError)(says)
    return table["part"][0].as_py(), table.drop_columns("part").replace_schema_metadata(None)


def files_of(number, part):
    """The files of the Part of that number that are to be embedded, as the table that a Worker takes."""
    stamps = [file.stamp for file in part.new]
    # A path need not be UTF-8, even where the name in the index is.
    columns = {"name": [file.name for file in part.new], "path": [os.fsencode(file.path) for file in part.new]}
    columns |= {"size": [stamp.size for stamp in stamps], "mtime": [stamp.mtime for stamp in stamps]}
    return pa.table({**columns, "part": [number] * len(stamps)})


def _files(table):
    columns = (table[name].to_pylist() for name in ("name", "path", "size", "mtime"))
    return [File(name, os.fsdecode(path), Stamp(size, mtime)) for name, path, size, mtime in zip(*columns)]
