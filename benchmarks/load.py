"""Many visitors at a real server: how fast each is answered, whether with their own answer, and the server's memory.

python benchmarks/load.py [--index DIR] [--photos DIR] [--people N …] [--each N] [--uploads N]

Each visitor uploads one photo after the other without a pause, and fetches the pictures of every answer. No two
uploads are the same file, so that no cache has any of them. Each answer is compared with the one that a visitor alone
got for the same picture. With --uploads, visitors then come and go until that many photos were uploaded; the idle
server may then need at most a tenth more memory than after the first tenth of them. The exit code is 1 if anything was
wrong.
"""

import argparse
import contextlib
import itertools
import math
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import harness
from lookalike.errors import INDEX_COMMAND
from streamlit_client import CONNECTION_ERRORS, TIMEOUT, Outcome, Visitor, visit

LEFT_OUT = "opening the page, fetching the pictures (between the answers), what a browser draws, any network"
# Streamlit keeps a session's photos for two more minutes, so memory is compared only when the server is idle.
IDLE_SECONDS, MAX_GROWTH, PICTURES = 130, 0.10, 40
HEAD = ("people at once", "uploads", "p50", "p95", "p99", "a second", "errors", "not their own", "server", "client")

Answer = tuple[str, ...]
"""The ids of the products of an answer."""


class Photos:
    """Different pictures, evenly spread over a folder. Each use of one is a file never seen before."""

    def __init__(self, folder: str | Path, kilobytes: int = 0) -> None:
        paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
        self.paths = paths[:: max(1, len(paths) // PICTURES)][:PICTURES]
        self._contents = [path.read_bytes() for path in self.paths]
        self._min_bytes, self._numbers = kilobytes * 1000, itertools.count()

    def fresh(self, place: int) -> bytes:
        """Return the bytes of a picture, with a number and padding after its end, where no decoder reads."""
        return (self._contents[place] + b"%012d" % next(self._numbers)).ljust(self._min_bytes, b"\0")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", default=harness.ROOT, type=Path, help="folder of an index (default: the project's)")
    images = harness.ROOT / "images"
    parser.add_argument("--photos", default=images, help="folder of JPEGs (default: the demo's images)")
    parser.add_argument("--people", type=int, nargs="*", default=[1, 5, 10, 25], help="visitors at the same time")
    parser.add_argument("--each", type=int, default=4, help="photos that each visitor uploads (default: 4)")
    parser.add_argument("--kilobytes", type=int, default=1000, help="minimum size of an upload (default: 1000)")
    parser.add_argument("--uploads", type=int, default=0, help="photos over which to watch the memory (default: 0)")
    parser.add_argument("--at-once", type=int, default=5, help="visitors at the same time meanwhile (default: 5)")
    parser.add_argument("--minutes", type=float, default=30, help="time limit of that part (default: 30)")
    return parser.parse_args()


def main(options: argparse.Namespace) -> int:
    photos = Photos(options.photos, options.kilobytes)
    if not photos.paths or not (options.index / "embeddings.pkl").is_file():
        sys.exit(f"JPEGs in {options.photos} and an index in {options.index} are needed. Run: {INDEX_COMMAND}")
    harness.print_head(f"index {options.index}, photos {options.photos}, {options.kilobytes} kB at least", LEFT_OUT)
    with run_server(options.index.resolve()) as (address, pid):
        alone = [visit(address, photos, [place])[0] for place in range(len(photos.paths))]
        expected = [outcome.products for outcome in alone]
        problems, _ = find_problems(alone, expected)
        megabytes = memory(pid)
        print(f"alone      {len(alone)} pictures, {len(set(expected))} different answers; then {megabytes:.0f} MB\n")
        print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
        for people in options.people:
            problems += print_row(address, pid, photos, expected, people, options)
        if options.uploads:
            problems += watch_memory(address, pid, photos, expected, options)
    found = [f"{times} × {problem}" for problem, times in Counter(problems).most_common()] or ["nothing was wrong"]
    print("", *found, sep="\n")
    return 1 if problems else 0


def print_row(
    address: str, pid: int, photos: Photos, expected: Sequence[Answer], people: int, options: argparse.Namespace
) -> list[str]:
    """Print a line of the table, and return the problems."""
    start, busy = time.perf_counter(), time.process_time()
    outcomes = visit_at_once(address, photos, people, options.each)
    cores = (time.process_time() - busy) / (time.perf_counter() - start)
    errors, wrong = find_problems(outcomes, expected)
    cells = [people, len(outcomes), *speeds(outcomes), len(errors), len(wrong), f"{memory(pid):.0f} MB"]
    print(f"| {' | '.join(map(str, cells))} | {cores:.2f} cores |", flush=True)
    return errors + wrong


def speeds(outcomes: Sequence[Outcome]) -> list[str]:
    """Return as text the percentiles of the seconds to an answer, and the answers a second."""
    answered = [(outcome.start, outcome.seconds) for outcome in outcomes if outcome.seconds is not None]
    if not answered:
        return ["-"] * 4
    ordered = sorted(seconds for _, seconds in answered)
    span = max(start + seconds for start, seconds in answered) - min(start for start, _ in answered)
    ranks = (math.ceil(share * len(ordered)) - 1 for share in (0.5, 0.95, 0.99))
    return [f"{ordered[rank]:.2f} s" for rank in ranks] + [f"{len(ordered) / span:.1f}"]


def visit_at_once(address: str, photos: Photos, people: int, each: int) -> list[Outcome]:
    """Return the outcomes of visitors who open the page, wait for one another, and then upload each photos."""
    # The timeout keeps a visitor who cannot open the page from holding up the others forever.
    everybody = threading.Barrier(people, timeout=2 * TIMEOUT)
    plans = [[(turn * people + who) % len(photos.paths) for turn in range(each)] for who in range(people)]
    with ThreadPoolExecutor(people) as pool:
        visits = pool.map(lambda plan: visit(address, photos, plan, everybody.wait), plans)
        return [outcome for outcomes in visits for outcome in outcomes]


def find_problems(outcomes: Sequence[Outcome], expected: Sequence[Answer]) -> tuple[list[str], list[str]]:
    """Return a sentence for each upload that failed, and one for each answer that belongs to another photo."""
    other = [outcome.products for outcome in outcomes if outcome.products not in ((), expected[outcome.place])]
    wrong = ["the answer to another photo" if ids in expected else "an answer to no photo" for ids in other]
    return [outcome.problems[0] for outcome in outcomes if outcome.problems], wrong


def watch_memory(
    address: str, pid: int, photos: Photos, expected: Sequence[Answer], options: argparse.Namespace
) -> list[str]:
    """Print the server's memory while visitors come and go, and idle before and after; return the problems."""
    end = time.perf_counter() + 60 * options.minutes
    warm, _ = come_and_go(address, pid, photos, options, options.uploads // 10, end)
    before = idle_memory(address, pid, photos)
    print(f"\nIdle after {len(warm)} uploads: {before:.0f} MB; then, with {options.at_once} visitors at once:\n")
    outcomes, samples = come_and_go(address, pid, photos, options, options.uploads, end)
    print("| uploads | minutes | server |\n|---|---|---|")
    for count, seconds, megabytes in samples[:: max(1, len(samples) // 10)]:
        print(f"| {count} | {seconds / 60:.1f} | {megabytes:.0f} MB |")
    after = idle_memory(address, pid, photos)
    growth = after / before - 1
    print(f"\nIdle after {len(outcomes)} more uploads: {after:.0f} MB, {growth:+.1%}")
    errors, wrong = find_problems(warm + outcomes, expected)
    return errors + wrong + [f"the memory grew by more than {MAX_GROWTH:.0%}"] * (growth > MAX_GROWTH)


def idle_memory(address: str, pid: int, photos: Photos) -> float:
    """Return the server's MB after a pause. Streamlit forgets its visitors only when later ones leave."""
    for pause in (IDLE_SECONDS, 1):
        time.sleep(pause)
        visit(address, photos, [0])
    return memory(pid)


def come_and_go(
    address: str, pid: int, photos: Photos, options: argparse.Namespace, uploads: int, end: float
) -> tuple[list[Outcome], list[tuple[int, float, float]]]:
    """Return the outcomes of visit after visit for that many uploads, and (uploads, seconds, MB) of each second."""
    start, turn = time.perf_counter(), itertools.count()
    outcomes: list[Outcome] = []
    samples: list[tuple[int, float, float]] = []

    def keep_visiting() -> None:
        while time.perf_counter() < end and len(outcomes) < uploads:
            outcomes.extend(visit(address, photos, [next(turn) % len(photos.paths) for _ in range(options.each)]))

    with ThreadPoolExecutor(options.at_once) as pool:
        visitors = [pool.submit(keep_visiting) for _ in range(options.at_once)]
        while not samples or not all(visitor.done() for visitor in visitors):
            time.sleep(1)
            samples.append((len(outcomes), time.perf_counter() - start, memory(pid)))
    return outcomes, samples


@contextlib.contextmanager
def run_server(index: Path, script: str = "app.py", **environment: str) -> Iterator[tuple[str, int]]:
    """Run an app server over the folder of an index within the block; yield its address and its process id."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address, port = "127.0.0.1", probe.getsockname()[1]
    options = ["--server.headless=true", f"--server.address={address}", f"--server.port={port}"]
    command = [sys.executable, "-m", "streamlit", "run", script, *options]
    # No limit on questions, since all visitors share one address here. Without malloc's option, glibc keeps freed
    # memory, which hides a leak.
    variables = {"LOOKALIKE_INDEX": str(index), "LOOKALIKE_QUERIES_PER_MINUTE": "0", "LOOKALIKE_KEEP_UPLOADS": ""}
    variables["MALLOC_MMAP_THRESHOLD_"] = os.environ.get("MALLOC_MMAP_THRESHOLD_", "131072")
    silent = dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)
    process = subprocess.Popen(command, cwd=harness.ROOT, env=os.environ | variables | environment, **silent)
    try:
        yield wait_until_open(f"http://{address}:{port}", process), process.pid
    finally:
        process.terminate()
        process.wait(30)


def wait_until_open(address: str, process: subprocess.Popen[bytes], seconds: float = 120) -> str:
    """Return the address once the app's page opens there; exit if it does not."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(*CONNECTION_ERRORS), Visitor(address):
            return address
        time.sleep(0.2)
    sys.exit(f"The app did not open at {address} within {seconds} s.")


def memory(pid: int) -> float:
    """Return the resident MB of a process and all its descendants; shared pages count once for each."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    processes = [tuple(map(int, line.split())) for line in listed.splitlines()]
    family = {pid}
    while more := {child for child, parent, _ in processes if parent in family} - family:
        family |= more
    return sum(size for each, _, size in processes if each in family) / 1000


if __name__ == "__main__":
    sys.exit(main(parse_arguments()))
