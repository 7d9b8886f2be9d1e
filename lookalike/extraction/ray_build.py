"""A folder or an address of images → shards → index, on the machines of a Ray cluster.

This is the driver. It holds the output, plans the parts, and writes each shard when a worker has embedded its files.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lookalike.embedding.backbones import find_backbone
from lookalike.errors import CatalogueError, LookalikeError
from lookalike.extraction.build import Report, finishing, interrupted, write_index
from lookalike.extraction.checkpoint import Checkpoint
from lookalike.extraction.pipeline import File
from lookalike.extraction.ray_worker import Attempts, Job, Recipe, Worker, files_table, read_answer
from lookalike.extraction.shard_writing import Part, ShardFolder, results_table
from lookalike.extraction.storage import Storage, first_line
from lookalike.index import manifest as index_manifest
from lookalike.index.attributes import read_styles
from lookalike.index.catalogue import readable
from lookalike.index.shards import SHARDS_FOLDER, ShardManifest, read_shards, read_skipped_files
from lookalike.types import Progress, StrPath, no_progress

# A worker's decoding and engine share its cores. Beyond this number they only wait for each other.
MAX_CORES = 8
CONNECT_SECONDS = 10


def build_index_on_ray(
    images: StrPath,
    output: StrPath,
    address: str,
    recipe: Recipe,
    styles: StrPath | None = None,
    shard_size: int = 512,
    progress: Progress = no_progress,
    rebuild: bool = False,
    announce: Callable[[str], object] = lambda text: None,
    refused: Sequence[tuple[str, str]] = (),
) -> Report:
    """Index images on a Ray cluster, as build_index does on one machine, and return a Report.

    Args:
        images: a folder, or an address of one in a bucket, an archive, …; see Storage.
        output: the folder of the index and, in a folder below it, of the shards.
        address: where Ray listens, or local to start it here.
        recipe: how vectors are made; recipe.cores is the most that one worker may hold.
        styles, progress, rebuild, refused: as build_index takes them.
        shard_size: how many files a shard has on average; a lost worker loses at most two shards of work.
        announce: see find_backbone.

    Raises:
        CatalogueError, WeightsError, IndexFileError: see build_index; also if Ray cannot be reached or fails.
        Interrupted: Ctrl-C; the message says how much is saved.
    """
    start = time.perf_counter()
    check_ray()
    # Workers have other current folders.
    storage = Storage(images if "://" in str(images) else os.path.abspath(images))
    files, unsuffixed = storage.find(output), storage.find_unsuffixed(output)
    _check_names(files)
    if styles:
        read_styles(styles)
    backbone = find_backbone(recipe.backbone, recipe.weights, announce)
    weights = str(backbone.weights.resolve()) if recipe.weights else None
    recipe = replace(recipe, backbone=backbone.name, weights=weights)
    with cluster(address):
        recipe, manifest = resolve_recipe(recipe)
        made_by = {**manifest.embedder, "images": index_manifest.check_name(storage.name(output))}
        description = index_manifest.describe(made_by, backbone.weights, styles, output)
        # The checkpoint stays empty. It holds the output against every other run, on one machine or many.
        with closing(Checkpoint(output, manifest.key, rebuild)) as checkpoint:
            shards = ShardFolder(Path(output, SHARDS_FOLDER), manifest, files, shard_size, rebuild)
            embedded, unreadable = _make_shards(files, shards, Job(recipe, storage, manifest), progress)
            if unreadable:  # if the folder or its disk went away, fail rather than empty the index
                storage.find(output)
            with finishing(len(files)):
                shards.finish()
                indexed, skipped = _index_from_shards(output, description, manifest, [*unsuffixed, *refused])
                checkpoint.finish()
    seconds = time.perf_counter() - start
    return Report(
        found=len(files) + len(unsuffixed) + len(refused),
        indexed=indexed,
        embedded=embedded,
        skipped=skipped,
        seconds=seconds,
        backbone=backbone.name,
        precision=recipe.precision,
        unsuffixed=len(unsuffixed),
    )


def _check_names(files: Iterable[File]) -> None:
    for file in files:
        if file.name != (shown := readable(file.name)):
            raise CatalogueError(
                f"The name {shown} is not UTF-8, which shards cannot hold. Rename the file, or leave --ray out."
            )


def _make_shards(files: Sequence[File], shards: ShardFolder, job: Job, progress: Progress) -> tuple[int, bool]:
    """Make the missing shards; return how many files were embedded and whether any could not be read."""
    embedded, unreadable = 0, False
    try:
        with closing(_process_parts(shards, job)) as finished:
            for content, reason in progress(finished, total=len(files), initial=len(files) - shards.left):
                embedded += reason is None
                unreadable |= content is None
    except KeyboardInterrupt:
        shards.reload()
        raise interrupted(len(files) - shards.left, len(files)) from None
    return embedded, unreadable


def _process_parts(shards: ShardFolder, job: Job) -> Generator[tuple[str | None, str | None], None, None]:
    """Make the missing shards; yield (content, reason) of each processed file once its shard is on disk."""
    for part in shards.todo:
        if not part.new:  # only the borders of shards have moved, or files are gone
            shards.save(part, results_table([], job.manifest.spaces))
    parts = [part for part in shards.todo if part.new]
    for part, table in embed_parts(parts, job) if parts else ():
        shards.save(part, table)
        yield from zip(table["content"].to_pylist(), table["reason"].to_pylist())


def _index_from_shards(
    output: StrPath, description: index_manifest.Manifest, manifest: ShardManifest, others: Sequence[tuple[str, str]]
) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Write the ordinary index from the shards; return its number of products, and (name, reason) of other files.

    others are those that are in no shard.
    """
    folder = Path(output, SHARDS_FOLDER)
    names = [name for block, _ in read_shards(folder) for name in block]
    skipped = (*read_skipped_files(folder), *others)
    widths = {space: width for space, width in manifest.spaces.items() if space != "look"}
    blocks = (np.concatenate(list(spaces.values()), axis=1) for _, spaces in read_shards(folder))
    write_index(output, blocks, names, skipped, description, widths)
    return len(names), skipped


def check_ray() -> None:
    """Raise CatalogueError if Ray is not installed."""
    if util.find_spec("ray") is None:
        raise CatalogueError("Ray is not installed, which --ray needs. Run here: pip install '.[ray]'")


@contextmanager
def cluster(address: str) -> Iterator[None]:
    """Connect to the Ray cluster at an address, or start one here if that is local; raises CatalogueError."""
    # No usage reports, no warnings for developers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    import ray

    _check_reachable(address)
    options: dict[str, Any] = {
        # Every machine runs this machine's version of the package.
        "runtime_env": {"py_modules": [str(Path(__file__).parents[1])]},
        "log_to_driver": False,
        "logging_level": logging.ERROR,
    }
    if address == "local":
        options |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        _connect(address, options)
    except Exception as error:  # Ray raises a bare Exception where a node does not start in time
        raise CatalogueError(
            f"Could not connect to Ray at {address} ({first_line(error)}). Check the address and the cluster (ray "
            "status)."
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _connect(address: str, options: dict[str, Any]) -> None:
    """Connect, with a second attempt: at a ray:// address the process that Ray starts for us sometimes dies at once."""
    import ray

    try:
        ray.init(address=address, **options)
    except ConnectionAbortedError:
        ray.shutdown()
        ray.init(address=address, **options)


def _check_reachable(address: str) -> None:
    """Raise CatalogueError if nothing listens at host:port. Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise CatalogueError(
                f"Nothing is listening at {address} ({error}). Start Ray there (ray start --head), or name another "
                "address."
            ) from None


def resolve_recipe(recipe: Recipe) -> tuple[Recipe, ShardManifest]:
    """Return the recipe with the cores, GPUs and precision that fit this cluster, and its ShardManifest.

    Without GPUs a worker gets at most recipe.cores cores. Raises CatalogueError or WeightsError.
    """
    import ray

    nodes = [resources for resources in _alive_nodes() if resources.get("CPU", 0) >= 1]
    if not nodes:
        raise CatalogueError("This Ray cluster has no CPUs. Start a node that has some, then try again.")
    with_gpus = [node for node in nodes if node.get("GPU", 0) >= 1] if recipe.engine != "openvino" else []
    if with_gpus:
        cores, gpus = min(int(node["CPU"] // node["GPU"]) for node in with_gpus), 1
    else:
        cores, gpus = min(recipe.cores, MAX_CORES, *(int(node["CPU"]) for node in nodes)), 0
    recipe = replace(recipe, cores=max(1, cores), gpus=gpus)
    # The first worker decides what precision auto means, and the others must agree.
    task = ray.remote(Recipe.manifest).options(num_cpus=recipe.cores, num_gpus=recipe.gpus)
    with _translated_errors():
        manifest: ShardManifest = ray.get(task.remote(recipe))
    return replace(recipe, precision=manifest.embedder["precision"]), manifest


def _alive_nodes() -> list[dict[str, float]]:
    """Return the resources of each node that is alive, such as {"CPU": 16, "GPU": 1}."""
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def embed_parts(parts: Sequence[Part], job: Job) -> Iterator[tuple[Part, pa.Table]]:
    """Yield each part and the table of its new files, in the order in which they finish; raises CatalogueError."""
    import ray

    tables = [files_table(number, part) for number, part in enumerate(parts)]
    with _translated_errors():
        # Ray Data does not work through a ray:// connection: there it is driven from inside the cluster.
        run = _run_workers_remotely if ray.util.client.ray.is_connected() else _run_workers
        for table in run(tables, job):
            number, rows = read_answer(table)
            yield parts[number], rows


class _RemoteDriver:
    """Runs _run_workers as an actor, one table at a time."""

    def __init__(self, tables: list[pa.Table], job: Job) -> None:
        self._answers = _run_workers(tables, job)

    def next(self) -> pa.Table | None:
        return next(self._answers, None)


def _run_workers_remotely(tables: list[pa.Table], job: Job) -> Iterator[pa.Table]:
    import ray

    driver = ray.remote(num_cpus=0)(_RemoteDriver).remote(tables, job)
    while (table := ray.get(driver.next.remote())) is not None:
        yield table


def _run_workers(tables: list[pa.Table], job: Job) -> Iterator[pa.Table]:
    """Yield the answer of a Worker to each table, in the order in which they finish."""
    import ray

    _configure_ray_data()
    workers = min(len(tables), _count_places(job.recipe))
    attempts = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Attempts).remote()
    rows = ray.data.from_arrow(tables).map_batches(
        Worker,
        fn_constructor_args=(job, attempts),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(
            # A fixed size would wait for a lost machine to be replaced.
            min_size=1,
            max_size=workers,
            initial_size=workers,
            max_tasks_in_flight_per_actor=2,
        ),
        num_cpus=job.recipe.cores,
        num_gpus=job.recipe.gpus,
    )
    for table in rows.iter_batches(batch_size=None, batch_format="pyarrow"):
        if len(table):
            yield table


def _configure_ray_data() -> None:
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    # A shard must come back in one piece.
    context.target_max_block_size = None
    # The error that it raises says all that it would print.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)


def _count_places(recipe: Recipe) -> int:
    """Return how many workers this cluster has room for."""
    return sum(
        int(node.get("GPU", 0) if recipe.gpus else node.get("CPU", 0) // recipe.cores) for node in _alive_nodes()
    )


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Turn an error of Ray into the error that a worker raised, or into a CatalogueError."""
    import ray

    try:
        yield
    except (ray.exceptions.RayError, ray.exceptions.UserCodeException) as error:
        for cause in _causes(error):
            if isinstance(cause, LookalikeError | MemoryError) and not isinstance(cause, ray.exceptions.RayError):
                raise cause from None
        raise CatalogueError(
            f"Ray could not go on ({first_line(error)}); finished shards are kept. Look at the cluster (ray status; "
            "logs in /tmp/ray), then run the same command again."
        ) from None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes; Ray keeps what a task raised in the attribute cause."""
    while error is not None:
        yield error
        error = getattr(error, "cause", None) or error.__cause__
