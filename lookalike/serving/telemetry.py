"""What an operator sees of a running app: one JSON object per line on stderr, and metrics for Prometheus.

Numbers and our own names only. What visitors send (images, file names, addresses, search words) has no way in: log()
lets through known fields with harmless values and nothing else. The metrics' registry is this process's only one.
"""

import json
import logging
import platform
import re
import secrets
import time
from collections import deque
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TextIO, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, exposition

from lookalike import __version__
from lookalike.errors import IndexFileError, LookalikeError, ServerError, ShortageError, WeightsError
from lookalike.search.clicks import EVENTS

Field: TypeAlias = "str | int | float | dict[str, float] | None"

PACKAGE = Path(__file__).parents[1]
KINDS = ("photo", "product", "region", "garments")
STAGES = ("wait", "decode", "embed", "search", "show")
FIELDS = frozenset(
    ("kind", "outcome", "ms", "stages", "products", "index", "backbone", "precision", "error", "where", "port")
)
HARMLESS = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
# The answers that say whether the next visitor would get one: those of the last minute. Fewer failures than these
# may come from a single strange photo.
RECENT_SECONDS, MAX_RECENT, MIN_FAILURES = 60.0, 1000, 2
# Errors of ours for which a visitor can do nothing.
OPERATORS_ERRORS = (IndexFileError, ServerError, ShortageError, WeightsError)
# Seconds. A warm answer takes 0.05 to 0.5 s, and after 30 s a visitor has left.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

# A registry of our own: a page that Streamlit runs again and again must not register anything twice.
REGISTRY = CollectorRegistry()
QUERIES = Counter("lookalike_queries", "Queries by kind.", ["kind"], registry=REGISTRY)
ERRORS = Counter("lookalike_errors", "Errors by kind, a class of lookalike.errors.", ["kind"], registry=REGISTRY)
LATENCY = Histogram(
    "lookalike_stage_seconds", "Seconds by stage of a query.", ["stage"], buckets=BUCKETS, registry=REGISTRY
)
WAITING = Gauge("lookalike_people_waiting", "People whose query waits for its turn.", registry=REGISTRY)
CLICKS = Counter(
    "lookalike_clicks",
    "What shoppers did with products in answers, where the shop counts that, by event and rank.",
    ["event", "rank"],
    registry=REGISTRY,
)
PRODUCTS = Gauge("lookalike_index_products", "Products in the index that answers.", registry=REGISTRY)
INDEX_AGE = Gauge("lookalike_index_age_seconds", "Seconds since the index that answers was made.", registry=REGISTRY)
BUILD = Info("lookalike_build", "What runs: Lookalike, its Python and its operating system.", registry=REGISTRY)
PROCESS = ProcessCollector(registry=REGISTRY)
METRICS_TYPE = exposition.CONTENT_TYPE_LATEST

# Ranks beyond this one share a series.
MAX_RANK_LABEL = 10

_logger = logging.getLogger("lookalike")
# When recent requests ended, and whether they failed for no fault of the visitor's.
_recent: deque[tuple[float, bool]] = deque(maxlen=MAX_RECENT)
_request: "ContextVar[Request | None]" = ContextVar("request", default=None)


class Index(Protocol):
    """As much of an index as the gauges need."""

    @property
    def names(self) -> Sized: ...


class Request:
    """A query under way: its id (16 random hexadecimal digits) and the seconds of its stages."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(8)
        self.stages: dict[str, float] = {}
        self.outcome = "ok"
        self.is_failure = False


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON: time, level, event, request, and the fields that log() let through."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a JSON object. A record that log() did not write gives only its place: its text may quote anything."""
        written = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"time": written, "level": record.levelname.lower()}
        if hasattr(record, "fields"):
            return json.dumps({**line, "event": record.msg, **record.fields})
        return json.dumps({**line, "event": "log", "where": _place(record.pathname, record.lineno)})


def set_up_logs(stream: TextIO | None = None) -> None:
    """Send this package's log to a stream (default: stderr) as JSON. Calling it again does no harm."""
    if not any(handler.name == "lookalike" for handler in _logger.handlers):
        handler = logging.StreamHandler(stream)
        handler.name = "lookalike"
        handler.setFormatter(JsonLines())
        _logger.addHandler(handler)
        _logger.setLevel(logging.INFO)
        # Streamlit's own handlers would print every line once more.
        _logger.propagate = False


def log(event: str, level: int = logging.INFO, **fields: Field) -> None:
    """Write one line. Fields that are not known, or whose text might be a visitor's, are only counted as withheld."""
    current = _request.get()
    harmless = {name: value for name, value in fields.items() if name in FIELDS and _is_harmless(value)}
    withheld = len(fields) - len(harmless)
    if withheld:
        harmless["withheld"] = withheld
    _logger.log(level, event, extra={"fields": {"request": current.id if current else None, **harmless}})


@contextmanager
def request(kind: str) -> Iterator[Request]:
    """Count and time a query of a kind, and log it in one line at its end.

    A Streamlit rerun that interrupts the query is not an error; its outcome is "stopped".
    """
    QUERIES.labels(_check_name(kind, KINDS)).inc()
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
        stages = {name: _milliseconds(seconds) for name, seconds in current.stages.items()}
        took = _milliseconds(time.perf_counter() - start)
        log("query", kind=kind, outcome=current.outcome, ms=took, stages=stages)
        if current.outcome != "stopped":
            _recent.append((time.monotonic(), current.is_failure))
        _request.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Add the block's time to the histogram, and to the line of the request around it."""
    _check_name(name, STAGES)
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
def waiting() -> Iterator[None]:
    """Count a visitor as waiting for a turn while the block runs: in the gauge, and as the stage wait."""
    with WAITING.track_inprogress(), stage("wait"):
        yield


def answers_fail() -> bool:
    """Return whether most answers of the last minute failed, for no fault of their visitors'."""
    since = time.monotonic() - RECENT_SECONDS
    failures = [is_failure for ended, is_failure in list(_recent) if ended >= since]
    return sum(failures) >= max(MIN_FAILURES, len(failures) / 2)


def failed(error: BaseException) -> None:
    """Count an error, see count_error, as the outcome of the request around it."""
    kind = count_error(error)
    current = _request.get()
    if current:
        current.outcome = kind
        current.is_failure = kind == "unexpected" or isinstance(error, OPERATORS_ERRORS)


def count_error(error: BaseException) -> str:
    """Count an error by its class, and return what it counts as. One that is not ours is logged with its place.

    Its text is not: it may quote anything.
    """
    is_ours = isinstance(error, LookalikeError)
    kind = type(error).__name__ if is_ours else "unexpected"
    ERRORS.labels(kind).inc()
    if not is_ours:
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        where = _place(trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace else None
        log("unexpected", logging.ERROR, error=type(error).__name__, where=where)
    return kind


def count_click(event: str, rank: int) -> None:
    """Count what a shopper did with a product at a rank, 0 outside of an answer. Which product is in no metric."""
    CLICKS.labels(_check_name(event, EVENTS), str(rank) if rank <= MAX_RANK_LABEL else f"over {MAX_RANK_LABEL}").inc()


def index_loaded(index: Index, written_at: float) -> None:
    """Set the index's gauges; written_at is when its files were written, in seconds since 1970."""
    PRODUCTS.set(len(index.names))
    INDEX_AGE.set_function(lambda: time.time() - written_at)


def metrics() -> bytes:
    """Return what Prometheus reads, with every class of error that is known by now, at 0 if it never occurred."""
    declare_series()
    return exposition.generate_latest(REGISTRY)


def declare_series() -> None:
    """Make every kind and stage a series that starts at 0: an alert on a rate must not miss the first one."""
    BUILD.info({"version": __version__, "python": platform.python_version(), "system": platform.platform(terse=True)})
    for kind in KINDS:
        QUERIES.labels(kind)
    for name in STAGES:
        LATENCY.labels(name)
    for kind in (*_subclass_names(LookalikeError), "unexpected"):
        ERRORS.labels(kind)


def _subclass_names(base: type[LookalikeError]) -> Iterator[str]:
    for derived in base.__subclasses__():
        yield derived.__name__
        yield from _subclass_names(derived)


def _is_harmless(value: Field) -> bool:
    if isinstance(value, dict):
        return value.keys() <= set(STAGES) and all(map(_is_harmless, value.values()))
    return value is None or isinstance(value, (bool, int, float)) or bool(HARMLESS.fullmatch(str(value)))


def _place(file: str, line: int) -> str:
    """Return wing-module-line of a file of this package, such as web-look_up-page-31, and module-line of any other."""
    path = Path(file)
    parts = path.relative_to(PACKAGE).with_suffix("").parts if path.is_relative_to(PACKAGE) else (path.stem,)
    return "-".join((*parts, str(line)))


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _check_name(name: str, names: tuple[str, ...]) -> str:
    if name not in names:
        raise ValueError(f"{name!r} is none of {', '.join(names)}")
    return name
