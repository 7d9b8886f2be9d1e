"""The server beside the app, over real HTTP."""

import contextlib
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

import lookalike
from lookalike.errors import ImageError
from lookalike.extraction.build import build_index
from lookalike.index.reading import load_index
from lookalike.search.recommender import Recommender
from lookalike.serving import telemetry
from lookalike.serving.health_server import start_health_server
from lookalike.serving.live_index import LiveRecommender, open_recommender
from tests.support.data import ROOT


@pytest.fixture
def start():
    """start(load) starts a server with a short interval and returns its address; all are closed at the end."""
    servers = []

    def start(load):
        servers.append(start_health_server(load, "0", interval=0.05))
        return servers[-1].server_address

    yield start
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def no_recent_answers():
    """What other tests of this process have asked does not count."""
    telemetry._recent.clear()
    yield
    telemetry._recent.clear()


def serving(folder, load):
    """Return a function that gives the recommender over a folder, as the app has it."""
    live = LiveRecommender(folder, partial(open_recommender, load=load))
    return lambda: live.current()[0]


def ask(address, path, method="GET"):
    """Return the status, headers and text of an answer."""
    question = urllib.request.Request(f"http://{address[0]}:{address[1]}{path}", method=method)
    try:
        with urllib.request.urlopen(question, timeout=5) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers, answer.read().decode()


def health(address, wanted, saying="", seconds=20):
    """Return the answer of /healthz once it has the wanted status and text."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status, _, text = ask(address, "/healthz")
        if status == wanted and saying in text:
            return json.loads(text)
        time.sleep(0.02)
    raise AssertionError(f"/healthz still answers {status}: {text}")


def test_it_is_healthy_only_once_the_index_is_loaded_and_can_answer(start, toy_index, load):
    released = threading.Event()

    def slow():
        released.wait(20)
        return load(toy_index)

    address = start(slow)
    assert address[0] == "127.0.0.1"
    assert health(address, 503) == {"ok": False, "reason": "The index is being loaded."}
    released.set()
    answer = health(address, 200)
    assert answer.pop("index").isalnum()
    assert answer == {"ok": True, "products": 4, "backbone": "toy", "precision": "f32"}


def test_a_missing_index_is_reported_with_its_sentence_and_the_next_one_is_taken_over(start, catalogue, toy, load):
    folder = catalogue.parent
    address = start(serving(folder, load))
    assert health(address, 503, "There is no index in")["ok"] is False
    build_index(catalogue, folder, toy)
    assert health(address, 200)["products"] == 4
    first = health(address, 200)["index"]
    (catalogue / "4.png").unlink()
    build_index(catalogue, folder, toy)
    assert health(address, 200, '"products": 3')["index"] != first


def test_an_embedder_that_cannot_answer_is_not_healthy(start, toy_index, toy):
    def broken(pixels):
        raise RuntimeError("a library of this processor is missing")

    recommender = Recommender(load_index(toy_index), toy)
    toy.feature_maps = broken
    address = start(serving(toy_index, lambda folder, like: recommender))
    health(address, 503, '"The index cannot be loaded (RuntimeError)."')


def test_prometheus_can_read_the_metrics(start, toy_index, load):
    before = time.time()
    address = start(serving(toy_index, load))
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


def test_it_answers_only_get_and_head_of_its_two_addresses_and_does_not_name_its_software(start, toy_index, load):
    address = start(serving(toy_index, load))
    health(address, 200)
    status, headers, text = ask(address, "/healthz", "HEAD")
    assert status == 200 and text == "" and headers["Cache-Control"] == "no-store"
    assert "Python" not in headers["Server"]
    assert ask(address, "/../../etc/passwd")[0] == 404 and ask(address, "/")[0] == 404
    assert ask(address, "/healthz", "POST")[0] == 501
    assert ask(address, "/healthz?probe=1")[0] == 200


@pytest.mark.parametrize("port", ["taken", "http", "99999"])
def test_an_unusable_port_is_no_error(port):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1]) if port == "taken" else port
        assert start_health_server(lambda: None, port) is None


def test_importing_it_needs_neither_streamlit_nor_an_engine():
    code = "import sys, lookalike.serving.health_server\n"
    code += "assert not {'streamlit', 'tensorflow', 'openvino'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_it_is_not_healthy_while_most_answers_fail(start, toy_index, load):
    address = start(serving(toy_index, load))
    health(address, 200)

    def ask_question(error=None):
        with contextlib.suppress(Exception), telemetry.request("photo"):
            if error:
                raise error

    for _ in range(3):
        ask_question(ImageError("The photo is not an image."))  # the visitor's own doing
    health(address, 200)
    for _ in range(3):
        ask_question(MemoryError())
    assert "answers of the last minute failed" in health(address, 503)["reason"]
    for _ in range(4):
        ask_question()
    health(address, 200)


def test_the_metrics_say_what_runs_and_what_it_uses(start, toy_index, load):
    _, _, text = ask(start(serving(toy_index, load)), "/metrics")
    assert "lookalike_build_info{" in text and f'version="{lookalike.__version__}"' in text
    assert "process_resident_memory_bytes" in text and "process_open_fds" in text
