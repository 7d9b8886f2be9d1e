"""What many visitors share: each may ask a number of questions a minute, and all take turns to compute."""

import math
import secrets
from collections.abc import Hashable, Iterator
from contextlib import ExitStack, contextmanager

import streamlit as st

from lookalike.errors import LookalikeError
from lookalike.serving import telemetry
from lookalike.serving.state import server_state
from lookalike.web import texts


def count_question(question: Hashable = None) -> None:
    """Count a question of this visitor, unless it is the same as the last one; raises LookalikeError over the limit."""
    limit = server_state().rate_limit
    if limit is None or (question is not None and st.session_state.get("counted") == question):
        return
    # The IP address is None for a visitor on this machine.
    wait = limit.allow(st.context.ip_address or _visit_id())
    if wait:
        raise LookalikeError(texts.TOO_MANY_SEARCHES.format(seconds=math.ceil(wait)))
    st.session_state.counted = question


@contextmanager
def take_turn() -> Iterator[None]:
    """Hold one of the few turns to compute. While others hold them, the page says how many come first."""
    place = st.empty()

    def show_position(position: int) -> None:
        place.info(texts.WAITING.format(before=position) if position else texts.NEXT)

    with ExitStack() as stack:
        with telemetry.waiting():
            stack.enter_context(server_state().queue.slot(_visit_id(), show_position))
        place.empty()
        yield


def _visit_id() -> str:
    """Return what tells this visit apart from others, and nothing more."""
    return st.session_state.setdefault("visitor", secrets.token_hex(8))
