"""Who may compute now: a few at once, the others in a queue that is fair between visitors."""

import threading
import time
from collections import OrderedDict, deque
from contextlib import contextmanager
from dataclasses import dataclass

# Seconds after which one who waits is told the place again, so that a visitor who has gone is noticed.
HEARTBEAT = 1.0


MAX_KEYS = 10_000


@dataclass(eq=False)
class _Ticket:
    granted: bool = False


class FairQueue:
    """Grants at most at_once turns at a time, between threads; the rest wait, and none is sent away.

    Visitors are served in rounds, one turn each, in the order they came: one who asks for much waits behind
    one who asks for little. A thread that holds a turn must not ask for another.
    """

    def __init__(self, at_once, heartbeat=HEARTBEAT):
        if at_once < 1:
            raise ValueError("at_once must be at least 1")
        self._free, self._heartbeat = at_once, heartbeat
        self._queues = OrderedDict()  # key → deque of tickets; the first key is served next
        self._changed = threading.Condition()

    @contextmanager
    def slot(self, key, on_wait=None):
        """Hold a turn of the visitor key (hashable) for as long as the with block runs.

        While waiting, on_wait(position) is called in this thread: the number of turns to be granted before
        (0: next), first at once, then whenever it changes, and every heartbeat seconds. Whatever it or the
        block raises passes through, and the turn or the place in the queue is given up.
        """
        ticket = _Ticket()
        try:
            self._enter(key, ticket)
            while (position := self._position(key, ticket)) is not None:
                if on_wait:
                    on_wait(position)
                self._wait_beyond(position, key, ticket)
            yield
        finally:
            self._leave(key, ticket)

    @property
    def waiting(self):
        """How many wait now."""
        with self._changed:
            return sum(map(len, self._queues.values()))

    def _enter(self, key, ticket):
        with self._changed:
            self._queues.setdefault(key, deque()).append(ticket)
            self._grant()

    def _position(self, key, ticket):
        with self._changed:
            return self._turns_before(key, ticket)

    def _wait_beyond(self, position, key, ticket):
        with self._changed:
            self._changed.wait_for(lambda: self._turns_before(key, ticket) != position, self._heartbeat)

    def _leave(self, key, ticket):
        with self._changed:
            if ticket.granted:
                self._free += 1
            elif ticket in self._queues.get(key, ()):
                self._queues[key].remove(ticket)
                self._forget_if_empty(key)
            self._grant()

    def _grant(self):
        while self._free and self._queues:
            key, queue = next(iter(self._queues.items()))
            queue.popleft().granted = True
            self._free -= 1
            self._queues.move_to_end(key)
            self._forget_if_empty(key)
        self._changed.notify_all()

    def _forget_if_empty(self, key):
        if not self._queues[key]:
            del self._queues[key]

    def _turns_before(self, key, ticket):
        """How many turns the rounds grant before this one; None once it is granted."""
        if ticket.granted:
            return None
        round_ = self._queues[key].index(ticket)
        before, passed = round_, False
        for other, queue in self._queues.items():
            if other == key:
                passed = True
            else:
                before += min(len(queue), round_ if passed else round_ + 1)
        return before


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
