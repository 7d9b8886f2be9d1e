"""A question's way to its answer when many ask: so many a minute from each visitor, so many at once from all."""

import math
import os
import secrets
from contextlib import ExitStack, contextmanager

import streamlit as st

from lookalike.errors import LookalikeError
from lookalike.serving import telemetry
from lookalike.serving.admission import FairQueue, RateLimit
from lookalike.web import texts

BURST = 20

DEFAULT_PER_MINUTE = 40


def _limit():
    """So many new questions a minute for one visitor; None is no limit, as where the proxy has one."""
    try:
        per_minute = int(os.environ.get("LOOKALIKE_QUERIES_PER_MINUTE", ""))
    except ValueError:
        per_minute = DEFAULT_PER_MINUTE
    return RateLimit(per_minute, BURST) if per_minute > 0 else None


# One queue and one count a process: this module is imported once, however often the page is drawn.
QUEUE, LIMIT = FairQueue(os.cpu_count() or 1), _limit()


def count(question=None):
    """Count a question of this visitor, unless it is the one asked last; raises LookalikeError beyond the limit."""
    if LIMIT is None or (question is not None and st.session_state.get("counted") == question):
        return
    wait = LIMIT.allow(_address() or _visitor())
    if wait:
        raise LookalikeError(texts.TOO_MANY.format(seconds=math.ceil(wait)))
    st.session_state.counted = question


@contextmanager
def turn():
    """Hold one of the few turns to compute; while others hold them, the page says how many come before."""
    place = st.empty()

    def say(position):
        place.info(texts.WAITING.format(before=position) if position else texts.NEXT)

    with ExitStack() as held:
        with telemetry.waiting():
            held.enter_context(QUEUE.slot(_visitor(), say))
        place.empty()
        yield


def _address():
    """Where the visitor comes from, as the server or the proxy before it knows; None on this machine itself."""
    return st.context.ip_address


def _visitor():
    """What tells this visit from others, and nothing more."""
    return st.session_state.setdefault("visitor", secrets.token_hex(8))
