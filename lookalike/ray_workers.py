"""A pool of workers on Ray Data: each loads the engine once and turns the files of one shard after another into rows.

The one place that imports ray, when it is first used.
"""

import logging
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import util
from pathlib import Path

import numpy as np
import pyarrow as pa

from .backbones import find_backbone
from .checkpoint import Stamp
from .embedder import load_embedder
from .errors import CatalogueError, LookalikeError, WeightsError
from .pipeline import File, embed_files
from .shard_writing import table_of
from .shards import Manifest

# A worker's decoding and engine share its cores; more than these in one process wait for each other.
MOST_CORES = 8


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
    """Turns a table of files into the table of their rows; key is the embedder's that all workers must have."""

    def __init__(self, recipe, storage, manifest):
        self._recipe, self._storage, self._manifest = recipe, storage, manifest
        self._embedder = recipe.load()

    def __call__(self, table):
        if self._embedder.key() != self._manifest.key:
            raise WeightsError(
                "The machines of this cluster would make different vectors: weights or package differ between them. "
                "Install the same on all, then run the same command again."
            )
        columns = (table[name].to_pylist() for name in ("name", "path", "size", "mtime"))
        files = [File(name, path, Stamp(size, mtime)) for name, path, size, mtime in zip(*columns)]
        recipe, readable = self._recipe, map(self._storage.readable, files)
        done = list(embed_files(readable, self._embedder, lambda content: False, recipe.batch_size, recipe.cores))
        part = pa.array([table["part"][0].as_py()] * len(done))
        return table_of(done, self._manifest.spaces).append_column("part", part)


def check_ray():
    """Raise CatalogueError where Ray is not installed."""
    if util.find_spec("ray") is None:
        raise CatalogueError("Ray is not installed, which --ray needs. Run here: pip install '.[ray]'")


@contextmanager
def cluster(address):
    """Connect to the Ray at an address, or start one here where it is local; raises CatalogueError."""
    # Neither reports to others nor warnings for developers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray

    here = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"} if address == "local" else {}
    # Every machine runs the code that is here.
    environment = {"py_modules": [str(Path(__file__).parent)]}
    options = {"runtime_env": environment, "log_to_driver": False, "logging_level": logging.ERROR}
    try:
        ray.init(address=address, **options, **here)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise CatalogueError(f"There is no Ray to be had at {address} ({_first_line(error)}).") from None
    try:
        yield
    finally:
        ray.shutdown()


def settled(recipe, cores):
    """The Recipe that suits the machines of the cluster, of cores at most each without GPUs, and its Manifest."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not nodes:
        raise CatalogueError("This Ray has no CPUs to work with. Start a node with some, then try again.")
    with_gpus = [node for node in nodes if node.get("GPU", 0) >= 1] if recipe.engine != "openvino" else []
    if with_gpus:
        cores, gpus = min(int(node["CPU"] // node["GPU"]) for node in with_gpus), 1
    else:
        cores, gpus = min(cores, MOST_CORES, *(int(node["CPU"]) for node in nodes)), 0
    recipe = replace(recipe, cores=max(1, cores), gpus=gpus)
    # What auto means is what the first worker finds; the others must agree.
    ask = ray.remote(Recipe.manifest).options(num_cpus=recipe.cores, num_gpus=recipe.gpus)
    with _sentences():
        manifest = ray.get(ask.remote(recipe))
    return replace(recipe, precision=manifest.embedder["precision"]), manifest


def embedded(parts, recipe, storage, manifest):
    """Yield (part, its table) for Parts, in the order in which they are done; raises CatalogueError."""
    import ray

    _set_up()
    tables = [_table(number, part) for number, part in enumerate(parts)]
    workers = min(len(tables), _places(recipe))
    rows = ray.data.from_arrow(tables).map_batches(
        Worker,
        fn_constructor_args=(recipe, storage, manifest),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(
            # A smaller pool is enough where a machine is lost: else its place would be waited for.
            min_size=1, max_size=workers, initial_size=workers, max_tasks_in_flight_per_actor=2
        ),
        num_cpus=recipe.cores,
        num_gpus=recipe.gpus,
    )
    with _sentences():
        for table in rows.iter_batches(batch_size=None, batch_format="pyarrow"):
            if len(table):
                yield parts[table["part"][0].as_py()], table.drop_columns("part").replace_schema_metadata(None)


def _set_up():
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    # A shard comes back whole.
    context.target_max_block_size = None
    # What it would print is in the error that it raises.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def _places(recipe):
    import ray

    nodes = (node["Resources"] for node in ray.nodes() if node["Alive"])
    return sum(int(n.get("GPU", 0) if recipe.gpus else n.get("CPU", 0) // recipe.cores) for n in nodes)


def _table(number, part):
    stamps = [file.stamp for file in part.new]
    columns = {"name": [file.name for file in part.new], "path": [str(file.path) for file in part.new]}
    columns |= {"size": [stamp.size for stamp in stamps], "mtime": [stamp.mtime for stamp in stamps]}
    return pa.table({**columns, "part": [number] * len(stamps)})


@contextmanager
def _sentences():
    """What Ray raises becomes the error that a worker raised, or a sentence of ours."""
    import ray

    try:
        yield
    except (ray.exceptions.RayError, ray.exceptions.UserCodeException) as error:
        for cause in _causes(error):
            if isinstance(cause, LookalikeError | MemoryError):
                raise type(cause)(*cause.args) from None
        raise CatalogueError(
            f"Ray could not go on ({_first_line(error)}); finished shards are kept. Look at the cluster "
            "(ray status; logs in /tmp/ray), then run the same command again."
        ) from None


def _causes(error):
    while error is not None:
        yield error
        error = getattr(error, "cause", None) or error.__cause__


def _first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
