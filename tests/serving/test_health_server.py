"""The server beside the app, asked over real HTTP, and the recommender that all threads share."""

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from functools import partial

import pytest

from lookalike.extraction.build import build_index
from lookalike.index.reading import load_index
from lookalike.search.recommender import Recommender
from lookalike.serving import health_server, telemetry
from lookalike.serving.health_server import start
from lookalike.serving.live_index import LiveRecommender, open_recommender
from tests.support.data import ROOT


@pytest.fixture
def fresh(monkeypatch):
    """The module as a new process has it, with a short interval; every server is closed at the end."""
    servers = []
    monkeypatch.setattr(health_server, "_servers", servers)
    monkeypatch.setattr(health_server, "INTERVAL", 0.05)
    monkeypatch.delenv("LOOKALIKE_METRICS_PORT", raising=False)
    yield
    for server in filter(None, servers):
        server.shutdown()
        server.server_close()


def serving(folder, load):
    """What gives the recommender over a folder, as deploy/serve.py has it."""
    live = LiveRecommender(folder, partial(open_recommender, load=load))
    return lambda: live.current()[0]


def ask(address, path, method="GET"):
    """Status, headers and text of an answer."""
    question = urllib.request.Request(f"http://{address[0]}:{address[1]}{path}", method=method)
    try:
        with urllib.request.urlopen(question, timeout=5) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode()


def health(address, wanted, saying="", seconds=20):
    """The answer of /healthz once its status is the one wanted and it says that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status, _, text = ask(address, "/healthz")
        if status == wanted and saying in text:
            return json.loads(text)
        time.sleep(0.02)
    raise AssertionError(f"/healthz went on with {status}: {text}")


def test_healthy_only_once_the_index_is_loaded_and_can_answer(fresh, toy_index, load):
    released = threading.Event()

    def slow():
        released.wait(20)
        return load(toy_index)

    address = start(slow, port=0)
    assert address[0] == "127.0.0.1"
    assert health(address, 503) == {"ok": False, "reason": "The index is being loaded."}
    released.set()
    answer = health(address, 200)
    assert answer.pop("index").isalnum()
    assert answer == {"ok": True, "products": 4, "backbone": "toy", "precision": "f32"}


def test_no_index_is_told_with_its_sentence_and_the_next_one_is_taken_over(fresh, catalogue, toy, load):
    folder = catalogue.parent
    address = start(serving(folder, load), port=0)
    assert health(address, 503, "There is no index in")["ok"] is False
    build_index(catalogue, folder, toy)
    assert health(address, 200)["products"] == 4
    first = health(address, 200)["index"]
    (catalogue / "4.png").unlink()
    build_index(catalogue, folder, toy)
    assert health(address, 200, '"products": 3')["index"] != first


def test_an_embedder_that_cannot_answer_is_not_healthy(fresh, toy_index, toy):
    def broken(pixels):
        raise RuntimeError("a library of this processor is missing")

    recommender = Recommender(load_index(toy_index), toy)
    toy.feature_maps = broken
    address = start(serving(toy_index, lambda folder, like: recommender), port=0)
    health(address, 503, '"The index cannot be loaded (RuntimeError)."')


def test_metrics_are_what_prometheus_reads(fresh, toy_index, load):
    before = time.time()
    address = start(serving(toy_index, load), port=0)
    health(address, 200)
    with telemetry.request("photo"), telemetry.stage("search"):
        pass
    status, headers, text = ask(address, "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain; version=")
    assert "lookalike_index_products 4.0\n" in text
    assert 'lookalike_stage_seconds_bucket{le="0.005",stage="search"}' in text
    assert 'lookalike_queries_total{kind="photo"}' in text and "lookalike_people_waiting 0.0\n" in text
    age = float(next(line for line in text.splitlines() if line.startswith("lookalike_index_age")).split()[1])
    assert 0 <= age <= time.time() - before + 60


def test_other_addresses_other_methods_and_its_headers(fresh, toy_index, load):
    address = start(serving(toy_index, load), port=0)
    health(address, 200)
    status, headers, text = ask(address, "/healthz", "HEAD")
    assert status == 200 and text == "" and headers["Cache-Control"] == "no-store"
    assert "Python" not in headers["Server"]
    assert ask(address, "/../../etc/passwd")[0] == 404 and ask(address, "/")[0] == 404
    assert ask(address, "/healthz", "POST")[0] == 501
    assert ask(address, "/healthz?probe=1")[0] == 200


def test_it_is_off_unless_a_port_is_set_and_starts_once(fresh, monkeypatch, toy_index, load):
    shop = serving(toy_index, load)
    assert start(shop) is None
    monkeypatch.setenv("LOOKALIKE_METRICS_PORT", "0")
    addresses = {start(shop) for _ in range(3)}
    assert len(addresses) == 1 and len(health_server._servers) == 1


@pytest.mark.parametrize("port", ["taken", "http", "99999"])
def test_a_port_that_cannot_be_had_does_not_close_the_shop(fresh, port):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1] if port == "taken" else port
        assert start(lambda: None, port=port) is None
        assert start(lambda: None, port=port) is None


def test_importing_it_needs_neither_streamlit_nor_an_engine():
    code = "import sys, lookalike.serving.health_server\n"
    code += "assert not {'streamlit', 'tensorflow', 'openvino'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
