"""Garbage is collected, but not after every run."""

import weakref

from lookalike.serving.garbage import GarbageCollection


class Node:
    pass


def make_cycle():
    node = Node()
    node.itself = node
    return weakref.ref(node)


def test_cycles_go_when_it_is_due_and_no_sooner():
    collection, first = GarbageCollection(3600), make_cycle()
    assert collection.collect_if_due() and first() is None
    second = make_cycle()
    assert not collection.collect_if_due() and second() is not None
    assert GarbageCollection(0).collect_if_due() and second() is None
