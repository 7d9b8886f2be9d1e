"""How often one visitor may ask: a bucket of tokens each, filled at a steady rate."""

import threading
import time
from collections import OrderedDict

MAX_KEYS = 10_000


class RateLimit:
    """At most burst requests at once and per_minute on average, for each visitor's key; safe between threads.

    Keys are any hashable, kept in memory alone; of more than max_keys the one not seen for longest is
    forgotten, which gives it a full bucket again. clock returns seconds.
    """

    def __init__(self, per_minute, burst, clock=time.monotonic, max_keys=MAX_KEYS):
        if per_minute <= 0 or burst < 1 or max_keys < 1:
            raise ValueError("per_minute must be more than 0, burst and max_keys at least 1")
        self._every, self._burst = 60 / per_minute, burst
        self._clock, self._max_keys = clock, max_keys
        self._full_at = OrderedDict()
        self._lock = threading.Lock()

    def allow(self, key):
        """0.0 where the request is allowed, and counted; else the seconds to wait, and it costs nothing."""
        with self._lock:
            now = self._clock()
            # One number holds a whole bucket: when it will be full, every request putting that off.
            full_at = max(self._full_at.get(key, now), now) + self._every
            wait = full_at - now - self._burst * self._every
            # Whoever waited just as long as told must not be sent away over a rounded digit.
            if wait <= self._every * 1e-6:
                self._full_at[key] = full_at
                wait = 0.0
            self._remember(key)
            return wait

    def _remember(self, key):
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._max_keys:
            self._full_at.popitem(last=False)
