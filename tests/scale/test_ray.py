"""Extraction on a real Ray cluster: whatever is killed there, the index comes out the same."""

import re
import signal
import time

import pytest

from lookalike.extraction.ray_worker import MAX_ATTEMPTS
from lookalike.index.shards import SHARDS_FOLDER, read_shard_manifest, read_shards
from tests.scale.ray_cluster import NODE, ROOT, embedded, end, index, kill, nodes, run, start, wait_for, working

pytest.importorskip("ray", reason="needs Ray: make test-scale")
IMAGES = ROOT / "images"


@pytest.fixture(scope="module")
def cluster():
    with nodes(3) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The index as one process writes it."""
    folder = tmp_path_factory.mktemp("alone")
    code, _, err = run(IMAGES, folder, None)
    assert code == 0, err
    return index(folder)


@pytest.mark.parametrize("lost", ["worker", "node"])
def test_killing_a_worker_or_node_in_the_middle_of_a_shard_loses_nothing(cluster, alone, tmp_path, lost):
    node = cluster.list_all_nodes()[-1]
    process = start(IMAGES, tmp_path, cluster.address)
    processes = wait_for(lambda: working(node), process)
    kill(processes[-1:] if lost == "worker" else processes)
    assert finished(tmp_path) < 20
    code, out, err = end(process)
    assert code == 0 and "257 indexed, 0 skipped" in out and "Traceback" not in err, err
    assert index(tmp_path) == alone
    names = [name for block, _ in read_shards(tmp_path / SHARDS_FOLDER) for name in block]
    assert len(names) == len(set(names)) == 257
    if lost == "node":
        cluster.remove_node(node)
        cluster.add_node(**NODE)


def test_a_part_that_kills_every_worker_ends_the_run(cluster, tmp_path):
    """There is one part, and every worker that takes it dies."""
    process = start(IMAGES, tmp_path, cluster.address, "--shard-size", 10_000)
    killed = set()
    while process.poll() is None:
        busy = {pid for node in cluster.list_all_nodes() for pid in working(node)[-1:]} - killed
        kill(busy)
        killed |= busy
        time.sleep(0.2)
    code, _, err = end(process)
    assert len(killed) >= MAX_ATTEMPTS
    assert code == 1 and "error: 5 workers died over the files from " in err and "Traceback" not in err, err


def test_after_a_killed_driver_the_next_run_goes_on_where_it_stopped(cluster, alone, tmp_path):
    first = start(IMAGES, tmp_path, cluster.address)
    wait_for(lambda: finished(tmp_path) > 3, first)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    done = finished(tmp_path)
    code, out, err = run(IMAGES, tmp_path, cluster.address)
    assert code == 0 and embedded(out) < 257 - done, err
    assert index(tmp_path) == alone
    code, out, err = run(IMAGES, tmp_path, cluster.address)
    assert code == 0 and embedded(out) == 0, err
    assert index(tmp_path) == alone


def test_ctrl_c_says_what_is_saved_and_the_next_run_goes_on(cluster, alone, tmp_path):
    process = start(IMAGES, tmp_path, cluster.address)
    wait_for(lambda: finished(tmp_path) > 1, process)
    process.send_signal(signal.SIGINT)
    code, _, err = end(process)
    assert code == 130 and "Traceback" not in err
    saved = int(re.search(r"^Stopped\. (\d+) of 257 images are done and saved; run the same", err, re.M)[1])
    assert saved == sum(shard.rows for shard in read_shard_manifest(tmp_path / SHARDS_FOLDER).shards)
    code, out, err = run(IMAGES, tmp_path, cluster.address)
    assert code == 0 and embedded(out) == 257 - saved, err
    assert index(tmp_path) == alone


def finished(folder):
    """Return how many shards are on disk."""
    manifest = read_shard_manifest(folder / SHARDS_FOLDER)
    return len(manifest.shards) if manifest else 0
