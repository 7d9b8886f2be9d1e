"""A cache for what is computed from visitors' photos: kept for follow-up questions, then forgotten by the clock."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

# How often expired entries are removed. Nothing is kept longer than its time plus this.
SWEEP_SECONDS = 60.0


class ExpiringCache(Generic[Key, Value]):
    """Keeps at most max_entries values, each for some seconds. Threads may share it.

    A cache that drops expired entries only when a new one comes would keep the last photo of a quiet night until the
    morning. Here a thread removes them, for as long as there are any. clock returns seconds.
    """

    def __init__(
        self,
        max_entries: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sweep: float = SWEEP_SECONDS,
    ) -> None:
        self._max_entries, self._seconds, self._clock, self._sweep = max_entries, seconds, clock, sweep
        self._entries: OrderedDict[Key, tuple[Value, float]] = OrderedDict()
        self._lock = threading.Lock()
        self._is_sweeping = False

    def __contains__(self, key: Key) -> bool:
        with self._lock:
            return key in self._entries and self._clock() < self._entries[key][1]

    def get(
        self, key: Key, make: Callable[[], Value], is_worth_keeping: Callable[[Value], bool] = lambda value: True
    ) -> Value:
        """Return the value of a key. If there is none, call make and keep its result; its errors are not kept."""
        with self._lock:
            if key in self._entries and self._clock() < self._entries[key][1]:
                self._entries.move_to_end(key)
                return self._entries[key][0]
        value = make()
        if not is_worth_keeping(value):
            return value
        with self._lock:
            self._entries[key] = value, self._clock() + self._seconds
            self._entries.move_to_end(key)
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
            self._start_sweeping()
        return value

    def _start_sweeping(self) -> None:
        if self._is_sweeping:
            return
        try:
            threading.Thread(target=self._sweep_until_empty, name="expiring-cache", daemon=True).start()
        except (RuntimeError, MemoryError):
            # The machine has no thread left. Keep nothing that would never be forgotten.
            self._entries.clear()
        else:
            self._is_sweeping = True

    def _sweep_until_empty(self) -> None:
        while True:
            time.sleep(self._sweep)
            with self._lock, suppress(MemoryError):  # which must not end this thread; the next sweep tries again
                now = self._clock()
                for key in [key for key, (_, until) in self._entries.items() if until <= now]:
                    del self._entries[key]
                if not self._entries:
                    self._is_sweeping = False
                    return
