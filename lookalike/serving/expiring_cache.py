"""What is computed of visitors' photos: kept for follow-up questions, and forgotten by the clock."""

import threading
import time
from collections import OrderedDict

# How often what is too old is looked for; nothing is kept longer than its time and this.
SWEEP_SECONDS = 60.0


class ExpiringCache:
    """At most so many values for so many seconds, by key; safe between threads.

    A cache that drops what is too old only when something new comes would keep a quiet night's last photo until the
    morning: here a thread looks, for as long as there is something to forget. clock returns seconds.
    """

    def __init__(self, most, seconds, clock=time.monotonic, sweep=SWEEP_SECONDS):
        self._most, self._seconds, self._clock, self._sweep = most, seconds, clock, sweep
        self._kept = OrderedDict()
        self._lock = threading.Lock()
        self._sweeping = False

    def get(self, key, make):
        """The value kept by that key, made by make() and kept where there is none; what make raises is not kept."""
        with self._lock:
            value, until = self._kept.get(key, (None, 0.0))
            if self._clock() < until:
                self._kept.move_to_end(key)
                return value
        value = make()
        with self._lock:
            self._kept[key] = value, self._clock() + self._seconds
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            self._start_sweeping()
        return value

    def _start_sweeping(self):
        if self._sweeping:
            return
        try:
            threading.Thread(target=self._run, name="forgetting", daemon=True).start()
        except RuntimeError:  # no thread is to be had: what nobody would forget is not kept
            self._kept.clear()
        else:
            self._sweeping = True

    def _run(self):
        while True:
            time.sleep(self._sweep)
            with self._lock:
                now = self._clock()
                for key in [key for key, (_, until) in self._kept.items() if until <= now]:
                    del self._kept[key]
                if not self._kept:
                    self._sweeping = False
                    return
