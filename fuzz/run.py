"""Fuzz every target for a while and count: python -m fuzz.run [--seconds 900] [--only NAME …] [--seed N]

Good inputs are mutated; the time is shared by the targets and what is found is written to fuzz/findings/.
guided.py does the same to one target, guided by its coverage.
"""

import argparse
import sys
import time
import traceback
from itertools import count
from pathlib import Path
from random import Random

from fuzz.seeds import seeds
from fuzz.targets import TARGETS

HERE = Path(__file__).parent

# Shares of the time; a process of its own decodes slowly, and there is most to find among images.
SHARES = {"images": 3.0, "headers": 2.0}
INTERESTING = (
    b"\0",
    b"\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\x80\0\0\0",
    b"1e999",
    b"NaN",
    b'"',
    b"\n",
    b",",
)


def mutated(draw, pool):
    """One of the pool with some bytes changed, cut, doubled, or crossed with another."""
    data = bytearray(draw.choice(pool))
    for _ in range(1 + int(draw.expovariate(0.7))):
        at = draw.randrange(len(data) + 1)
        change = draw.randrange(6)
        if change == 0 and at < len(data):
            data[at] ^= 1 << draw.randrange(8)
        elif change == 1:
            interesting = draw.choice(INTERESTING)
            data[at : at + len(interesting)] = interesting
        elif change == 2:
            del data[at : at + 1 + int(draw.expovariate(0.1))]
        elif change == 3:
            data[at:at] = data[at : at + 1 + draw.randrange(16)] * (1 + draw.randrange(4))
        elif change == 4:
            other = draw.choice(pool)
            data[at:] = other[draw.randrange(len(other) + 1) :]
        else:
            data[at:at] = draw.randbytes(1 + draw.randrange(8))
    return bytes(data)


def fuzz(target, seconds=None, runs=None, seed=0, pool=None):
    """Run a target for so many seconds or runs; the number of runs and the findings (input, traceback)."""
    pool, findings = pool or seeds(target.__name__), []
    draw = Random(seed)  # noqa: S311
    end, done = time.monotonic() + (seconds or 1e9), 0
    for done in count(1):
        content = pool[done - 1] if done <= len(pool) else mutated(draw, pool)
        try:
            target(content)
        except Exception:
            findings.append((content, traceback.format_exc()))
        if (runs and done >= runs) or time.monotonic() > end or len(findings) > 20:
            return done, findings
    return done, findings


def keep(name, findings):
    """Write what was found, once a traceback."""
    folder = HERE / "findings"
    for number, (content, trace) in enumerate({trace: (content, trace) for content, trace in findings}.values()):
        folder.mkdir(exist_ok=True)
        (folder / f"{name}-{number}").write_bytes(content)
        (folder / f"{name}-{number}.txt").write_text(trace)


def limit_memory():
    """Whoever asks for gigabytes gets a MemoryError, which the targets count as a finding."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (6 * 2**30, 6 * 2**30))


def main():
    parser = argparse.ArgumentParser(description="Fuzz every target and count.")
    parser.add_argument("--seconds", type=float, default=900)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    targets = [target for target in TARGETS if not options.only or target.__name__ in options.only]
    shares = {target: SHARES.get(target.__name__, 1.0) for target in targets}
    limit_memory()
    total = found = 0
    for target, share in shares.items():
        runs, findings = fuzz(target, options.seconds * share / sum(shares.values()), seed=options.seed)
        total, found = total + runs, found + len(findings)
        keep(target.__name__, findings)
        print(f"{target.__name__:14} {runs:9,} executions, {len(findings)} findings", flush=True)
    print(f"{'in all':14} {total:9,} executions, {found} findings (seed {options.seed})")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
