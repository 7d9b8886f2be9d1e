"""Crowds before a real server: how soon everybody is answered, whether with their own answer, and its memory.

python benchmarks/load.py [--index DIR] [--photos DIR] [--people N …] [--each N] [--uploads N]

Everybody asks one photo after the other without a pause, and fetches the pictures of every answer. No two uploads are
the same file, so that no cache knows any. Each answer is held against what a visitor alone got for the same picture.
With --uploads, people then come and go until so many photos have been asked, and the server at rest may then need a
tenth more memory than after a first tenth of them. The exit code is 1 where anything was wrong.
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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import harness
from streamlit_client import LOST, PATIENCE, Visitor, visit

LEFT_OUT = "opening the page, fetching the pictures (between the answers), what a browser draws, any network"
# Streamlit keeps a session's photos for two minutes more: memory follows the crowd, and is compared at rest alone.
REST_SECONDS, MAX_GROWTH, PICTURES = 130, 0.10, 40
HEAD = ("people at once", "uploads", "p50", "p95", "p99", "a second", "errors", "not their own", "server", "client")


class Photos:
    """Different pictures, evenly spread over a folder, of which every use is a file never seen before."""

    def __init__(self, folder, kilobytes=0):
        paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
        self.paths = paths[:: max(1, len(paths) // PICTURES)][:PICTURES]
        self._contents = [path.read_bytes() for path in self.paths]
        self._least, self._numbers = kilobytes * 1000, itertools.count()

    def fresh(self, place):
        """The bytes of a picture and, behind its end, where no decoder reads, a number and what makes it so large."""
        return (self._contents[place] + b"%012d" % next(self._numbers)).ljust(self._least, b"\0")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", default=harness.ROOT, type=Path, help="folder of an index (default: the project's)")
    parser.add_argument(
        "--photos", default=harness.ROOT / "images", help="folder of JPEGs (default: the demo's images)"
    )
    parser.add_argument("--people", type=int, nargs="*", default=[1, 5, 10, 25], help="people at once")
    parser.add_argument("--each", type=int, default=4, help="photos that each of them asks (default: 4)")
    parser.add_argument("--kilobytes", type=int, default=1000, help="least size of an upload (default: 1000)")
    parser.add_argument("--uploads", type=int, default=0, help="photos to watch the memory over (default: 0)")
    parser.add_argument("--at-once", type=int, default=5, help="people at once meanwhile (default: 5)")
    parser.add_argument("--minutes", type=float, default=30, help="after which that ends (default: 30)")
    return parser.parse_args()


def main(options):
    photos = Photos(options.photos, options.kilobytes)
    if not photos.paths or not (options.index / "embeddings.pkl").is_file():
        sys.exit(f"JPEGs in {options.photos} and an index in {options.index} are needed: python extract_features.py")
    harness.print_head(f"index {options.index}, photos {options.photos}, {options.kilobytes} kB at least", LEFT_OUT)
    with server(options.index.resolve()) as (address, pid):
        alone = [visit(address, photos, [place])[0] for place in range(len(photos.paths))]
        problems, _ = judged(alone, expected := [done.products for done in alone])
        print(f"alone      {len(alone)} pictures, {len(set(expected))} different answers; then {memory(pid):.0f} MB\n")
        print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}", flush=True)
        for people in options.people:
            problems += row(address, pid, photos, expected, people, options)
        if options.uploads:
            problems += endurance(address, pid, photos, expected, options)
    wrong = [f"{times} × {problem}" for problem, times in Counter(problems).most_common()] or ["nothing was wrong"]
    print("", *wrong, sep="\n")
    return 1 if problems else 0


def row(address, pid, photos, expected, people, options):
    """Print a line of the table; the problems there were."""
    start, busy = time.perf_counter(), time.process_time()
    outcomes = crowd(address, photos, people, options.each)
    cores = (time.process_time() - busy) / (time.perf_counter() - start)
    errors, wrong = judged(outcomes, expected)
    cells = [people, len(outcomes), *speeds(outcomes), len(errors), len(wrong), f"{memory(pid):.0f} MB"]
    print(f"| {' | '.join(map(str, cells))} | {cores:.2f} cores |", flush=True)
    return errors + wrong


def speeds(outcomes):
    """The percentiles of the seconds to an answer, and answers a second, for people."""
    answered = [done for done in outcomes if done.seconds is not None]
    if not answered:
        return ["-"] * 4
    seconds = sorted(done.seconds for done in answered)
    span = max(done.start + done.seconds for done in answered) - min(done.start for done in answered)
    ranks = (math.ceil(share * len(seconds)) - 1 for share in (0.5, 0.95, 0.99))
    return [f"{seconds[rank]:.2f} s" for rank in ranks] + [f"{len(seconds) / span:.1f}"]


def crowd(address, photos, people, each):
    """The Outcomes of people who open the page, wait for one another, and then all ask each photos."""
    # One who cannot even open the page must not hold up the others for good.
    everybody = threading.Barrier(people, timeout=2 * PATIENCE)
    plans = [[(turn * people + who) % len(photos.paths) for turn in range(each)] for who in range(people)]
    with ThreadPoolExecutor(people) as pool:
        visits = pool.map(lambda plan: visit(address, photos, plan, everybody.wait), plans)
        return [outcome for outcomes in visits for outcome in outcomes]


def judged(outcomes, expected):
    """A sentence for each upload that went wrong, and one for each answer that is not this photo's own."""
    other = [done for done in outcomes if done.products and done.products != expected[done.place]]
    wrong = ["the answer to another photo" if done.products in expected else "an answer to no photo" for done in other]
    return [done.problems[0] for done in outcomes if done.problems], wrong


def endurance(address, pid, photos, expected, options):
    """Print the server's memory while people come and go, and at rest before and after; the problems there were."""
    end = time.perf_counter() + 60 * options.minutes
    warm, _ = coming_and_going(address, pid, photos, options, options.uploads // 10, end)
    before = at_rest(address, pid, photos)
    print(f"\nAt rest after {len(warm)} uploads: {before:.0f} MB; then, with {options.at_once} people at once:\n")
    outcomes, samples = coming_and_going(address, pid, photos, options, options.uploads, end)
    print("| uploads | minutes | server |\n|---|---|---|")
    for count, seconds, megabytes in samples[:: max(1, len(samples) // 10)]:
        print(f"| {count} | {seconds / 60:.1f} | {megabytes:.0f} MB |")
    growth = (after := at_rest(address, pid, photos)) / before - 1
    print(f"\nAt rest after {len(outcomes)} uploads more: {after:.0f} MB, {growth:+.1%}")
    errors, wrong = judged(warm + outcomes, expected)
    return errors + wrong + [f"the memory grew by more than {MAX_GROWTH:.0%}"] * (growth > MAX_GROWTH)


def at_rest(address, pid, photos):
    """The server's MB after a pause in which it may forget its visitors, which it does when later ones leave."""
    for pause in (REST_SECONDS, 1):
        time.sleep(pause)
        visit(address, photos, [0])
    return memory(pid)


def coming_and_going(address, pid, photos, options, uploads, end):
    """Outcomes of visit after visit for so many uploads, and (uploads, seconds, MB) of each second."""
    start, outcomes, samples, turn = time.perf_counter(), [], [], itertools.count()

    def come_and_go():
        while time.perf_counter() < end and len(outcomes) < uploads:
            outcomes.extend(visit(address, photos, [next(turn) % len(photos.paths) for _ in range(options.each)]))

    with ThreadPoolExecutor(options.at_once) as pool:
        going = [pool.submit(come_and_go) for _ in range(options.at_once)]
        while not samples or not all(visits.done() for visits in going):
            time.sleep(1)
            samples.append((len(outcomes), time.perf_counter() - start, memory(pid)))
    return outcomes, samples


@contextlib.contextmanager
def server(index):
    """The address and the process id of an app server over the folder of an index, which ends with the block."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address, port = "127.0.0.1", probe.getsockname()[1]
    options = ["--server.headless=true", f"--server.address={address}", f"--server.port={port}"]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *options]
    # Everybody comes from one address here. Without malloc's option glibc keeps what was freed, which hides a leak.
    variables = {"LOOKALIKE_INDEX": str(index), "LOOKALIKE_QUERIES_PER_MINUTE": "0", "LOOKALIKE_KEEP_UPLOADS": ""}
    variables["MALLOC_MMAP_THRESHOLD_"] = os.environ.get("MALLOC_MMAP_THRESHOLD_", "131072")
    silent = dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)
    process = subprocess.Popen(command, cwd=harness.ROOT, env=os.environ | variables, **silent)
    try:
        yield until_open(f"http://{address}:{port}", process), process.pid
    finally:
        process.terminate()
        process.wait(30)


def until_open(address, process, seconds=120):
    """The address, once the app's page opens there; exits where it does not."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(*LOST), Visitor(address):
            return address
        time.sleep(0.2)
    sys.exit(f"The app did not open at {address} within {seconds} s.")


def memory(pid):
    """Resident MB of a process and all that it started; what they share counts for each."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    processes = [tuple(map(int, line.split())) for line in listed.splitlines()]
    family = {pid}
    while more := {child for child, parent, _ in processes if parent in family} - family:
        family |= more
    return sum(size for each, _, size in processes if each in family) / 1000


if __name__ == "__main__":
    sys.exit(main(arguments()))
