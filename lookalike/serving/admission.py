"""Who may compute now: a few at a time, the rest in a queue that is fair between visitors; and how often each."""

import ipaddress
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

# Seconds after which a waiting thread is told its position again, so that a visitor who has left is noticed; and the
# least between two such messages.
HEARTBEAT = MIN_PAUSE = 1.0
MAX_KEYS = 10_000


class _Ticket:
    """One place in the queue. granted is set once a slot is."""

    def __init__(self) -> None:
        self.granted = threading.Event()


class FairQueue:
    """Grants at most at_once slots at a time, between threads; the rest wait, and nobody is turned away.

    Visitors are served in rounds, one slot each, in the order they came: someone who asks for much waits behind
    someone who asks for little. A thread that holds a slot must not ask for another.

    A grant wakes one thread, and positions are counted for all who wait together, once a second: the queue's own
    work grows with its length alone.
    """

    def __init__(self, at_once: int, heartbeat: float = HEARTBEAT) -> None:
        if at_once < 1:
            raise ValueError("at_once must be at least 1")
        self._free, self._heartbeat = at_once, heartbeat
        self._pause = min(heartbeat, MIN_PAUSE)
        # By visitor; the first one is served next.
        self._queues: OrderedDict[Hashable, deque[_Ticket]] = OrderedDict()
        # Everybody's position, as counted at that time.
        self._counted: dict[_Ticket, int] = {}
        self._counted_at = -math.inf
        self._changed = threading.RLock()

    @contextmanager
    def slot(self, key: Hashable, on_wait: Callable[[int], object] | None = None) -> Iterator[None]:
        """Hold a slot for the visitor key while the with block runs.

        While waiting, on_wait(position) is called in this thread with the number of slots to be granted before this
        one (0: next): at once, when it has changed, though not more than once a second, and every heartbeat seconds.
        Whatever it or the block raises passes through, and the slot or the place in the queue is given up.
        """
        ticket = _Ticket()
        try:
            self._enter(key, ticket)
            position = self._position(key, ticket)
            told: int | None = None
            told_at = -math.inf
            while position is not None:
                if on_wait and (position != told or time.monotonic() - told_at >= self._heartbeat):
                    on_wait(position)
                    told, told_at = position, time.monotonic()
                ticket.granted.wait(self._pause)
                position = self._counted_position(key, ticket)
            yield
        finally:
            self._leave(key, ticket)

    @property
    def waiting(self) -> int:
        """How many threads wait now."""
        with self._changed:
            return sum(map(len, self._queues.values()))

    def _enter(self, key: Hashable, ticket: _Ticket) -> None:
        with self._changed:
            self._queues.setdefault(key, deque()).append(ticket)
            self._grant()

    def _leave(self, key: Hashable, ticket: _Ticket) -> None:
        with self._changed:
            if ticket.granted.is_set():
                self._free += 1
            elif ticket in self._queues.get(key, ()):
                self._queues[key].remove(ticket)
                self._drop_if_empty(key)
            self._counted.pop(ticket, None)
            self._grant()

    def _grant(self) -> None:
        while self._free and self._queues:
            key, queue = next(iter(self._queues.items()))
            ticket = queue.popleft()
            self._free -= 1
            self._queues.move_to_end(key)
            self._drop_if_empty(key)
            ticket.granted.set()

    def _drop_if_empty(self, key: Hashable) -> None:
        if not self._queues[key]:
            del self._queues[key]

    def _position(self, key: Hashable, ticket: _Ticket) -> int | None:
        """Return how many slots the rounds grant before this ticket's; None once it is granted."""
        with self._changed:
            if ticket.granted.is_set():
                return None
            round_ = self._queues[key].index(ticket)
            before, passed = round_, False
            for other, queue in self._queues.items():
                if other == key:
                    passed = True
                else:
                    before += min(len(queue), round_ if passed else round_ + 1)
            return before

    def _counted_position(self, key: Hashable, ticket: _Ticket) -> int | None:
        """Return the position as it was at most a pause ago, which costs little; None once the slot is granted."""
        with self._changed:
            if ticket.granted.is_set():
                return None
            now = time.monotonic()
            if now - self._counted_at >= self._pause:
                self._counted, self._counted_at = self._count_positions(), now
            counted = self._counted.get(ticket)
            return self._position(key, ticket) if counted is None else counted

    def _count_positions(self) -> dict[_Ticket, int]:
        """Return the position of every ticket, in one pass over all of them."""
        positions: dict[_Ticket, int] = {}
        rounds = [iter(queue) for queue in self._queues.values()]
        while rounds:
            left = []
            for queue in rounds:
                if (ticket := next(queue, None)) is not None:
                    positions[ticket] = len(positions)
                    left.append(queue)
            rounds = left
        return positions


class RateLimit:
    """A token bucket for each visitor's key: at most burst requests at once, per_minute on average.

    Threads may share it. Keys are kept in memory only; beyond max_keys the one not seen for longest is forgotten,
    which fills its bucket again. clock returns seconds.
    """

    def __init__(
        self, per_minute: float, burst: int, clock: Callable[[], float] = time.monotonic, max_keys: int = MAX_KEYS
    ) -> None:
        if per_minute <= 0 or burst < 1 or max_keys < 1:
            raise ValueError("per_minute must be more than 0, burst and max_keys at least 1")
        self._every, self._burst = 60 / per_minute, burst
        self._clock, self._max_keys = clock, max_keys
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()
        self._lock = threading.Lock()

    def allow(self, key: Hashable, count: int = 1) -> float:
        """Return 0.0 and count the requests if they are allowed; otherwise return the seconds to wait, at no cost.

        More than burst at once count as burst, which a visitor with a full bucket may always ask.
        """
        count = min(count, self._burst)
        with self._lock:
            now = self._clock()
            # One number holds a bucket: when it will be full. Every request postpones that.
            full_at = max(self._full_at.get(key, now), now) + count * self._every
            wait = full_at - now - self._burst * self._every
            # A visitor who waited exactly as long as told must not be refused because of rounding.
            if wait <= self._every * 1e-6:
                self._full_at[key] = full_at
                wait = 0.0
            self._remember(key)
            return wait

    def _remember(self, key: Hashable) -> None:
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._max_keys:
            self._full_at.popitem(last=False)


def network_of(address: str | None) -> str | None:
    """Return what counts as one visitor's address: IPv6 gives every visitor a network of 2^64 addresses."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return address
    if ip.version == 4:
        return str(ip)
    # A server that listens on IPv6 alone is told IPv4 addresses in this form, all in one network.
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
