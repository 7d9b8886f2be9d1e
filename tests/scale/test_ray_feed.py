"""A product feed whose pictures this machine fetches and Ray embeds: the index is the one of a single process."""

import csv
import json
import subprocess
import sys

import pytest

from lookalike.index.reading import load_index
from tests.scale.ray_cluster import ROOT, end, index, nodes
from tests.support.processes import serving_files

pytest.importorskip("ray", reason="needs Ray: make test-scale")
*PICTURES, NEW = sorted((ROOT / "images").glob("*.jpg"))[:21]


@pytest.fixture
def cluster():
    with nodes(1) as cluster:
        yield cluster


@pytest.fixture
def port():
    with serving_files(ROOT / "images") as port:
        yield port


def run(feed, output, port, *options):
    command = [sys.executable, "-m", "lookalike", "index", "--feed", feed, "--feed-host", f"127.0.0.1:{port}"]
    command += ["--output", output, "--no-tune", "--backbone", "efficientnet-lite0", *options]
    pipe = subprocess.PIPE
    return end(subprocess.Popen([*map(str, command)], cwd=ROOT, stdout=pipe, stderr=pipe, text=True))


def test_a_feed_is_embedded_by_ray_as_by_one_process(cluster, tmp_path, port):
    rows = [
        {"id": f"A{n}", "image_link": f"http://127.0.0.1:{port}/{path.name}", "price": f"{n}.90 EUR"}
        for n, path in enumerate(PICTURES)
    ]
    rows += [{"id": "gone", "image_link": f"http://127.0.0.1:{port}/none.jpg"}, {"id": "bare"}]
    feed = tmp_path / "feed.jsonl"
    feed.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, out, err = run(feed, tmp_path / "shop", port)
    assert code == 0 and "22 found, 20 indexed, 2 skipped" in out, err
    code, out, err = run(feed, tmp_path / "cluster", port, "--ray", cluster.address, "--shard-size", 6)
    assert code == 0 and "22 found, 20 indexed, 2 skipped" in out and "20 embedded" in out, err
    alone, together = index(tmp_path / "shop"), index(tmp_path / "cluster")
    assert {name: alone[name] for name in alone if name != "index.json"} == {
        name: together[name] for name in together if name != "index.json"
    }
    found = load_index(tmp_path / "cluster")
    assert found.attributes["A7"] == {"price": "7.90", "currency": "EUR"}
    with open(tmp_path / "cluster" / "skipped.csv", newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["path", "bare", "gone"]
    # The next run fetches and embeds only what is new.
    rows[0] = {**rows[0], "image_link": f"http://127.0.0.1:{port}/{NEW.name}"}
    feed.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, out, err = run(feed, tmp_path / "cluster", port, "--ray", cluster.address, "--shard-size", 6)
    assert code == 0 and "1 pictures fetched" in err and "1 embedded" in out, (out, err)
