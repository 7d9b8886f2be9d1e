"""Real servers: what slow photos cost others, and what stays in memory when an index or a visitor goes."""

import io
import json
import os
import shutil
import threading
import time

import pytest
from PIL import Image

from benchmarks.streamlit_client import Visitor
from lookalike.settings import usable_cores
from tests.support.data import ROOT

PRODUCTS = sorted(path.stem for path in (ROOT / "images").glob("*.jpg"))


@pytest.fixture(scope="module")
def watched(tmp_path_factory, demo_index, serve):
    """A server over an index of its own, whose process says what is alive in it: (folder, address, alive)."""
    folder = tmp_path_factory.mktemp("watched")
    index, log = folder / "index", folder / "log"
    shutil.copytree(demo_index, index)
    address = serve(
        index,
        script="tests/support/watched_app.py",
        WATCHED_APP=str(log),
        LOOKALIKE_QUERIES_PER_MINUTE="0",
        STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL="3",
    )

    def alive():
        """Return what the watcher says after it has looked again."""
        lines = log.read_text().splitlines() if log.exists() else []
        while len(now := log.read_text().splitlines() if log.exists() else []) < len(lines) + 3:
            time.sleep(0.1)
        return json.loads(now[-1])

    return index, address, alive


def photo():
    """Return a photo that nobody has sent before."""
    return (ROOT / "images" / f"{PRODUCTS[0]}.jpg").read_bytes() + os.urandom(8)


def slow_photo(side=5000):
    buffer = io.BytesIO()
    Image.effect_noise((side, side), 80).convert("RGB").save(buffer, "AVIF", quality=30, speed=10)
    return buffer.getvalue()


def wait_until(seconds, is_so):
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.2)
    return is_so()


@pytest.mark.parametrize("who", ["first visitor", "one who takes over an index"])
def test_a_photo_is_given_up_with_the_visit_whoever_it_was(watched, who):
    index, address, alive = watched
    with Visitor(address) as visitor:
        visitor.upload(photo())
        if who != "first visitor":
            os.utime(index / "index.json")
            visitor.open("")
        assert alive()["photos"] >= 1
    time.sleep(4)

    def is_given_up():
        with Visitor(address):  # Streamlit gives up sessions whose time is over when somebody comes
            pass
        return alive()["photos"] == 0

    assert wait_until(20, is_given_up)


def test_an_open_dialog_keeps_no_replaced_index(watched):
    index, address, alive = watched
    with Visitor(address, f"product={PRODUCTS[0]}") as visitor:
        for _ in range(2):
            assert "why-" + visitor.page.products[0] in visitor.page.buttons
            visitor.press("why-" + visitor.page.products[0])
            os.utime(index / "index.json")
            with Visitor(address, f"product={PRODUCTS[1]}"):
                pass
            assert wait_until(10, lambda: alive()["indexes"] == 1)


def test_a_photo_chosen_just_when_a_run_begins_is_answered(watched):
    _, address, _ = watched
    for _ in range(30):
        with Visitor(address) as visitor:
            assert len(visitor.upload_while_a_run_begins(photo()).products) == 5


def test_a_visit_has_one_run_at_a_time(watched):
    _, address, alive = watched
    with Visitor(address) as visitor:
        for place in range(20):
            queries = [f"product={product}" for product in PRODUCTS[place : place + 5]]
            visitor.open_in_a_hurry(queries, 0.02)
    assert alive()["runs_at_once"] == 1


def test_a_product_is_found_at_once_while_others_wait_for_slow_photos(watched):
    _, address, _ = watched
    content = slow_photo()

    def ask_slowly():
        with Visitor(address) as visitor:
            for _ in range(4):
                visitor.upload(content + (16).to_bytes(4, "big") + b"free" + os.urandom(8), "photo.avif")
                done.append(visitor.page.problems)

    def seconds(product):
        with Visitor(address) as visitor:
            start = time.monotonic()
            assert len(visitor.open(f"product={product}").products) == 5
            return time.monotonic() - start

    alone, done = seconds(PRODUCTS[2]), []
    askers = [threading.Thread(target=ask_slowly) for _ in range(usable_cores())]
    for asker in askers:
        asker.start()
    time.sleep(1)
    meanwhile = [seconds(product) for product in PRODUCTS[3:8]]
    is_busy = len(done) < 4 * usable_cores()
    for asker in askers:
        asker.join()
    assert not any(done) and is_busy
    assert sorted(meanwhile)[2] < max(2.0, 4 * alone)
