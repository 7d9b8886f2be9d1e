"""Many visitors at once: so many questions a minute each, and a turn for everybody."""

import threading

from lookalike.serving import telemetry
from lookalike.serving.admission import FairQueue, RateLimit
from lookalike.web import visitors
from tests.support.app_page import identity, look_up, results


def test_too_many_questions_get_a_sentence_and_another_look_at_the_last_is_free(open_app, demo_index, monkeypatch):
    monkeypatch.setattr(visitors, "LIMIT", RateLimit(1, 1))
    # AppTest has another address at every look; without one, the visit itself is told from others.
    monkeypatch.setattr(visitors, "_address", lambda: None)
    app = look_up(open_app, demo_index)
    assert len(results(app)) == 5
    assert len(results(app.run())) == 5
    app.query_params["product"] = identity(1)
    app.run()
    assert "Please try again in 60 s." in app.error[0].value and not app.exception and not results(app)


def test_who_waits_for_a_turn_gets_the_answer_in_the_end(open_app, demo_index, monkeypatch):
    monkeypatch.setattr(visitors, "QUEUE", FairQueue(1))
    waited = telemetry.REGISTRY.get_sample_value("lookalike_stage_seconds_sum", {"stage": "wait"})
    held, over = threading.Event(), threading.Event()

    def somebody_else():
        with visitors.QUEUE.slot("somebody else"):
            held.set()
            over.wait(1.0)

    thread = threading.Thread(target=somebody_else)
    thread.start()
    assert held.wait(10)
    app = look_up(open_app, demo_index)
    thread.join()
    assert len(results(app)) == 5 and not app.error and visitors.QUEUE.waiting == 0
    assert telemetry.REGISTRY.get_sample_value("lookalike_stage_seconds_sum", {"stage": "wait"}) > waited + 0.2
