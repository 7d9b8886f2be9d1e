"""What a server process has one of."""

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from lookalike.serving.live_index import LiveRecommender
from lookalike.serving.state import ServerState, server_state
from lookalike.settings import Settings, usable_cores


@pytest.fixture
def make_state(toy_index, load):
    """make_state(**settings) is the state of a new process over the toy index; its server is closed at the end."""
    states = []

    def make(**changes):
        state = ServerState(replace(Settings.from_environment(), index=str(toy_index), **changes))
        state.live_recommenders[str(toy_index)] = LiveRecommender(toy_index, load)
        states.append(state)
        return state

    yield make
    for state in states:
        if state.health_server:
            state.health_server.close()


def test_a_process_has_one_state():
    with ThreadPoolExecutor(8) as pool:
        assert len(set(map(id, pool.map(lambda _: server_state(), range(8))))) == 1


def test_an_index_has_one_live_recommender_whoever_asks(make_state, tmp_path):
    state = make_state()
    assert state.live(tmp_path) is state.live(str(tmp_path)) is not state.live(tmp_path / "other")


def test_as_many_may_compute_at_once_as_there_are_cores(make_state):
    state, held = make_state(), []
    for _ in range(usable_cores()):
        held.append(state.queue.slot("a visitor"))
        held[-1].__enter__()
    with pytest.raises(InterruptedError), state.queue.slot("one more", on_wait=lambda position: stop()):
        pass
    for slot in held:
        slot.__exit__(None, None, None)


def stop():
    raise InterruptedError


def test_the_settings_limit_how_often_a_visitor_may_ask(make_state):
    assert make_state(queries_per_minute=0).rate_limit is None
    limit = make_state(queries_per_minute=6).rate_limit
    waits = [limit.allow("a visitor") for _ in range(7)]
    assert waits[:6] == [0.0] * 6 and waits[6] == pytest.approx(10, abs=1)
    limit = make_state(queries_per_minute=60).rate_limit
    assert [limit.allow("a visitor") > 0 for _ in range(21)] == [False] * 20 + [True]


def test_the_health_server_is_off_unless_a_port_is_set(make_state):
    assert make_state(metrics_port="").start_health_server() is None


def test_the_health_server_starts_once(make_state):
    state = make_state(metrics_port="0")
    with ThreadPoolExecutor(3) as pool:
        servers = list(pool.map(lambda _: state.start_health_server(), range(3)))
    assert servers[0] is not None and set(servers) == {state.health_server}


def test_a_port_that_is_taken_is_tried_once(make_state):
    with socket.create_server(("127.0.0.1", 0)) as other:
        state = make_state(metrics_port=str(other.getsockname()[1]))
        assert state.start_health_server() is None
    assert state.start_health_server() is None
