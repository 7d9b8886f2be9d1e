"""A real Ray cluster on this machine, and the command line run on it."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
INDEX = ("embeddings.pkl", "filenames.pkl", "spaces.npz", "index.json", "skipped.csv")
PROC = Path("/proc")
NODE = {"num_cpus": 1, "object_store_memory": 200 * 2**20}


@contextmanager
def nodes(count, **head):
    """Start a cluster of count nodes; head has options for the first."""
    from ray.cluster_utils import Cluster

    head = {**NODE, "include_dashboard": False, **head}
    cluster = start_patiently(lambda: Cluster(initialize_head=True, head_node_args=head))
    try:
        for _ in range(count - 1):
            start_patiently(lambda: cluster.add_node(**NODE))
        yield cluster
    finally:
        cluster.shutdown()


def start_patiently(start_node, tries=3):
    """Return start_node(), tried again on a timeout: Ray waits 30 s for a node, and a busy machine takes longer."""
    for left in reversed(range(tries)):
        try:
            return start_node()
        except Exception as error:
            if "timed out" not in str(error).lower() or not left:
                raise


def start(images, output, address, *options):
    """Start the command as a process."""
    command = [sys.executable, "extract_features.py", "--images", images, "--output", output, "--no-tune"]
    command += ["--backbone", "efficientnet-lite0", *(["--ray", address, "--shard-size", 12] if address else [])]
    pipe = subprocess.PIPE
    # Jobs that a shell starts in the background ignore Ctrl-C, and hand that on. A preexec_fn would need a fork, in
    # which gRPC, loaded here with Ray, aborts now and then.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen([*map(str, command), *map(str, options)], cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


def end(process):
    """Return the exit code, stdout and stderr."""
    out, err = process.communicate(timeout=180)
    return process.returncode, out, err


def run(*arguments):
    return end(start(*arguments))


def embedded(printed):
    """Return how many images were embedded, according to the summary."""
    return int(re.search(r"(\d+) embedded", printed)[1])


def wait_for(found, process, seconds=90):
    """Wait until found() is true and return it; fail if the process ends before."""
    until = time.monotonic() + seconds
    while not (result := found()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)
    return result


def working(node):
    """Return the ids of a node's processes, workers in the middle of a shard last; [] if there are none of these."""
    found = descendants(node.all_processes["raylet"][0].process.pid)
    titles = {pid: _read_proc(pid, "cmdline") for pid in found}
    busy = [pid for pid in found if "MapWorker" in titles[pid] and ".submit" in titles[pid]]
    return [pid for pid in found if pid not in busy] + busy if busy else []


def descendants(pid):
    """Return the ids of a process and all its descendants."""
    parents = {
        int(path.name): _read_proc(path.name, "stat").rpartition(")")[2].split()[1:2] for path in PROC.glob("[0-9]*")
    }
    found = [pid]
    for parent in found:
        found += [child for child, of in parents.items() if of == [str(parent)]]
    return found


def _read_proc(pid, name):
    try:
        return Path(PROC, str(pid), name).read_text(errors="replace")
    except OSError:  # it has ended
        return ""


def kill(pids):
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def index(folder):
    return {name: (folder / name).read_bytes() for name in INDEX}
