import contextlib
import os
import random
import threading
import time
from collections import Counter
from queue import SimpleQueue

import pytest

from lookalike.serving.admission import FairQueue
from lookalike.settings import usable_cores

SOON = 10  # seconds; only a failing test ever waits that long


class Gone(BaseException):
    """Like what Streamlit raises to end a session's script: not an Exception."""


class Visitor(threading.Thread):
    """Holds one slot in a thread of its own until told to finish; positions holds what it was told."""

    def __init__(self, queue, key, served=None, on_wait=lambda position: None):
        super().__init__(daemon=True)
        self.queue, self.key, self.on_wait, self.raised = queue, key, on_wait, None
        self.served = [] if served is None else served
        self.positions, self.holds, self.finish = SimpleQueue(), threading.Event(), threading.Event()

    def tell(self, position):
        self.positions.put(position)
        self.on_wait(position)

    def run(self):
        try:
            with self.queue.slot(self.key, self.tell):
                self.served.append(self.key)
                self.holds.set()
                self.finish.wait()
        except BaseException as error:
            self.raised = error

    def holding(self):
        self.start()
        assert self.holds.wait(SOON)
        return self

    def queued(self):
        self.start()
        self.first_position = self.next_position()
        return self

    def next_position(self):
        return self.positions.get(timeout=SOON)


def end_all(visitors):
    for visitor in visitors:
        visitor.finish.set()
    for visitor in visitors:
        visitor.join(SOON)
        assert not visitor.is_alive()


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_at_most_at_once_visitors_hold_a_slot(at_once):
    queue = FairQueue(at_once)
    holders = [Visitor(queue, key).holding() for key in range(at_once)]
    late = Visitor(queue, "late").queued()
    assert not late.holds.is_set() and queue.waiting == 1
    end_all([holders[-1]])
    assert late.holds.wait(SOON) and queue.waiting == 0
    end_all([*holders, late])


def test_on_wait_is_not_called_while_a_slot_is_free():
    queue, positions = FairQueue(2), []
    with queue.slot("a", positions.append), queue.slot("b", positions.append):
        pass
    assert positions == []


@pytest.mark.parametrize("at_once", [1, 2])
@pytest.mark.parametrize("keys, order", [("abcd", "abcd"), ("aaaaab", "abaaaa"), ("aaabbc", "abcaba"), ("abab",) * 2])
def test_first_come_first_served_in_rounds(keys, order, at_once):
    queue, served = FairQueue(at_once), []
    first, *others = [Visitor(queue, "first").holding() for _ in range(at_once)]
    waiting = [Visitor(queue, key, served).queued() for key in keys]
    end_all([first, *waiting])
    end_all(others)
    assert "".join(served) == order


def test_every_visitor_is_told_their_position_whenever_it_changes():
    queue = FairQueue(1, heartbeat=10 * SOON)
    holder = Visitor(queue, "first").holding()
    a1, a2 = Visitor(queue, "a").queued(), Visitor(queue, "a").queued()
    assert (a1.first_position, a2.first_position) == (0, 1)
    b = Visitor(queue, "b").queued()
    assert (b.first_position, a2.next_position()) == (1, 2)  # b goes before the second slot of a
    end_all([holder])
    assert (b.next_position(), a2.next_position()) == (0, 1)
    end_all([a1])
    assert b.holds.wait(SOON) and a2.next_position() == 0
    end_all([b, a2])
    assert all(visitor.positions.empty() for visitor in (a1, a2, b))


@pytest.mark.parametrize("seed", range(10))
def test_a_position_is_the_number_of_slots_granted_before(seed):
    queue, served = FairQueue(1), []
    holder = Visitor(queue, "first").holding()
    waiting = [Visitor(queue, key, served).queued() for key in random.Random(seed).choices("abcd", k=7)]
    with queue._changed:
        promised = {visitor.key: [] for visitor in waiting}
        for key, tickets in queue._queues.items():
            promised[key] = [queue._position(key, ticket) for ticket in tickets]
    end_all([holder, *waiting])
    assert all(served[place] == key for key, places in promised.items() for place in places)
    assert sorted(place for places in promised.values() for place in places) == list(range(7))


@pytest.mark.parametrize("error", [ValueError("broken"), Gone(), KeyboardInterrupt(), SystemExit(1)])
def test_a_holder_that_fails_frees_its_slot(error):
    queue = FairQueue(1)
    with pytest.raises(type(error)), queue.slot("first"):
        late = Visitor(queue, "late").queued()
        raise error
    assert late.holds.wait(SOON)
    end_all([late])


@pytest.mark.parametrize("error", [ValueError("broken"), Gone()])
@pytest.mark.parametrize("leaving", [0, 1, 2])
def test_a_visitor_who_stops_waiting_leaves_the_queue(error, leaving):
    def stop(position):
        raise error

    queue, served = FairQueue(1), []
    visitors = [Visitor(queue, key, served) for key in "aba"]
    visitors[leaving].on_wait = stop
    holder = Visitor(queue, "first").holding()
    for visitor in visitors:
        visitor.queued()
    visitors[leaving].join(SOON)
    assert visitors[leaving].raised is error and queue.waiting == 2
    end_all([holder, *visitors])
    assert Counter(served) == Counter("aba") - Counter("aba"[leaving])


def test_a_slot_granted_while_on_wait_raises_goes_to_the_next_visitor():
    queue = FairQueue(1)
    holder = Visitor(queue, "first").holding()

    def granted_meanwhile(position):
        end_all([holder])
        raise Gone

    with pytest.raises(Gone), queue.slot("leaving", granted_meanwhile):
        pass
    end_all([Visitor(queue, "next").holding()])


def test_a_crowd_is_served_to_the_end_although_some_fail_or_leave():
    queue, inside, counts = FairQueue(2, heartbeat=0.001), set(), []

    def visit(number):
        dice = random.Random(number)

        def perhaps_leave(position):
            if dice.random() < 0.1:
                raise Gone

        for _ in range(20):
            with contextlib.suppress(Gone, ValueError), queue.slot(number % 5, perhaps_leave):
                inside.add(number)
                counts.append(len(inside))
                inside.remove(number)
                if dice.random() < 0.2:
                    raise ValueError

    threads = [threading.Thread(target=visit, args=(number,), daemon=True) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
        assert not thread.is_alive()
    assert max(counts) <= 2 and queue.waiting == 0
    with queue.slot("a"), queue.slot("b"):  # both slots are free again
        pass


def test_a_waiting_visitor_is_told_at_every_heartbeat():
    queue = FairQueue(1, heartbeat=0.001)
    holder, late = Visitor(queue, "first").holding(), Visitor(queue, "late").queued()
    assert [late.next_position() for _ in range(3)] == [0, 0, 0]
    end_all([holder, late])


def test_a_queue_without_slots_is_refused():
    with pytest.raises(ValueError, match="at_once"):
        FairQueue(0)


def test_a_crowd_of_a_thousand_waits_no_longer_than_its_turns_take():
    """Two slots of 10 ms each: 5 s for a thousand; and one message a second to each of them."""
    queue, told, waited = FairQueue(2), [0] * 1000, threading.Barrier(1001)

    def visit(number):
        def count(position):
            told[number] += 1

        waited.wait(60)
        with queue.slot(number, count):
            time.sleep(0.01)

    threads = [threading.Thread(target=visit, args=(number,), daemon=True) for number in range(1000)]
    for thread in threads:
        thread.start()
    waited.wait(60)
    start = time.monotonic()
    for thread in threads:
        thread.join(60)
    took = time.monotonic() - start
    assert took < 10 * max(1.0, os.getloadavg()[0] / usable_cores())
    assert max(told) <= took + 2


def test_positions_counted_together_are_those_counted_one_by_one():
    queue = FairQueue(1)
    holder = Visitor(queue, "first").holding()
    waiting = [Visitor(queue, key).queued() for key in random.Random(5).choices("abcd", k=12)]
    with queue._changed:
        together = queue._count_positions()
        alone = {ticket: queue._position(key, ticket) for key, tickets in queue._queues.items() for ticket in tickets}
    assert together == alone
    end_all([holder, *waiting])
