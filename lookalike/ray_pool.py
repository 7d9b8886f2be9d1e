"""A pool of workers on Ray Data. Ray is imported when it is first used."""

import logging
import os
import socket
from contextlib import contextmanager
from dataclasses import replace
from importlib import util
from pathlib import Path

from .errors import CatalogueError, LookalikeError
from .ray_workers import Attempts, Recipe, Worker, answer, files_of

# A worker's decoding and engine share its cores; more than these in one process wait for each other.
MOST_CORES = 8
# For somebody to answer at an address.
SECONDS = 10


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
    environment = {"py_modules": [str(Path(__file__).parent)]}
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
