"""Collect garbage every few seconds, instead of after every run of the page.

Streamlit would look at every object of the process after each run, and no other thread can compute meanwhile.
"""

import gc
import math
import threading
import time

EVERY_SECONDS = 5.0


class GarbageCollection:
    """Runs Python's garbage collection when asked to, at most once in every_seconds."""

    def __init__(self, every_seconds: float = EVERY_SECONDS) -> None:
        self._every_seconds, self._last = every_seconds, -math.inf
        self._lock = threading.Lock()

    def collect_if_due(self) -> bool:
        """Collect what nothing refers to any more, and return whether that was due."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if time.monotonic() - self._last < self._every_seconds:
                return False
            gc.collect()
            self._last = time.monotonic()
            return True
        finally:
            self._lock.release()
