"""Fuzz every target for a while and count: python -m fuzz.run [--seconds 900] [--only NAME …] [--seed N]

Mutates valid inputs. The targets share the time, and findings are written to fuzz/findings/. fuzz.guided fuzzes one
target with coverage guidance.
"""

import argparse
import math
import sys
import time
import traceback
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from fuzz.seeds import seeds_for
from fuzz.targets import TARGETS, Target

FINDINGS = Path(__file__).parent / "findings"

# Shares of the time, 1 for every other target: images have the most to find and are slow to decode.
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
MAX_FINDINGS = 20
MAX_MEMORY_BYTES = 6 * 2**30


def mutate(random: Random, pool: Sequence[bytes]) -> bytes:
    """Return one of the pool with bytes changed, cut or repeated, or spliced with another."""
    data = bytearray(random.choice(pool))
    for _ in range(1 + int(random.expovariate(0.7))):
        at = random.randrange(len(data) + 1)
        change = random.randrange(6)
        if change == 0 and at < len(data):
            data[at] ^= 1 << random.randrange(8)
        elif change == 1:
            interesting = random.choice(INTERESTING)
            data[at : at + len(interesting)] = interesting
        elif change == 2:
            del data[at : at + 1 + int(random.expovariate(0.1))]
        elif change == 3:
            data[at:at] = data[at : at + 1 + random.randrange(16)] * (1 + random.randrange(4))
        elif change == 4:
            other = random.choice(pool)
            data[at:] = other[random.randrange(len(other) + 1) :]
        else:
            data[at:at] = random.randbytes(1 + random.randrange(8))
    return bytes(data)


def fuzz(
    target: Target, seconds: float = math.inf, max_runs: float = math.inf, seed: int = 0, pool: Sequence[bytes] = ()
) -> tuple[int, list[tuple[bytes, str]]]:
    """Run a target until time, runs or findings are used up; return the number of runs and the findings.

    pool are the inputs to mutate, by default the target's seeds. A finding is an input and its traceback.
    """
    pool, random = pool or seeds_for(target.__name__), Random(seed)  # noqa: S311
    findings: list[tuple[bytes, str]] = []
    end, runs = time.monotonic() + seconds, 0
    while runs < max_runs and len(findings) <= MAX_FINDINGS:
        content = pool[runs] if runs < len(pool) else mutate(random, pool)
        runs += 1
        try:
            target(content)
        except Exception:
            findings.append((content, traceback.format_exc()))
        if time.monotonic() > end:
            break
    return runs, findings


def save_findings(name: str, findings: Iterable[tuple[bytes, str]]) -> None:
    """Write one input for each distinct traceback."""
    distinct = {trace: content for content, trace in findings}
    for number, (trace, content) in enumerate(distinct.items()):
        FINDINGS.mkdir(exist_ok=True)
        (FINDINGS / f"{name}-{number}").write_bytes(content)
        (FINDINGS / f"{name}-{number}.txt").write_text(trace)


def limit_memory() -> None:
    """Make an input that asks for gigabytes fail with MemoryError, which the targets count as a finding."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fuzz every target and count the runs and findings.")
    parser.add_argument("--seconds", type=float, default=900, help="shared by all targets (default: 900)")
    names = [target.__name__ for target in TARGETS]
    parser.add_argument("--only", nargs="*", default=[], choices=names, help="only these targets", metavar="NAME")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the mutations (default: the time)")
    return parser.parse_args()


def main() -> int:
    options = parse_arguments()
    warnings.simplefilter("ignore")
    limit_memory()
    targets = [target for target in TARGETS if not options.only or target.__name__ in options.only]
    shares = {target: SHARES.get(target.__name__, 1.0) for target in targets}
    total = found = 0
    for target, share in shares.items():
        runs, findings = fuzz(target, options.seconds * share / sum(shares.values()), seed=options.seed)
        total, found = total + runs, found + len(findings)
        save_findings(target.__name__, findings)
        print(f"{target.__name__:16} {runs:9,} executions, {len(findings)} findings", flush=True)
    print(f"{'total':16} {total:9,} executions, {found} findings (seed {options.seed})")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
