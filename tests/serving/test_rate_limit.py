import random
import threading

import pytest

from lookalike.serving.admission import RateLimit


class Clock:
    """A clock that stands still until a test moves it."""

    now = 1000.0

    def __call__(self):
        return self.now


def test_a_burst_then_the_steady_rate():
    clock = Clock()
    limit = RateLimit(per_minute=6, burst=3, clock=clock)
    assert [limit.allow("a") for _ in range(3)] == [0.0] * 3
    assert limit.allow("a") == pytest.approx(10)
    clock.now += 4
    assert limit.allow("a") == pytest.approx(6)  # the refused request cost nothing
    clock.now += 6
    assert limit.allow("a") == 0.0
    assert limit.allow("a") == pytest.approx(10)
    clock.now += 1e9
    assert [limit.allow("a") > 0 for _ in range(4)] == [False, False, False, True]  # a bucket is never more than full


def test_visitors_do_not_use_up_each_others_requests():
    limit = RateLimit(1, 1, Clock())
    assert limit.allow("a") == limit.allow("b") == limit.allow(("c", 1)) == 0.0
    assert limit.allow("a") == limit.allow("b") == pytest.approx(60)


@pytest.mark.parametrize("seed", range(20))
def test_waiting_as_long_as_told_is_enough_and_never_exceeds_the_rate(seed):
    dice, clock = random.Random(seed), Clock()
    per_minute, burst = dice.uniform(0.1, 600), dice.randint(1, 20)
    limit, started = RateLimit(per_minute, burst, clock), clock.now
    for allowed in range(1, 300):
        wait = limit.allow("a")
        if wait:
            clock.now += wait
            assert limit.allow("a") == 0.0
        assert allowed <= burst + (clock.now - started) * per_minute / 60 + 1e-3
        clock.now += dice.choice([0, 0, dice.expovariate(per_minute / 60)])


def test_memory_is_bounded_by_forgetting_the_visitor_not_seen_for_longest():
    limit = RateLimit(1, 1, Clock(), max_keys=3)
    for key in "abc":
        assert limit.allow(key) == 0.0
    assert limit.allow("a") > 0  # seen again, so b is the oldest
    assert limit.allow("d") == 0.0
    assert [limit.allow(key) > 0 for key in "acd"] == [True] * 3
    assert limit.allow("b") == 0.0


def test_a_clock_that_goes_back_does_not_lock_a_visitor_out():
    clock = Clock()
    limit = RateLimit(60, 2, clock)
    limit.allow("a")
    clock.now -= 1
    assert limit.allow("a") <= 2


def test_threads_together_get_no_more_than_one_thread():
    limit, answers = RateLimit(1, 50, Clock()), []
    start = threading.Barrier(8)

    def ask():
        start.wait()
        answers.extend(limit.allow("a") for _ in range(100))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 800 and answers.count(0.0) == 50


@pytest.mark.parametrize("arguments", [(0, 1), (-1, 1), (1, 0), (1, 0.5), (1, 1, Clock(), 0)])
def test_limits_that_allow_nothing_are_refused(arguments):
    with pytest.raises(ValueError, match="per_minute"):
        RateLimit(*arguments)


def test_a_request_may_count_as_several_but_never_as_more_than_all():
    limit = RateLimit(60, 4, clock=lambda: 0.0)
    assert limit.allow("a", 3) == 0 and limit.allow("a", 2) == pytest.approx(1) and limit.allow("a") == 0
    assert limit.allow("b", 100) == 0 and limit.allow("b") == pytest.approx(1)
