"""What is kept for a while: found again, forgotten in time, and without anybody's asking."""

import threading
import time

import pytest

from lookalike.errors import ImageError
from lookalike.serving.expiring_cache import ExpiringCache


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def made(kept, *keys):
    """Which of the keys had to be made anew."""
    anew = []
    for key in keys:
        kept.get(key, lambda key=key: anew.append(key))
    return anew


def test_a_value_is_made_once_and_again_after_its_time():
    clock = Clock()
    kept = ExpiringCache(10, 60, clock)
    assert made(kept, "a", "a", "b", "a") == ["a", "b"]
    clock.now = 59.0
    assert made(kept, "a", "b") == []
    clock.now = 60.0
    assert made(kept, "a", "b") == ["a", "b"]


def test_of_too_many_the_one_not_asked_for_longest_goes():
    kept = ExpiringCache(2, 60, Clock())
    assert made(kept, "a", "b", "a", "c", "a", "b") == ["a", "b", "c", "b"]


def test_what_fails_is_tried_again():
    kept = ExpiringCache(2, 60)

    def fail():
        raise ImageError("no picture")

    for _ in range(2):
        with pytest.raises(ImageError):
            kept.get("a", fail)
    assert made(kept, "a") == ["a"]


def test_what_is_too_old_is_forgotten_though_nobody_asks():
    clock = Clock()
    kept = ExpiringCache(10, 60, clock, sweep=0.01)
    made(kept, "a")
    clock.now = 30.0
    made(kept, "b")
    clock.now = 70.0
    assert waited(lambda: list(kept._kept) == ["b"])
    clock.now = 100.0
    assert waited(lambda: not kept._kept)
    assert waited(lambda: not kept._sweeping), "no thread waits for nothing"
    assert made(kept, "c") == ["c"], "and it begins again"
    clock.now = 200.0
    assert waited(lambda: not kept._kept)


def test_what_no_thread_would_forget_is_not_kept(monkeypatch):
    def none_left(thread):
        raise RuntimeError("can't start new thread")

    kept = ExpiringCache(10, 60)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        assert made(kept, "a", "a") == ["a", "a"]
    assert made(kept, "a", "a") == ["a"]


def waited(happened, seconds=10.0):
    until = time.monotonic() + seconds
    while not happened() and time.monotonic() < until:
        time.sleep(0.01)
    return happened()
