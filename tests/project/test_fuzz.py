"""A short run of every fuzzing target with a fixed seed; the long ones are fuzz/run.py and fuzz/guided.py."""

import pytest

from fuzz.run import fuzz, mutated
from fuzz.seeds import seeds
from fuzz.targets import TARGETS

RUNS = {"headers": 5000, "images": 1500, "images_apart": 200, "pickles": 3000, "archives": 2000, "styles": 1000}


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
def test_nothing_but_sentences_comes_of_any_bytes(target):
    wanted = RUNS.get(target.__name__, 3000)
    done, findings = fuzz(target, runs=wanted, seed=1)
    assert not findings, f"{findings[0][1]}\n{findings[0][0][:500]}"
    assert done == wanted


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
def test_the_seeds_reach_what_is_fuzzed(target):
    """The first of each must get through, or everything after it is refused at the door."""
    assert len(seeds(target.__name__)) >= 1
    target(seeds(target.__name__)[0])


def test_a_finding_is_found():
    def fragile(content):
        if b"\xff\xff" in content:
            raise KeyError("found")

    done, findings = fuzz(fragile, runs=2000, seed=1, pool=[b"0123456789"])
    assert findings and b"\xff\xff" in findings[0][0] and "KeyError" in findings[0][1] and done <= 2000


def test_the_same_seed_gives_the_same_inputs():
    from random import Random

    first, again = ([mutated(draw, [b"abc", b"xyz"]) for _ in range(99)] for draw in (Random(5), Random(5)))
    assert first == again and len(set(first)) > 50
