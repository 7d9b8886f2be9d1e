"""What shoppers do with answers on the page, counted where the shop wants that; see lookalike/serving/clicks.py."""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote, urlencode

import streamlit as st

from lookalike.search.clicks import Event
from lookalike.search.recommender import Match
from lookalike.serving.state import server_state
from lookalike.web.look_up.session import Query

# The address on this server that counts a click and leads to a product's page; see lookalike/web/click_redirect.py.
GO = "go"


def count(event: Event, identity: str, rank: int) -> None:
    """Count what the visitor did with a product at its rank in the answer, 0 outside of one."""
    clicks = server_state().clicks
    if clicks:
        clicks.count(event, identity, rank)


def count_shown(query: Query, matches: Sequence[Match]) -> None:
    """Count the products of an answer as shown, each once for as long as the question stays the same."""
    if server_state().clicks is None:
        return
    question = (query.key, replace(query.search, count=0, way=""))
    before = st.session_state.get("shown")
    shown: set[tuple[int, str]] = before[1] if before and before[0] == question else set()
    now = {(match.rank, match.product.identity) for match in matches}
    for rank, identity in sorted(now - shown):
        count("shown", identity, rank)
    st.session_state.shown = question, shown | now


def shop_link(identity: str, link: str, rank: int) -> str:
    """Return where a product's link leads: to the shop's page, by way of this server where clicks are counted."""
    if server_state().clicks is None:
        return link
    return f"{GO}/{quote(identity, safe='')}?{urlencode({'rank': rank})}"
