"""What each worker on Ray runs: it loads the engine once, then turns the files of one shard after another into rows."""

from __future__ import annotations

import os
import pickle
import socket
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from lookalike.embedding.backbones import find_backbone
from lookalike.embedding.embedder import Embedder, load_embedder
from lookalike.errors import CatalogueError, LookalikeError, WeightsError
from lookalike.extraction.checkpoint import Stamp
from lookalike.extraction.pipeline import embed_files
from lookalike.extraction.shard_writing import Part, results_table
from lookalike.extraction.storage import Storage
from lookalike.index.shards import ShardManifest

if TYPE_CHECKING:
    from ray.actor import ActorHandle

# Ray restarts a part when its worker dies, which is rarely the part's fault.
MAX_ATTEMPTS = 5

# The one column of a table that carries an error instead of rows.
ERROR = "error"


@dataclass(frozen=True)
class Recipe:
    """How every worker makes vectors.

    Attributes:
        backbone, weights, engine, precision, batch_size: as extract_features.py takes them.
        cores: the cores that a worker holds; before the cluster is known, the most that it may hold.
        gpus: the GPUs that a worker holds.
    """

    backbone: str
    weights: str | None = None
    engine: str = "auto"
    precision: str = "auto"
    batch_size: int = 32
    cores: int = 1
    gpus: int = 0

    def load(self) -> Embedder:
        """Return the Embedder; raises WeightsError."""
        backbone = find_backbone(self.backbone, self.weights, announce=lambda text: None)
        return load_embedder(backbone, self.engine, self.precision, throughput=True, cores=self.cores)

    def manifest(self) -> ShardManifest:
        """Return the ShardManifest, without shards, of the vectors that its embedder makes; raises WeightsError."""
        embedder = self.load()
        width = embedder.rows(np.zeros((1, embedder.size, embedder.size, 3), np.uint8)).shape[1]
        after = embedder.widths_after_look
        spaces = {"look": width - sum(after.values()), **after}
        return ShardManifest(embedder.manifest(), embedder.key(), spaces, False, ())


@dataclass(frozen=True)
class Job:
    """What every worker of a run needs to know.

    Attributes:
        recipe: how to make vectors.
        storage: where to read the images.
        manifest: what the embedder must be like; a worker with another one refuses to work.
    """

    recipe: Recipe
    storage: Storage
    manifest: ShardManifest


class Worker:
    """Turns a table of files into the table of their rows; attempts is the actor Attempts that all workers share."""

    def __init__(self, job: Job, attempts: ActorHandle) -> None:
        self._job, self._attempts = job, attempts
        # Ray would report an error raised here as a worker that died: keep it for the first call.
        self._embedder: Embedder | LookalikeError
        try:
            self._embedder = job.recipe.load()
            _check_key(self._embedder, job.manifest)
        except LookalikeError as error:
            self._embedder = error

    def __call__(self, table: pa.Table) -> pa.Table:
        """Return the rows with their part's number, or the error; see read_answer."""
        try:
            return self._process(table)
        except (LookalikeError, MemoryError) as error:  # Ray Data would not keep its type
            return error_table(error)

    def _process(self, table: pa.Table) -> pa.Table:
        if isinstance(self._embedder, LookalikeError):
            raise self._embedder
        self._count_attempt(table)
        columns = (table[name].to_pylist() for name in ("name", "path", "size", "mtime"))
        files = [
            self._job.storage.file(name, os.fsdecode(path), Stamp(size, mtime))
            for name, path, size, mtime in zip(*columns)
        ]
        recipe = self._job.recipe
        results = list(embed_files(files, self._embedder, lambda content: False, recipe.batch_size, recipe.cores))
        part = pa.array([table["part"][0].as_py()] * len(results))
        return results_table(results, self._job.manifest.spaces).append_column("part", part)

    def _count_attempt(self, table: pa.Table) -> None:
        """Raise CatalogueError for a part that keeps killing workers: Ray would restart it forever."""
        import ray

        if ray.get(self._attempts.begin.remote(table["part"][0].as_py())) > MAX_ATTEMPTS:
            first, last = (table["name"][place].as_py() for place in (0, -1))
            raise CatalogueError(
                f"{MAX_ATTEMPTS} workers died over the files from {first} to {last}; finished shards are kept. Give "
                "workers more memory, or find the file that kills them with a smaller --shard-size and remove it, then "
                "run the same command again."
            )


class Attempts:
    """Counts, as an actor, the attempts at each part."""

    def __init__(self) -> None:
        self._attempts: Counter[int] = Counter()

    def begin(self, part: int) -> int:
        """Count one more attempt at a part, and return how many there were."""
        self._attempts[part] += 1
        return self._attempts[part]


def _check_key(embedder: Embedder, manifest: ShardManifest) -> None:
    if embedder.key() != manifest.key:
        raise WeightsError(
            f"The machines of this cluster would make different vectors ({socket.gethostname()} has other weights or "
            "packages). Install the same on all, then run the same command again."
        )


def files_table(number: int, part: Part) -> pa.Table:
    """Return the new files of a part as the table that a Worker takes; number tells the parts apart."""
    columns = {
        "name": [file.name for file in part.new],
        # A path need not be UTF-8, even if the name in the index is.
        "path": [os.fsencode(file.path) for file in part.new],
        "size": [file.stamp.size for file in part.new],
        "mtime": [file.stamp.mtime for file in part.new],
        "part": [number] * len(part.new),
    }
    return pa.table(columns)


def error_table(error: LookalikeError | MemoryError) -> pa.Table:
    """Return the answer of a Worker that carries an error: its type, arguments and attributes, but not its cause."""
    return pa.table({ERROR: [pickle.dumps((type(error), error.args, vars(error)))]})


def read_answer(table: pa.Table) -> tuple[int, pa.Table]:
    """Return the part's number and its rows from the answer of a Worker; raises the error that it met."""
    if ERROR in table.column_names:
        # It comes from a worker of our own cluster, through Ray, which pickles everything itself.
        kind, arguments, attributes = pickle.loads(table[ERROR][0].as_py())  # noqa: S301 # nosec B301
        # Without __init__, which may take other arguments than Exception keeps.
        error = kind.__new__(kind)
        error.args = arguments
        vars(error).update(attributes)
        raise error
    return table["part"][0].as_py(), table.drop_columns("part").replace_schema_metadata(None)
