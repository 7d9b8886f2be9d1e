"""What is counted and logged, and what never is."""

import io
import json
import logging
import subprocess
import sys
import threading
import time

import pytest

from lookalike.errors import ImageError, UndecidedError
from lookalike.serving import telemetry
from tests.support.data import ROOT

SECRETS = ["holiday with Ana.jpg", "IMG_0042.jpg", "198.51.100.7", "2001:db8::7", "red summer dress", "\xff\xd8\xff"]


@pytest.fixture
def lines():
    """lines() returns what was logged since the test began, parsed."""
    stream, logger = io.StringIO(), logging.getLogger("lookalike")
    before, logger.handlers = logger.handlers, []
    telemetry.set_up_logs(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.handlers = before


def sample(name, **labels):
    telemetry.declare_series()
    return telemetry.REGISTRY.get_sample_value(name, labels or None)


def test_a_request_is_one_line_with_only_its_own_stages(lines):
    with telemetry.request("photo") as request:
        for name in ("decode", "search", "search"):
            with telemetry.stage(name):
                time.sleep(0.01)
    (line,) = lines()
    assert line["event"] == "query" and line["request"] == request.id and line["level"] == "info"
    assert line["kind"] == "photo" and line["outcome"] == "ok" and line["time"].endswith("+00:00")
    assert line["stages"].keys() == {"decode", "search"}
    assert line["stages"]["search"] >= 20 and line["ms"] >= 30


def test_queries_stages_and_errors_are_counted(lines):
    def counts():
        return [
            sample("lookalike_queries_total", kind="region"),
            sample("lookalike_stage_seconds_count", stage="embed"),
            sample("lookalike_errors_total", kind="ImageError"),
            sample("lookalike_errors_total", kind="unexpected"),
        ]

    before = counts()
    with telemetry.request("region"), telemetry.stage("embed"):
        pass
    with pytest.raises(ImageError), telemetry.request("region"), telemetry.stage("embed"):
        raise ImageError("no")
    assert [after - was for after, was in zip(counts(), before)] == [2, 2, 1, 0]
    assert [line["outcome"] for line in lines()] == ["ok", "ImageError"]


def test_an_unexpected_error_is_logged_by_class_and_place_without_its_text(lines):
    with pytest.raises(ZeroDivisionError), telemetry.request("photo"):
        raise ZeroDivisionError("IMG_0042.jpg")
    unexpected, query = lines()
    assert unexpected["level"] == "error" and unexpected["error"] == "ZeroDivisionError"
    assert unexpected["where"].startswith("test_telemetry-") and unexpected["request"] == query["request"]
    assert query["outcome"] == "unexpected" and "IMG_0042" not in json.dumps([unexpected, query])


def test_a_query_interrupted_by_a_rerun_is_not_an_error(lines):
    class Rerun(BaseException):
        """Like Streamlit's."""

    before = sample("lookalike_errors_total", kind="unexpected")
    with pytest.raises(Rerun), telemetry.request("product"):
        raise Rerun
    assert lines()[0]["outcome"] == "stopped"
    assert sample("lookalike_errors_total", kind="unexpected") == before


@pytest.mark.parametrize("secret", SECRETS)
def test_what_a_visitor_sends_is_withheld(lines, secret):
    telemetry.log("query", name=secret, kind=secret, outcome=secret, stages={secret: 1}, ms=3)
    with telemetry.request("photo"):
        telemetry.failed(ValueError(secret))
    logging.getLogger("lookalike.images").warning("cannot read %s", secret)
    logging.getLogger("lookalike.images").warning(f"cannot read {secret}")
    assert secret not in json.dumps(lines(), ensure_ascii=False)
    assert lines()[0]["withheld"] == 4 and lines()[0]["ms"] == 3
    assert lines()[-1].keys() == {"time", "level", "event", "where"}


def test_requests_of_several_threads_keep_their_stages_apart(lines):
    def ask(name):
        with telemetry.request("photo"), telemetry.stage(name):
            time.sleep(0.05)

    threads = [threading.Thread(target=ask, args=(name,)) for name in telemetry.STAGES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(next(iter(line["stages"])) for line in lines()) == sorted(telemetry.STAGES)
    assert len({line["request"] for line in lines()}) == len(threads)


def test_waiting_is_a_gauge_and_a_stage(lines):
    with telemetry.request("photo"), telemetry.waiting():
        assert sample("lookalike_people_waiting") == 1
    assert sample("lookalike_people_waiting") == 0
    assert lines()[0]["stages"].keys() == {"wait"}


def test_every_class_of_error_is_a_series_that_starts_at_zero():
    class LateError(UndecidedError):
        """Defined after the import, as in a module that is imported only when it is needed."""

    text = telemetry.metrics().decode()
    assert 'lookalike_errors_total{kind="LateError"} 0.0\n' in text
    for kind in ("ImageError", "UndecidedError", "ServerError", "unexpected"):
        assert f'lookalike_errors_total{{kind="{kind}"}} ' in text


def test_a_place_names_the_wing_of_our_own_modules(lines):
    for path in ("web/look_up/page.py", "errors.py"):
        error = compile("\n1 / 0", str(telemetry.PACKAGE / path), "exec")
        with pytest.raises(ZeroDivisionError) as caught:
            exec(error)
        telemetry.failed(caught.value)
    assert [line["where"] for line in lines()] == ["web-look_up-page-2", "errors-2"]


def test_unknown_kinds_and_stages_are_refused():
    with pytest.raises(ValueError, match="none of photo"), telemetry.request("a red dress"):
        pass
    with pytest.raises(ValueError, match="none of wait"), telemetry.stage("resize"):
        pass


def test_setting_up_the_logs_again_writes_every_line_once(lines, capsys):
    for _ in range(3):
        telemetry.set_up_logs()
    telemetry.log("index", products=4)
    assert len(lines()) == 1 and lines()[0]["request"] is None
    assert capsys.readouterr().err == ""


def test_a_page_that_runs_again_registers_nothing_twice():
    page = "from lookalike.serving import telemetry\ntelemetry.set_up_logs()\ntelemetry.log('run')\n"
    code = f"for _ in range(2): exec({page!r}, {{}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["run", "run"]
