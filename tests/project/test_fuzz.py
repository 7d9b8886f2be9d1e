"""A short run of every fuzzing target with a fixed seed. The long runs are fuzz/run.py and fuzz/guided.py."""

from random import Random

import pytest

from fuzz.run import fuzz, mutate
from fuzz.seeds import seeds_for
from fuzz.targets import TARGETS

RUNS = {"headers": 5000, "images": 1500, "sandboxed_images": 200, "pickles": 3000, "archives": 2000, "styles": 1000}


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
def test_any_bytes_are_accepted_or_refused_with_a_sentence(target):
    max_runs = RUNS.get(target.__name__, 3000)
    runs, findings = fuzz(target, max_runs=max_runs, seed=1)
    assert not findings, f"{findings[0][1]}\n{findings[0][0][:500]}"
    assert runs == max_runs


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
def test_the_first_seed_of_every_target_is_accepted(target):
    """If it were refused at once, the fuzzers would never reach the code behind the first check."""
    assert len(seeds_for(target.__name__)) >= 1
    target(seeds_for(target.__name__)[0])


def test_an_unexpected_exception_is_a_finding():
    def fragile(content):
        if b"\xff\xff" in content:
            raise KeyError("found")

    runs, findings = fuzz(fragile, max_runs=2000, seed=1, pool=[b"0123456789"])
    assert findings and b"\xff\xff" in findings[0][0] and "KeyError" in findings[0][1] and runs <= 2000


def test_the_same_seed_gives_the_same_inputs():
    first, again = ([mutate(random, [b"abc", b"xyz"]) for _ in range(99)] for random in (Random(5), Random(5)))
    assert first == again and len(set(first)) > 50
