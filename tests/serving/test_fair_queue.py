import contextlib
import random
import threading
from collections import Counter
from queue import SimpleQueue

import pytest

from lookalike.serving.admission import FairQueue

SOON = 10  # seconds, which only a test that fails ever waits


class Gone(BaseException):
    """Like what Streamlit raises to end a session's script: no Exception."""


class Visitor(threading.Thread):
    """One turn in a thread of its own, held until told to finish; positions holds what it was told."""

    def __init__(self, turns, key, served=None, on_wait=lambda position: None):
        super().__init__(daemon=True)
        self.turns, self.key, self.on_wait, self.raised = turns, key, on_wait, None
        self.served = [] if served is None else served
        self.positions, self.holds, self.finish = SimpleQueue(), threading.Event(), threading.Event()

    def tell(self, position):
        self.positions.put(position)
        self.on_wait(position)

    def run(self):
        try:
            with self.turns.slot(self.key, self.tell):
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
def test_at_most_so_many_hold_a_turn(at_once):
    turns = FairQueue(at_once)
    holders = [Visitor(turns, key).holding() for key in range(at_once)]
    late = Visitor(turns, "late").queued()
    assert not late.holds.is_set() and turns.waiting == 1
    end_all([holders[-1]])
    assert late.holds.wait(SOON) and turns.waiting == 0
    end_all([*holders, late])


def test_no_call_where_a_turn_is_free():
    turns, positions = FairQueue(2), []
    with turns.slot("a", positions.append), turns.slot("b", positions.append):
        pass
    assert positions == []


@pytest.mark.parametrize("at_once", [1, 2])
@pytest.mark.parametrize("keys, order", [("abcd", "abcd"), ("aaaaab", "abaaaa"), ("aaabbc", "abcaba"), ("abab",) * 2])
def test_first_come_first_served_in_rounds(keys, order, at_once):
    turns, served = FairQueue(at_once), []
    first, *others = [Visitor(turns, "first").holding() for _ in range(at_once)]
    waiting = [Visitor(turns, key, served).queued() for key in keys]
    end_all([first, *waiting])
    end_all(others)
    assert "".join(served) == order


def test_everybody_is_told_their_position_whenever_it_changes():
    turns = FairQueue(1, heartbeat=10 * SOON)
    holder = Visitor(turns, "first").holding()
    a1, a2 = Visitor(turns, "a").queued(), Visitor(turns, "a").queued()
    assert (a1.first_position, a2.first_position) == (0, 1)
    b = Visitor(turns, "b").queued()
    assert (b.first_position, a2.next_position()) == (1, 2)  # b goes before the second turn of a
    end_all([holder])
    assert (b.next_position(), a2.next_position()) == (0, 1)
    end_all([a1])
    assert b.holds.wait(SOON) and a2.next_position() == 0
    end_all([b, a2])
    assert all(visitor.positions.empty() for visitor in (a1, a2, b))


@pytest.mark.parametrize("seed", range(10))
def test_a_position_is_the_number_of_turns_before(seed):
    turns, served = FairQueue(1), []
    holder = Visitor(turns, "first").holding()
    waiting = [Visitor(turns, key, served).queued() for key in random.Random(seed).choices("abcd", k=7)]
    with turns._changed:
        promised = {visitor.key: [] for visitor in waiting}
        for key, queue in turns._queues.items():
            promised[key] = [turns._turns_before(key, ticket) for ticket in queue]
    end_all([holder, *waiting])
    assert all(served[place] == key for key, places in promised.items() for place in places)
    assert sorted(place for places in promised.values() for place in places) == list(range(7))


@pytest.mark.parametrize("error", [ValueError("broken"), Gone(), KeyboardInterrupt(), SystemExit(1)])
def test_a_holder_that_dies_frees_its_turn(error):
    turns = FairQueue(1)
    with pytest.raises(type(error)), turns.slot("first"):
        late = Visitor(turns, "late").queued()
        raise error
    assert late.holds.wait(SOON)
    end_all([late])


@pytest.mark.parametrize("error", [ValueError("broken"), Gone()])
@pytest.mark.parametrize("leaving", [0, 1, 2])
def test_who_stops_waiting_leaves_the_queue(error, leaving):
    def stop(position):
        raise error

    turns, served = FairQueue(1), []
    visitors = [Visitor(turns, key, served) for key in "aba"]
    visitors[leaving].on_wait = stop
    holder = Visitor(turns, "first").holding()
    for visitor in visitors:
        visitor.queued()
    visitors[leaving].join(SOON)
    assert visitors[leaving].raised is error and turns.waiting == 2
    end_all([holder, *visitors])
    assert Counter(served) == Counter("aba") - Counter("aba"[leaving])


def test_a_turn_granted_while_on_wait_raises_is_passed_on():
    turns = FairQueue(1)
    holder = Visitor(turns, "first").holding()

    def granted_meanwhile(position):
        end_all([holder])
        raise Gone

    with pytest.raises(Gone), turns.slot("leaving", granted_meanwhile):
        pass
    end_all([Visitor(turns, "next").holding()])


def test_a_crowd_in_which_some_die_or_leave_is_served_to_the_end():
    turns, inside, most = FairQueue(2, heartbeat=0.001), set(), []

    def visit(number):
        dice = random.Random(number)

        def perhaps_leave(position):
            if dice.random() < 0.1:
                raise Gone

        for _ in range(20):
            with contextlib.suppress(Gone, ValueError), turns.slot(number % 5, perhaps_leave):
                inside.add(number)
                most.append(len(inside))
                inside.remove(number)
                if dice.random() < 0.2:
                    raise ValueError

    threads = [threading.Thread(target=visit, args=(number,), daemon=True) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
        assert not thread.is_alive()
    assert max(most) <= 2 and turns.waiting == 0
    with turns.slot("a"), turns.slot("b"):  # both places are free again
        pass


def test_who_waits_is_told_again_and_again_and_turns_for_nobody_are_refused():
    turns = FairQueue(1, heartbeat=0.001)
    holder, late = Visitor(turns, "first").holding(), Visitor(turns, "late").queued()
    assert [late.next_position() for _ in range(3)] == [0, 0, 0]
    end_all([holder, late])
    with pytest.raises(ValueError, match="at_once"):
        FairQueue(0)
