"""Many visitors at once, through AppTest: a limit of questions a minute for each, and a turn for everybody."""

import threading

from lookalike.serving import telemetry
from lookalike.serving.admission import FairQueue, RateLimit
from lookalike.serving.state import server_state
from lookalike.web import visitors
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


def test_a_visitor_is_told_apart_by_what_one_visitor_may_have():
    assert visitors._network("203.0.113.7") == "203.0.113.7" and visitors._network(None) is None
    assert visitors._network("2a00:1::1") == visitors._network("2a00:1::ffff:1") != visitors._network("2a00:1:0:1::1")


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
