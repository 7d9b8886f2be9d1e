"""How long the HTTP API takes for a photo, alone and with many askers at once, and how much memory it holds.

python benchmarks/api.py --index DIR --photos DIR [--times 100] [--askers 20] [--each 10]
python benchmarks/api.py --index DIR --photos DIR --beside-page

Each photo is asked once as the file that it is (multipart); an answer is timed from the first byte sent to the last one
received. Every answer must be 200 with five matches. The memory is the server's resident set after all of it.

With --beside-page, the page's server runs twice, without the API and with LOOKALIKE_API=1. A visitor of the page asks
it the same photos each time. Then the second one is asked by the API, by one asker and by many. What counts is how much
more memory it holds than the first.
"""

import argparse
import contextlib
import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import harness
from streamlit_client import Visitor

EDGE = "a-boundary-that-no-photo-has"
START_SECONDS = 120
MATCHES = 5


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True, help="folder of the index to serve")
    parser.add_argument("--photos", required=True, type=Path, help="folder of JPEGs to ask with, at any depth")
    parser.add_argument("--times", type=int, default=100, help="questions one after the other (default: 100)")
    parser.add_argument("--askers", type=int, default=20, help="askers at once (default: 20)")
    parser.add_argument("--each", type=int, default=10, help="questions of each of them (default: 10)")
    parser.add_argument("--beside-page", action="store_true", help="measure what the API adds to the page's memory")
    return parser.parse_args()


def main(options: argparse.Namespace) -> int:
    harness.print_head(options.photos, "the start of the server, and connecting")
    photos = [path.read_bytes() for path in itertools.islice(sorted(options.photos.rglob("*.jpg")), 500)]
    if options.beside_page:
        return compare_memory(options, photos)
    with run_server(options.index, "--api") as (port, process):
        errors = ask_all(port, photos, options)
        print(f"memory of the server: {resident_megabytes(process.pid):.0f} MB")
    return 1 if errors else 0


def ask_all(port: int, photos: Sequence[bytes], options: argparse.Namespace) -> list[str]:
    """Ask by one asker and by many, print both rows, and return what went wrong."""
    answers, many = Answers(port, photos), Answers(port, photos)
    answers.ask(0, 5)  # the first answers warm the engine
    answers.seconds.clear()
    answers.ask(5, options.times)
    print_row("one asker", answers)
    threads = [
        threading.Thread(target=many.ask, args=(number * options.each, options.each))
        for number in range(options.askers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print_row(f"{options.askers} askers", many)
    return answers.errors + many.errors


def compare_memory(options: argparse.Namespace, photos: Sequence[bytes]) -> int:
    """Print the memory of the page's server without and with the API beside it; return the exit code."""
    with run_server(options.index, "--headless") as (port, process):
        ask_page(port, photos[: options.times])
        without = resident_megabytes(process.pid)
    print(f"without the API, after {options.times} questions to the page: {without:.0f} MB")
    with run_server(options.index, "--headless", LOOKALIKE_API="1") as (port, process):
        ask_page(port, photos[: options.times])
        beside = resident_megabytes(process.pid)
        print(f"with it, after the same: {beside:.0f} MB, {beside - without:+.0f} MB", flush=True)
        errors = ask_all(port, photos, options)
        after = resident_megabytes(process.pid)
        print(f"with it, after the API's questions too: {after:.0f} MB, {after - without:+.0f} MB")
    return 1 if errors else 0


def ask_page(port: int, photos: Sequence[bytes]) -> None:
    """Upload photos to the page, one after the other, as a visitor."""
    with Visitor(f"http://127.0.0.1:{port}") as visitor:
        for photo in photos:
            if len(visitor.upload(photo).products) != MATCHES:
                sys.exit(f"The page answered a photo with {visitor.page.problems or visitor.page.products}")


class Answers:
    """Asks with photos and keeps how long each answer took, and what went wrong."""

    def __init__(self, port: int, photos: Sequence[bytes]) -> None:
        self._port, self._photos = port, photos
        self.seconds: list[float] = []
        self.errors: list[str] = []

    def ask(self, start: int, count: int) -> None:
        """Ask count times in one connection, from the photo with the number start."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        for number in range(start, start + count):
            body = as_form(self._photos[number % len(self._photos)])
            connection.connect()
            began = time.perf_counter()
            connection.request("POST", "/v1/similar", body, {"Content-Type": f"multipart/form-data; boundary={EDGE}"})
            response = connection.getresponse()
            content = response.read()
            self.seconds.append(time.perf_counter() - began)
            if response.status != 200 or len(json.loads(content)["matches"]) != MATCHES:
                self.errors.append(f"{response.status}: {content[:200]!r}")
            connection.close()


def as_form(photo: bytes) -> bytes:
    head = f'--{EDGE}\r\nContent-Disposition: form-data; name="photo"; filename="photo.jpg"\r\n\r\n'
    return head.encode() + photo + f"\r\n--{EDGE}--\r\n".encode()


def print_row(name: str, answers: Answers) -> None:
    p50, p95 = np.percentile(answers.seconds, [50, 95]) * 1000
    print(f"{name}: {len(answers.seconds)} answers, p50 {p50:.0f} ms, p95 {p95:.0f} ms, {len(answers.errors)} errors")
    for error in answers.errors[:3]:
        print(f"  {error}")


@contextlib.contextmanager
def run_server(index: str, *more: str, **settings: str) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """Run `lookalike serve` over an index, without a limit; yield its port and process once it would answer."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "lookalike", "serve", "--index", index, "--port", str(port), *more]
    quiet = {**os.environ, "LOOKALIKE_QUERIES_PER_MINUTE": "0", **settings}
    process = subprocess.Popen(
        command, cwd=harness.ROOT, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        # Without the API, the page's server has a health check of Streamlit's alone.
        wait_until_healthy(port, "/healthz" if "--api" in more or settings else "/_stcore/health")
        yield port, process
    finally:
        process.terminate()
        process.wait()


def wait_until_healthy(port: int, address: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", address)
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise TimeoutError(f"The API did not answer within {START_SECONDS} seconds.")


def resident_megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    sys.exit(main(parse_arguments()))
