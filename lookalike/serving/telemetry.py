"""What an operator sees of a running app: a JSON object a line on stderr, and metrics for Prometheus.

Numbers and names of our own only. What visitors send, an image, a file's name, an address, words to
search for, has no way in: log() lets through known fields with harmless values and nothing else.
"""

import json
import logging
import re
import secrets
import time
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from lookalike.errors import LookalikeError

KINDS = ("photo", "product", "region")

STAGES = ("wait", "decode", "embed", "search", "show")

FIELDS = frozenset(
    ("kind", "outcome", "ms", "stages", "products", "index", "backbone", "precision", "error", "where", "port")
)

HARMLESS = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)

# Seconds; a warm answer takes 0.05 to 0.5 s, and past 30 s a visitor has left.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

# Our own registry: a page that Streamlit runs again and again must not register anything twice.
REGISTRY = CollectorRegistry()

QUERIES = Counter("lookalike_queries", "Queries by kind.", ["kind"], registry=REGISTRY)

ERRORS = Counter("lookalike_errors", "Errors by kind, a class of lookalike.errors.", ["kind"], registry=REGISTRY)

LATENCY = Histogram(
    "lookalike_stage_seconds", "Seconds by stage of a query.", ["stage"], buckets=BUCKETS, registry=REGISTRY
)

WAITING = Gauge("lookalike_people_waiting", "People whose query waits for its turn.", registry=REGISTRY)

PRODUCTS = Gauge("lookalike_index_products", "Products in the index that answers.", registry=REGISTRY)

INDEX_AGE = Gauge("lookalike_index_age_seconds", "Seconds since the index that answers was made.", registry=REGISTRY)

# Every kind exists from the start, at 0: an alert on a rate must not miss the first one.
for _kind in KINDS:
    QUERIES.labels(_kind)

for _kind in (*(error.__name__ for error in LookalikeError.__subclasses__()), "unexpected"):
    ERRORS.labels(_kind)

for _stage in STAGES:
    LATENCY.labels(_stage)

_logger = logging.getLogger("lookalike")

_request = ContextVar("request", default=None)


class Request:
    """A query under way: its id (16 hexadecimal digits, random) and the seconds of its stages."""

    def __init__(self):
        self.id = secrets.token_hex(8)
        self.stages = {}
        self.outcome = "ok"


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, event, request, and the fields that log() let through."""

    def format(self, record):
        """One JSON object; of a record that log() did not write only its place, for its text may quote anything."""
        time_ = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": time_, "level": record.levelname.lower()}
        if hasattr(record, "fields"):
            return json.dumps({**line, "event": record.msg, **record.fields})
        return json.dumps({**line, "event": "log", "where": f"{record.module}-{record.lineno}"})


def set_up_logs(stream=None):
    """Send this package's log to a stream (default: stderr) as JSON; again and again does no harm."""
    if not any(handler.name == "lookalike" for handler in _logger.handlers):
        handler = logging.StreamHandler(stream)
        handler.name = "lookalike"
        handler.setFormatter(JsonLines())
        _logger.addHandler(handler)
        _logger.setLevel(logging.INFO)
        # Streamlit's own handlers would print every line once more.
        _logger.propagate = False


def log(event, level=logging.INFO, **fields):
    """One line; a field that is not known, or whose text might be a visitor's, is named as withheld."""
    current = _request.get()
    fine = {name: value for name, value in fields.items() if name in FIELDS and _harmless(value)}
    withheld = len(fields) - len(fine)
    if withheld:
        fine["withheld"] = withheld
    _logger.log(level, event, extra={"fields": {"request": current.id if current else None, **fine}})


def _harmless(value):
    if isinstance(value, dict):
        return value.keys() <= set(STAGES) and all(map(_harmless, value.values()))
    return value is None or isinstance(value, (bool, int, float)) or bool(HARMLESS.fullmatch(str(value)))


@contextmanager
def request(kind):
    """One query of a kind: counted, timed, and told in one line at its end; gives its Request.

    A Streamlit rerun that breaks off the query is no error; its outcome is "stopped".
    """
    QUERIES.labels(_one_of(kind, KINDS)).inc()
    current, start = Request(), time.perf_counter()
    token = _request.set(current)
    try:
        yield current
    except Exception as error:
        failed(error)
        raise
    except BaseException:
        current.outcome = "stopped"
        raise
    finally:
        stages = {name: _ms(seconds) for name, seconds in current.stages.items()}
        log("query", kind=kind, outcome=current.outcome, ms=_ms(time.perf_counter() - start), stages=stages)
        _request.reset(token)


@contextmanager
def stage(name):
    """The time that the block takes, in the histogram and in the line of the request around it."""
    _one_of(name, STAGES)
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds = time.perf_counter() - start
        LATENCY.labels(name).observe(seconds)
        current = _request.get()
        if current:
            current.stages[name] = current.stages.get(name, 0) + seconds


@contextmanager
def waiting():
    """Somebody waits for their turn while the block lasts: the gauge, and the stage wait."""
    with WAITING.track_inprogress(), stage("wait"):
        yield


def failed(error):
    """Count an error by its class; one that is none of ours is logged with its place, without its words."""
    ours = isinstance(error, LookalikeError)
    kind = type(error).__name__ if ours else "unexpected"
    ERRORS.labels(kind).inc()
    current = _request.get()
    if current:
        current.outcome = kind
    if not ours:
        log("unexpected", logging.ERROR, error=type(error).__name__, where=_place(error))


def index_loaded(index, made):
    """Set the index's gauges; made is when its files were written, in seconds since 1970."""
    PRODUCTS.set(len(index.names))
    INDEX_AGE.set_function(lambda: time.time() - made)


def _place(error):
    """Where an error arose, as module-line."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).stem}-{trace.tb_lineno}" if trace else None


def _ms(seconds):
    return round(seconds * 1000, 1)


def _one_of(name, names):
    if name not in names:
        raise ValueError(f"{name!r} is none of {', '.join(names)}")
    return name
