"""Favorites, which the visitor's browser remembers, and the lists that can be downloaded."""

import math
import time
from collections.abc import Hashable, Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from lookalike.search.recommender import Match, Recommender
from lookalike.web import actions, clicks, downloads, offers, pictures, texts
from lookalike.web.components.browser_memory import browser_memory
from lookalike.web.look_up import session

PICTURE_WIDTH = 72
# A browser may send anything.
MAX_FAVORITES = 500
# For so long after the favorites are known, a tap may be on a button that was drawn before.
SETTLING_SECONDS = 0.5


def draw_button(identity: str, rank: int = 0) -> None:
    """Draw the button that keeps a product at its rank in an answer, or removes it again."""
    is_kept = identity in _identities()
    actions.button(
        texts.KEPT if is_kept else texts.KEEP,
        f"keep-{identity}",
        partial(_toggle, identity, rank),
        icon=":material/favorite:" if is_kept else ":material/favorite_border:",
        type="primary" if is_kept else "secondary",
    )


def draw_popover(recommender: Recommender, version: Hashable) -> None:
    """Draw the favorites behind one button."""
    identities, index = _identities(), recommender.index
    # A new index may give a product that was known by its name its number as identity.
    identities[:] = dict.fromkeys(_current_identity(recommender, identity) for identity in identities)
    products = [index.product(row) for row in map(recommender.row, identities) if row is not None]
    with st.popover(texts.favorites_label(len(products)), icon=":material/favorite:", key="favorites-list"):
        if not products:
            st.write(texts.NO_FAVORITES)
            return
        for product in products:
            identity = product.identity
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"favorite-{identity}"):
                pictures.draw_product(index, product, version, PICTURE_WIDTH)
                with st.container(gap="xsmall"):
                    st.markdown(f"**{texts.escape_markdown(texts.headline(product))}**")
                    offers.draw(product)
                    _draw_actions(identity)
        rows = [(texts.FAVORITES, product, None) for product in products]
        _draw_download(texts.DOWNLOAD_FAVORITES, downloads.products_csv(rows, first="list"), texts.FAVORITES_FILE)


def remember(place: DeltaGenerator) -> None:
    """Let the browser remember the favorites, and learn from it those of earlier visits; show nothing there."""
    with place:
        browser_memory("favorites", _identities(), are_known(), _take_remembered, _replace)


def draw_results_download(matches: list[Match]) -> None:
    """Draw the button that downloads the results as a table."""
    if matches:
        _draw_download(texts.DOWNLOAD, downloads.products_csv(downloads.match_rows(matches)), texts.RESULTS_FILE)


def _identities() -> list[str]:
    """Return the identities of the favorites, in the order they were kept."""
    return st.session_state.setdefault("favorites", [])


def are_known() -> bool:
    """Return whether the browser has said what it remembers."""
    return st.session_state.get("knows_favorites", False)


def _current_identity(recommender: Recommender, identity: str) -> str:
    row = recommender.row(identity)
    return identity if row is None else recommender.index.identity(row)


def _draw_actions(identity: str) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        actions.button(texts.MORE_LIKE_THIS, f"like-kept-{identity}", partial(session.search_product, identity))
        actions.button(texts.REMOVE, f"forget-{identity}", partial(_toggle, identity))


def _draw_download(label: str, content: bytes, name: str) -> None:
    st.download_button(label, content, name, "text/csv", icon=":material/download:", key=name, on_click="ignore")


def _toggle(identity: str, rank: int = 0) -> None:
    identities = _identities()
    if identity in identities:
        # A button drawn before the browser had said what it remembers still says "Keep" a moment later.
        if time.monotonic() - st.session_state.get("knows_since", -math.inf) < SETTLING_SECONDS:
            return
        identities.remove(identity)
    else:
        identities.append(identity)
        clicks.count("kept", identity, rank)
    if not are_known():
        st.session_state.setdefault("early", []).append(identity)


def _take_remembered(remembered: Sequence[str]) -> None:
    """Take the favorites that the browser remembers, with what was done before they were known done to them."""
    if not are_known():
        kept = _identities()
        removed = set(st.session_state.pop("early", [])) - set(kept)
        _replace([*(identity for identity in remembered if identity not in removed), *kept])
        st.session_state.update(knows_favorites=True, knows_since=time.monotonic())


def _replace(identities: Sequence[str]) -> None:
    st.session_state.favorites = list(dict.fromkeys(identities))[:MAX_FAVORITES]
