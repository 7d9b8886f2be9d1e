"""What many visitors share: each may ask a number of questions a minute, and all take turns to compute."""

import ipaddress
import secrets
from collections.abc import Collection, Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import streamlit as st

from lookalike.errors import TemporaryError
from lookalike.serving import telemetry
from lookalike.serving.admission import FairQueue
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
    wait = limit.allow(_network(st.context.ip_address) or _visit_id(), max(1, len(new_photos)))
    if wait:
        raise TemporaryError(texts.TOO_MANY_SEARCHES, wait)
    st.session_state.counted = question
    st.session_state.counted_photos = set(photos)


@contextmanager
def take_turn(queue: FairQueue | None = None) -> Iterator[None]:
    """Hold one of a queue's few turns, by default to compute. Meanwhile the page says how many others come first."""
    place = st.empty()

    def show_position(position: int) -> None:
        place.info(texts.WAITING.format(before=position) if position else texts.NEXT)

    with ExitStack() as stack:
        with telemetry.waiting():
            stack.enter_context((queue or server_state().queue).slot(_visit_id(), show_position))
        place.empty()
        yield


def take_decoder_turn() -> AbstractContextManager[None]:
    """Hold one of the turns to decode what may take long, so that quick questions are not held up."""
    return take_turn(server_state().decoder_queue)


def _network(address: str | None) -> str | None:
    """Return what counts as one visitor's address: IPv6 gives every visitor a network of 2^64 addresses."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)


def _visit_id() -> str:
    """Return what tells this visit apart from others, and nothing more."""
    return st.session_state.setdefault("visitor", secrets.token_hex(8))
