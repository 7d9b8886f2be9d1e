"""What many visitors share: each may ask a number of questions a minute, and all take turns to compute."""

import secrets
from collections.abc import Collection, Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lookalike.errors import TemporaryError
from lookalike.serving import telemetry
from lookalike.serving.admission import FairQueue, network_of
from lookalike.serving.state import server_state
from lookalike.web import texts


def count_question(question: Hashable = None, photos: Collection[str] = ()) -> None:
    """Count a question of this visitor, unless it is the same as the last one; raises TemporaryError over the limit.

    photos are the digests of its photos. Each that the last question did not have counts as a question of its own.
    """
    limit = server_state().rate_limit
    if limit is None or (question is not None and st.session_state.get("counted") == question):
        return
    new_photos = set(photos) - st.session_state.get("counted_photos", set())
    # The IP address is None for a visitor on this machine.
    wait = limit.allow(network_of(st.context.ip_address) or _visit_id(), max(1, len(new_photos)))
    if wait:
        raise TemporaryError(texts.TOO_MANY_SEARCHES, wait)
    st.session_state.counted = question
    st.session_state.counted_photos = set(photos)


@contextmanager
def take_turn(queue: FairQueue | None = None, place: DeltaGenerator | None = None) -> Iterator[None]:
    """Hold one of a queue's few turns, by default to compute. Meanwhile the page says how many others come first.

    It says so in that place, by default in one of its own.
    """
    place = place or st.empty()

    def show_position(position: int) -> None:
        place.info(texts.WAITING.format(before=position) if position else texts.NEXT)

    with ExitStack() as stack:
        with telemetry.waiting():
            stack.enter_context((queue or server_state().queue).slot(_visit_id(), show_position))
        place.empty()
        yield


def take_decoder_turn(place: DeltaGenerator) -> AbstractContextManager[None]:
    """Hold one of the turns to decode what may take long, so that quick questions are not held up; see take_turn."""
    return take_turn(server_state().decoder_queue, place)


def _visit_id() -> str:
    """Return what tells this visit apart from others, and nothing more."""
    return st.session_state.setdefault("visitor", secrets.token_hex(8))
