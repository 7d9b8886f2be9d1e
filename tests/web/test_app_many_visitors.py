"""Many visitors at once, through AppTest: a limit of questions a minute for each, and a turn for everybody."""

import threading

import pytest

from lookalike.serving import telemetry
from lookalike.serving.admission import FairQueue, RateLimit, network_of
from lookalike.serving.photo_budget import PhotoBudget
from lookalike.serving.state import server_state
from lookalike.web import texts
from tests.support.app_page import identity, look_up, open_product, photo, results


class LimitForEverybody(RateLimit):
    """A RateLimit that takes all visitors for one: AppTest has another address at every run."""

    def allow(self, key, count=1):
        return super().allow("everybody", count)


def test_too_many_questions_get_a_sentence_and_repeating_the_last_one_is_free(open_app, demo_index, monkeypatch):
    monkeypatch.setattr(server_state(), "rate_limit", LimitForEverybody(1, 1, clock=lambda: 0.0))
    app = look_up(open_app, demo_index)
    assert len(results(app)) == 5
    assert len(results(app.run())) == 5
    open_product(app, identity(1))
    assert "by itself in 60 s" in app.warning[0].value and not app.exception and not results(app)


def test_each_new_photo_of_a_question_counts(open_app, demo_index, monkeypatch):
    monkeypatch.setattr(server_state(), "rate_limit", LimitForEverybody(1, 4, clock=lambda: 0.0))
    app = open_app(demo_index)
    both = [(f"{number}.jpg", photo(number).read_bytes(), "image/jpeg") for number in (0, 60)]
    app.file_uploader[0].set_value(both).run()
    assert len(results(app)) == 5
    waits = server_state().rate_limit.allow("anybody", 3)
    assert waits > 0 and server_state().rate_limit.allow("anybody", 2) == 0


def test_a_photo_given_up_for_other_visitors_is_asked_for_and_its_search_stays(open_app, demo_index, monkeypatch):
    monkeypatch.setattr(server_state(), "photo_budget", PhotoBudget(photo(0).stat().st_size))
    first, second = open_app(demo_index), open_app(demo_index)
    for number, app in enumerate((first, second)):
        app.file_uploader[0].set_value((f"{number}.jpg", photo(number).read_bytes(), "image/jpeg")).run()
    assert len(results(second.run())) == 5
    name = first.query_params["photo"]
    first.run()
    assert not first.exception and not results(first) and first.info[0].value == texts.PHOTO_COMES
    assert first.query_params["photo"] == name


@pytest.mark.parametrize("drawn", ["look_up.results.draw", "look_up.favorites.draw_popover", "look_up.start.listen"])
def test_memory_that_is_short_while_the_page_is_drawn_costs_a_moment(open_app, demo_index, monkeypatch, drawn):
    def fail(*arguments, **options):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(f"lookalike.web.{drawn}", fail)
        app = look_up(open_app, demo_index)
        assert not app.exception and "too little memory" in app.warning[0].value
    assert len(results(app.run())) == 5 and not app.warning


def test_a_visitor_is_told_apart_by_what_one_visitor_may_have():
    assert network_of("203.0.113.7") == "203.0.113.7" and network_of(None) is None
    assert network_of("2a00:1::1") == network_of("2a00:1::ffff:1") != network_of("2a00:1:0:1::1")
    assert network_of("::ffff:203.0.113.7") == "203.0.113.7"


def test_a_visitor_who_waits_for_a_turn_gets_an_answer(open_app, demo_index, monkeypatch):
    monkeypatch.setattr(server_state(), "queue", FairQueue(1))
    waited = telemetry.REGISTRY.get_sample_value("lookalike_stage_seconds_sum", {"stage": "wait"})
    held, over = threading.Event(), threading.Event()

    def somebody_else():
        with server_state().queue.slot("somebody else"):
            held.set()
            for _ in range(2000):
                if server_state().queue.waiting or over.wait(0.05):
                    break
            over.wait(0.3)

    thread = threading.Thread(target=somebody_else)
    thread.start()
    assert held.wait(10)
    app = look_up(open_app, demo_index)
    thread.join()
    assert len(results(app)) == 5 and not app.error and server_state().queue.waiting == 0
    assert telemetry.REGISTRY.get_sample_value("lookalike_stage_seconds_sum", {"stage": "wait"}) > waited + 0.2
