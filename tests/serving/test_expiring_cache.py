"""Entries are found again, and forgotten in time even if nobody asks."""

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


def made(cache, *keys):
    """Ask for the keys in order and return those whose value had to be made."""
    missing = []
    for key in keys:
        cache.get(key, lambda key=key: missing.append(key))
    return missing


def test_a_value_is_made_once_and_again_after_its_time():
    clock = Clock()
    cache = ExpiringCache(10, 60, clock)
    assert made(cache, "a", "a", "b", "a") == ["a", "b"]
    clock.now = 59.0
    assert made(cache, "a", "b") == []
    clock.now = 60.0
    assert made(cache, "a", "b") == ["a", "b"]


def test_a_full_cache_drops_the_least_recently_used_entry():
    cache = ExpiringCache(2, 60, Clock())
    assert made(cache, "a", "b", "a", "c", "a", "b") == ["a", "b", "c", "b"]


def test_a_failed_value_is_made_again():
    cache = ExpiringCache(2, 60)

    def fail():
        raise ImageError("no picture")

    for _ in range(2):
        with pytest.raises(ImageError):
            cache.get("a", fail)
    assert made(cache, "a") == ["a"]


def test_expired_entries_are_removed_although_nobody_asks():
    clock = Clock()
    cache = ExpiringCache(10, 60, clock, sweep=0.01)
    made(cache, "a")
    clock.now = 30.0
    made(cache, "b")
    clock.now = 70.0
    assert waited(lambda: list(cache._entries) == ["b"])
    clock.now = 100.0
    assert waited(lambda: not cache._entries)
    assert waited(lambda: not cache._is_sweeping), "the thread ends when there is nothing left to remove"
    assert made(cache, "c") == ["c"], "and another one starts"
    clock.now = 200.0
    assert waited(lambda: not cache._entries)


def test_nothing_is_kept_that_no_thread_would_remove(monkeypatch):
    def none_left(thread):
        raise RuntimeError("can't start new thread")

    cache = ExpiringCache(10, 60)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        assert made(cache, "a", "a") == ["a", "a"]
    assert made(cache, "a", "a") == ["a"]


def waited(happened, seconds=10.0):
    until = time.monotonic() + seconds
    while not happened() and time.monotonic() < until:
        time.sleep(0.01)
    return happened()


def test_a_value_that_is_not_worth_keeping_is_made_again():
    cache = ExpiringCache(2, 60)
    assert [cache.get("a", lambda value=value: value, lambda value: value > 1) for value in (1, 2, 3)] == [1, 2, 2]
    assert "a" in cache and "b" not in cache
