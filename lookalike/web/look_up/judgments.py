"""Likes and dislikes of results: the buttons on the cards, and the row in which each can be taken back."""

from collections.abc import Hashable
from functools import partial

import streamlit as st

from lookalike.search.recommender import Recommender
from lookalike.web import actions, clicks, pictures, texts
from lookalike.web.look_up import session
from lookalike.web.look_up.session import Query

PICTURE_WIDTH = 40


def draw_buttons(query: Query, identity: str, rank: int = 0) -> None:
    """Draw the two buttons of a card at its rank; the one that was tapped is marked, and takes it back."""
    search = query.search
    for is_liked, judged, label in ((True, search.liked, texts.LIKE), (False, search.disliked, texts.DISLIKE)):
        is_judged = identity in judged
        actions.button(
            label,
            f"{'yes' if is_liked else 'no'}-{identity}",
            partial(_judge, identity, None if is_judged else is_liked, rank),
            type="primary" if is_judged else "tertiary",
            icon=":material/thumb_up:" if is_liked else ":material/thumb_down:",
            width="stretch",
        )


def draw(recommender: Recommender, version: Hashable, query: Query) -> None:
    """Draw the judged products in a row, each a button that takes its judgment back; nothing without any."""
    judged = [(one, True) for one in query.search.liked] + [(one, False) for one in query.search.disliked]
    known = [(row, is_liked) for one, is_liked in judged if (row := recommender.row(one)) is not None]
    if not known:
        return
    with st.container(horizontal=True, gap="small", key="judged", vertical_alignment="center"):
        st.caption(texts.JUDGED, width="content")
        for row, is_liked in known:
            product = recommender.index.product(row)
            icon = ":material/thumb_up:" if is_liked else ":material/thumb_down:"
            with st.container(
                horizontal=True, gap="xsmall", width="content", vertical_alignment="center",
                key=f"judged-{product.identity}",
            ):  # fmt: skip
                pictures.draw_product(recommender.index, product, version, PICTURE_WIDTH)
                take_back = partial(session.judge, product.identity, None)
                label = texts.escape_markdown(texts.headline(product))
                actions.button(label, f"back-{product.identity}", take_back, icon=icon)


def _judge(identity: str, is_liked: bool | None, rank: int) -> None:
    if is_liked is not None:
        clicks.count("liked" if is_liked else "disliked", identity, rank)
    session.judge(identity, is_liked)
