"""A server under everything at once, for a while: does anything go wrong, and does anything stay?

python benchmarks/soak.py [--minutes N] [--askers N] [--index DIR] [--photos DIR]

Askers come and go. Each uploads photos and opens products, and some leave with a "Why?" dialog open. Among the quick
photos are slow ones: AVIFs of many megapixels. The index is replaced every two minutes by one of the same products, and
twice the server's memory is limited for half a minute to little more than it has. Each answer is compared with an exact
search made here. The exit code is 1 after an error while memory was free, a wrong answer, memory that grew after the
first half by more than a tenth, an index that was replaced and stayed, or a photo alive two minutes after its last tab.
"""

import argparse
import contextlib
import io
import itertools
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

import harness
import load
from lookalike.search.loading import load_recommender
from lookalike.search.recommender import Recommender
from streamlit_client import CONNECTION_ERRORS, Page, Visitor

LEFT_OUT = "what a browser draws, any network, the proxy"
REPLACED_EVERY, SQUEEZED_FOR, SPARE_BYTES = 120.0, 30.0, 60 * 2**20
# Streamlit gives up a session two minutes after its tab, when somebody comes; the rest is for the visit that comes.
GIVEN_UP_AFTER = 135.0
SLOW_SHARE, SLOW_SIDES = 0.05, (4000, 5000)
MAX_GROWTH = 0.10


@dataclass
class Findings:
    """What the askers met with. Threads may share it."""

    answers: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    problems: Counter[str] = field(default_factory=Counter)
    is_squeezed: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, seconds: float, page: Page, expected: list[str], before: Page) -> None:
        """Count an answer, and what is wrong with it. While memory is short a sentence is right, too.

        before is the page that the visitor saw until then.
        """
        with self.lock:
            if page.problems:
                kept = "" if self.is_squeezed.is_set() else "error: "
                (self.answers if not kept else self.problems)[f"{kept}{page.problems[0][:100]}"] += 1
            elif page.products != expected:
                stale = " (as before)" if page.products == before.products else ""
                self.problems[f"a wrong answer to a {kind}: {page.products}{stale} instead of {expected}"] += 1
            else:
                self.answers[kind] += 1
                self.seconds.setdefault(kind, []).append(seconds)


class Asker:
    """Asks until the end, in one visit after another."""

    def __init__(self, address: str, expected: "Expected", findings: Findings, seed: int, end: float) -> None:
        self.address, self.expected, self.findings, self.end = address, expected, findings, end
        self.dice = random.Random(seed)

    def run(self) -> None:
        while time.monotonic() < self.end:
            try:
                with Visitor(self.address) as visitor:
                    for _ in range(self.dice.randrange(2, 6)):
                        self.ask(visitor)
                    self.leave(visitor)
            except CONNECTION_ERRORS as error:
                with self.findings.lock:
                    kind = "answers" if self.findings.is_squeezed.is_set() else "problems"
                    getattr(self.findings, kind)[f"{type(error).__name__}: {error}"[:100]] += 1
                time.sleep(1)

    def ask(self, visitor: Visitor) -> None:
        draw, start, before = self.dice.random(), time.perf_counter(), visitor.page
        if draw < SLOW_SHARE:
            kind, (photo, products) = "slow photo", self.expected.slow_photo()
            page = visitor.upload(photo, "photo.avif")
        elif draw < 0.6:
            kind, (photo, products) = "photo", self.expected.photo(self.dice)
            page = visitor.upload(photo)
        else:
            kind, (identity, products) = "product", self.expected.product(self.dice)
            page = visitor.open(f"product={identity}")
        self.findings.note(kind, time.perf_counter() - start, page, products, before)

    def leave(self, visitor: Visitor) -> None:
        """Leave, now and then with a dialog open and after a while."""
        if visitor.page.products and self.dice.random() < 0.5:
            visitor.press(f"why-{visitor.page.products[0]}")
            time.sleep(self.dice.random() * 5)


class Expected:
    """Questions and their answers, by exact search over the index in this process."""

    def __init__(self, recommender: Recommender, photos: load.Photos) -> None:
        self.recommender, self.photos, self._numbers = recommender, photos, itertools.count()
        self._answers = [self._search(photos.fresh(place)) for place in range(len(photos.paths))]
        buffer = io.BytesIO()
        Image.open(photos.paths[0]).convert("RGB").resize(SLOW_SIDES).save(buffer, "AVIF", quality=60, speed=10)
        self._slow = buffer.getvalue()
        self._slow_answer = self._search(self._slow)

    def photo(self, dice: random.Random) -> tuple[bytes, list[str]]:
        place = dice.randrange(len(self._answers))
        return self.photos.fresh(place), self._answers[place]

    def slow_photo(self) -> tuple[bytes, list[str]]:
        # A box that decoders skip makes it a file never seen before.
        number = b"%08d" % next(self._numbers)
        return self._slow + (8 + len(number)).to_bytes(4, "big") + b"free" + number, self._slow_answer

    def product(self, dice: random.Random) -> tuple[str, list[str]]:
        row = dice.randrange(len(self.recommender.index.names))
        matches = self.recommender.distinct_matches(self.recommender.product_vectors(row), 5, excluded=[row])
        return self.recommender.index.identity(row), [match.product.identity for match in matches]

    def _search(self, photo: bytes) -> list[str]:
        return [match.product.identity for match in self.recommender.similar(photo)]


def main(options: argparse.Namespace) -> int:
    photos = load.Photos(options.photos, kilobytes=300)
    harness.print_head(f"index {options.index}, photos {options.photos}, {options.askers} askers", LEFT_OUT)
    findings, end = Findings(), time.monotonic() + options.minutes * 60
    with tempfile.TemporaryDirectory() as folder:
        index, watched = Path(folder, "index"), Path(folder, "watched")
        shutil.copytree(options.index, index, ignore=lambda _, names: [n for n in names if not _is_of_index(n)])
        os.symlink(options.index / "images", index / "images")
        expected = Expected(load_recommender(index), photos)
        script = str(harness.ROOT / "tests" / "support" / "watched_app.py")
        with load.run_server(index, script, WATCHED_APP=str(watched)) as (address, pid), ThreadPoolExecutor() as pool:
            askers = [Asker(address, expected, findings, seed, end) for seed in range(options.askers)]
            asking = [pool.submit(asker.run) for asker in askers]
            samples = list(disturb(index, pid, watched, findings, end))
            for done in asking:
                done.result()
            left = wait_until_given_up(address, watched)
    return report(findings, samples, left)


def disturb(
    index: Path, pid: int, watched: Path, findings: Findings, end: float
) -> Iterator[tuple[float, float, dict[str, int]]]:
    """Replace the index and squeeze the memory until the end; yield (time, MB, what is alive) every ten seconds."""
    start = time.monotonic()
    replaced, squeezes = start, [start + (end - start) * share for share in (0.3, 0.6)]
    while (now := time.monotonic()) < end:
        if now - replaced >= min(REPLACED_EVERY, (end - start) / 4):
            replaced = now
            os.utime(index / "index.json")
        if squeezes and now >= squeezes[0]:
            squeezes.pop(0)
            squeeze(pid, findings)
        yield now - start, load.memory(pid), alive(watched)
        time.sleep(10)


def squeeze(pid: int, findings: Findings) -> None:
    """Limit a process's address space for a while to little more than it uses."""
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    findings.is_squeezed.set()
    resource.prlimit(pid, resource.RLIMIT_AS, (used + SPARE_BYTES, before[1]))
    time.sleep(SQUEEZED_FOR)
    resource.prlimit(pid, resource.RLIMIT_AS, before)
    time.sleep(10)  # for answers that began while memory was short
    findings.is_squeezed.clear()


def wait_until_given_up(address: str, watched: Path) -> dict[str, int]:
    """Wait as long as photos may live without a tab, come and go a few times, and return what is alive then."""
    time.sleep(GIVEN_UP_AFTER)
    for _ in range(5):
        with contextlib.suppress(*CONNECTION_ERRORS), Visitor(address):
            pass
        time.sleep(4)
        if not (left := alive(watched))["photos"]:
            break
    return left


def alive(watched: Path) -> dict[str, int]:
    """Return the last line that the server's watcher has written whole."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        found: dict[str, int] = json.loads(watched.read_text().splitlines()[-2])
        return found
    return {"photos": 0, "indexes": 0}


def report(findings: Findings, samples: list[tuple[float, float, dict[str, int]]], left: dict[str, int]) -> int:
    """Print what was found; return the exit code."""
    print(f"\n| answers | number | p50 | p95 |\n|{'---|' * 4}")
    for kind, times in sorted(findings.seconds.items()):
        print(f"| {kind} | {len(times)} | {np.percentile(times, 50):.2f} s | {np.percentile(times, 95):.2f} s |")
    sentences = {words: times for words, times in findings.answers.items() if words not in findings.seconds}
    short = [f"{times} × {words}" for words, times in sentences.items()]
    print("while memory was short:", *(short or ["nothing but answers"]), sep="\n  ")
    problems = [f"{times} × {words}" for words, times in findings.problems.most_common()]
    if len(samples) >= 4:
        halves = samples[len(samples) // 2 : len(samples) * 3 // 4], samples[len(samples) * 3 // 4 :]
        early, late = (float(np.median([megabytes for _, megabytes, _ in half])) for half in halves)
        print(f"memory     {samples[0][1]:.0f} MB at first, third quarter {early:.0f} MB, last quarter {late:.0f} MB")
        if late > early * (1 + MAX_GROWTH):
            problems.append(f"memory grew from {early:.0f} to {late:.0f} MB")
    most = max((seen["indexes"] for _, _, seen in samples), default=0)
    print(f"alive      at most {most} indexes at once; {left} after the last tab")
    if left["photos"] or left["indexes"] > 1 or most > 3:
        problems.append(f"at most {most} indexes at once, {left} left at the end")
    print("", *(problems or ["nothing was wrong"]), sep="\n")
    return 1 if problems else 0


def _is_of_index(name: str) -> bool:
    return name.endswith((".pkl", ".npz", ".json", ".csv"))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", default=harness.ROOT, type=Path, help="folder of an index (default: the project's)")
    parser.add_argument(
        "--photos", default=harness.ROOT / "images", help="folder of JPEGs (default: the demo's images)"
    )
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: 60)")
    parser.add_argument("--askers", type=int, default=10, help="how many at once (default: 10)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(parse_arguments()))
