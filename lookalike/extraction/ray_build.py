"""Paths or addresses → shards → index, on the machines of a Ray cluster; work done is never done again."""

import logging
import os
import socket
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from importlib import util
from pathlib import Path

import numpy as np

from lookalike.errors import CatalogueError, LookalikeError
from lookalike.extraction.build import Interrupted, Report, finishing, write_index
from lookalike.extraction.checkpoint import Checkpoint
from lookalike.extraction.ray_worker import Attempts, Recipe, Worker, answer, files_of
from lookalike.extraction.shard_writing import ShardFolder, table_of
from lookalike.extraction.storage import Storage
from lookalike.index.catalogue import readable, stored_name
from lookalike.index.manifest import describe, recorded
from lookalike.index.shards import FOLDER, read_shards, read_skipped

# A worker's decoding and engine share its cores; more than these in one process wait for each other.
MAX_CORES = 8

# For somebody to answer at an address.
SECONDS = 10


def build_index_on_ray(
    images,
    output,
    address,
    recipe,
    backbone,
    styles=None,
    shard_size=512,
    cores=1,
    progress=lambda items, **counts: items,
    rebuild=False,
):
    """Index the images of a folder or an address into the folder output, as build_index does, and return a Report.

    address is where Ray is, or local; a shard is what of the work can be lost at once, of about shard_size
    files. Raises CatalogueError, WeightsError, IndexFileError, or Interrupted.
    """
    start = time.perf_counter()
    check_ray()
    storage = Storage(images)
    files = storage.find(output)
    _check_names(files)
    with cluster(address):
        recipe, manifest = resolve_recipe(recipe, cores)
        made_by = {**manifest.embedder, "images": recorded(_stored(storage, output))}
        description = describe(made_by, backbone, styles, output)
        # Holds the output against every other run, on one machine or many.
        with closing(Checkpoint(output, manifest.key, rebuild)) as checkpoint:
            shards = ShardFolder(Path(output, FOLDER), manifest, files, shard_size, rebuild)
            count, unreadable = _work(files, shards, recipe, storage, manifest, progress)
            if unreadable:  # a folder that went away, or its disk, must not empty the index
                storage.find(output)
            with finishing(len(files)):
                shards.finish()
                indexed, skipped = _index(output, description, manifest)
                checkpoint.finish()
    seconds = time.perf_counter() - start
    return Report(len(files), indexed, count, skipped, seconds, backbone.name, recipe.precision)


def _check_names(files):
    for file in files:
        if file.name != (shown := readable(file.name)):
            raise CatalogueError(
                f"The name {shown} is no UTF-8, which shards cannot hold. Rename the file, or leave --ray out."
            )


def _work(files, shards, recipe, storage, manifest, progress):
    """Make every shard that is not there; how many files were embedded, and whether any could not be
    read. Raises Interrupted."""
    count, unreadable = 0, False
    try:
        with closing(_made(shards, recipe, storage, manifest)) as finished:
            for content, reason in progress(finished, total=len(files), initial=len(files) - shards.left):
                count += reason is None
                unreadable |= content is None
    except KeyboardInterrupt:
        shards.read_again()
        raise Interrupted(
            f"Stopped. {len(files) - shards.left} of {len(files)} images are done and saved; "
            "run the same command again to go on."
        ) from None
    return count, unreadable


def _made(shards, recipe, storage, manifest):
    """Make the shards, and yield (content, reason) of each file that was looked at once its shard is on disk."""
    for part in shards.todo:
        if not part.new:  # files are gone, or fall into other shards
            shards.save(part, table_of([], manifest.spaces))
    parts = [part for part in shards.todo if part.new]
    for part, table in embed_parts(parts, recipe, storage, manifest) if parts else ():
        shards.save(part, table)
        yield from zip(table["content"].to_pylist(), table["reason"].to_pylist())


def _index(output, description, manifest):
    """Turn the shards into the ordinary index: how many products it has, and the (name, reason) of the others."""
    folder = Path(output, FOLDER)
    names = [name for block, _ in read_shards(folder) for name in block]
    skipped = tuple(read_skipped(folder))
    widths = {space: width for space, width in manifest.spaces.items() if space != "look"}
    blocks = (np.concatenate(list(spaces.values()), axis=1) for _, spaces in read_shards(folder))
    write_index(output, blocks, names, skipped, description, widths)
    return len(names), skipped


def _stored(storage, output):
    return stored_name(storage.folder, output) if storage.folder else storage.shown


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

    _check_reachable(address)
    here = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"} if address == "local" else {}
    # Every machine runs the code that is here.
    environment = {"py_modules": [str(Path(__file__).parents[1])]}
    options = {"runtime_env": environment, "log_to_driver": False, "logging_level": logging.ERROR}
    try:
        _connect(address, {**options, **here})
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise CatalogueError(f"There is no Ray to be had at {address} ({_first_line(error)}).") from None
    try:
        yield
    finally:
        ray.shutdown()


def _connect(address, options):
    """Connect, with a second try: at a ray:// address the process that is started for us at times comes up dead."""
    import ray

    try:
        ray.init(address=address, **options)
    except ConnectionAbortedError:
        ray.shutdown()
        ray.init(address=address, **options)


def _check_reachable(address):
    """Ray itself asks an address where nobody is for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        try:
            socket.create_connection((host.strip("[]"), int(port)), SECONDS).close()
        except (OSError, OverflowError) as error:
            raise CatalogueError(
                f"Nobody answers at {address} ({error}). Start Ray there (ray start --head), or name another address."
            ) from None


def resolve_recipe(recipe, cores):
    """The Recipe that suits the machines of the cluster, of cores at most each without GPUs, and its Manifest."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not nodes:
        raise CatalogueError("This Ray has no CPUs to work with. Start a node with some, then try again.")
    with_gpus = [node for node in nodes if node.get("GPU", 0) >= 1] if recipe.engine != "openvino" else []
    if with_gpus:
        cores, gpus = min(int(node["CPU"] // node["GPU"]) for node in with_gpus), 1
    else:
        cores, gpus = min(cores, MAX_CORES, *(int(node["CPU"]) for node in nodes)), 0
    recipe = replace(recipe, cores=max(1, cores), gpus=gpus)
    # What auto means is what the first worker finds; the others must agree.
    ask = ray.remote(Recipe.manifest).options(num_cpus=recipe.cores, num_gpus=recipe.gpus)
    with _sentences():
        manifest = ray.get(ask.remote(recipe))
    return replace(recipe, precision=manifest.embedder["precision"]), manifest


def embed_parts(parts, recipe, storage, manifest):
    """Yield (part, its table) for Parts, in the order in which they are done; raises CatalogueError."""
    import ray

    tables = [files_of(number, part) for number, part in enumerate(parts)]
    with _sentences():
        # Ray Data does not work through the ray:// kind of connection: there it is driven from within the cluster.
        drive = _driven_there if ray.util.client.ray.is_connected() else _driven
        for table in drive(tables, recipe, storage, manifest):
            number, rows = answer(table)
            yield parts[number], rows


class _Driver:
    """_driven, a table at a time, as an actor."""

    def __init__(self, *arguments):
        self._tables = _driven(*arguments)

    def next(self):
        return next(self._tables, None)


def _driven_there(*arguments):
    import ray

    driver = ray.remote(num_cpus=0)(_Driver).remote(*arguments)
    while (table := ray.get(driver.next.remote())) is not None:
        yield table


def _driven(tables, recipe, storage, manifest):
    import ray

    _set_up()
    workers = min(len(tables), _places(recipe))
    attempts = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Attempts).remote()
    rows = ray.data.from_arrow(tables).map_batches(
        Worker,
        fn_constructor_args=(recipe, storage, manifest, attempts),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(
            # A smaller pool is enough where a machine is lost: else its place would be waited for.
            min_size=1,
            max_size=workers,
            initial_size=workers,
            max_tasks_in_flight_per_actor=2,
        ),
        num_cpus=recipe.cores,
        num_gpus=recipe.gpus,
    )
    for table in rows.iter_batches(batch_size=None, batch_format="pyarrow"):
        if len(table):
            yield table


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


@contextmanager
def _sentences():
    """What Ray raises becomes the error that a worker raised, or a sentence of ours."""
    import ray

    try:
        yield
    except (ray.exceptions.RayError, ray.exceptions.UserCodeException) as error:
        for cause in _causes(error):
            if isinstance(cause, LookalikeError | MemoryError) and not isinstance(cause, ray.exceptions.RayError):
                raise cause from None
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
