"""What refines the results: filters with counts, the neighbors' words as filters, and the balance of look and color."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from lookalike.search.recommender import Recommender
from lookalike.types import Filters
from lookalike.web import actions, texts
from lookalike.web.look_up import session
from lookalike.web.look_up.session import Query

# Up to this many words are all shown, to tap; more of them become a list that can be searched.
MAX_PILLS = 8
THUMB_WIDTH = 44


def draw_bar(recommender: Recommender, query: Query, picture: bytes | None) -> None:
    """Draw what stays visible while the results scroll: the query's picture, small, the filters and the balance."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="bar"):
        if picture:
            with st.container(width=THUMB_WIDTH, key="thumb"):
                st.image(picture, width=THUMB_WIDTH, alt="")
        st.header(texts.RESULTS, anchor=False, width="content")
        draw_filters(recommender, query.search.filters)
        if recommender.has_balance:
            draw_balance(query.search.balance)


def draw_filters(recommender: Recommender, chosen: Filters) -> None:
    """Draw the catalogue's attributes, each word with the number of products it would leave."""
    counts = recommender.facets.counts(chosen)
    if not counts:
        return
    with st.popover(texts.filters_label(sum(map(len, chosen.values()))), icon=":material/tune:", key="filters"):
        st.markdown(f"**{texts.FILTERS_TITLE}**")
        for column, words in counts.items():
            _draw_column(column, words, chosen.get(column, ()), recommender.facets.currency)
        if chosen:
            actions.button(texts.FILTERS_CLEAR, "clear", partial(session.change_search, filters={}))


def draw_balance(chosen: float) -> None:
    """Draw the scale from the same look to the same color."""
    with st.popover(texts.BALANCE, icon=":material/palette:", key="balance"):
        _draw_choice(
            partial(st.select_slider, texts.BALANCE_LABEL, list(texts.BALANCES)),
            "balance-slider",
            "value",
            min(texts.BALANCES, key=lambda step: abs(step - chosen)),
            lambda value: session.change_search(balance=value),
            format_func=texts.BALANCES.__getitem__,
        )
        with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
            for end in (min(texts.BALANCES), max(texts.BALANCES)):
                st.caption(texts.BALANCES[end], width="content")


def draw_chips(query: Query, votes: Sequence[tuple[str, str, float]], currency: str = "") -> None:
    """Draw the filters that are set, to remove, and the words that the neighbors voted for, to add."""
    chosen = query.search.filters
    offered = [(column, word) for column, word, _ in votes if column not in chosen]
    if not chosen and not offered:
        return
    with st.container(horizontal=True, gap="xsmall", key="chips", vertical_alignment="center"):
        for column, words in chosen.items():
            for word in words:
                others = [other for other in words if other != word]
                _draw_chip(column, word, ":material/close:", others, texts.filter_label(column, word, currency))
        if offered:
            st.caption(texts.LOOKS_LIKE, width="content")
        for column, word in offered:
            _draw_chip(column, word, ":material/add:", [word], word)


def _draw_chip(column: str, word: str, icon: str, words: Sequence[str], label: str) -> None:
    set_filter = partial(session.set_filter, column, words)
    actions.button(texts.escape_markdown(label), f"chip-{column}-{word}", set_filter, icon=icon)


def _draw_column(column: str, counts: Mapping[str, int], chosen: Sequence[str], currency: str) -> None:
    is_short = len(counts) <= MAX_PILLS
    # Pills read Markdown, the list does not.
    shown = {word: texts.filter_label(column, word, currency) for word in counts}
    labels = {
        word: texts.word_with_count(texts.escape_markdown(shown[word]) if is_short else shown[word], count)
        for word, count in counts.items()
    }
    label, options = texts.escape_markdown(texts.column_title(column)), list(counts)
    _draw_choice(
        partial(st.pills, label, options, selection_mode="multi")
        if is_short
        else partial(st.multiselect, label, options, placeholder=texts.FILTERS_ANY),
        f"facet-{column}",
        "default",
        [word for word in chosen if word in counts],
        partial(session.set_filter, column),
        format_func=labels.__getitem__,
    )


def _draw_choice(
    draw: Callable[..., Any],
    key: str,
    default: str,
    value: object,
    apply: Callable[[Any], None],
    format_func: Callable[[Any], str],
) -> None:
    """Draw a widget that shows a value of the query, and apply what the visitor sets it to.

    default is what the widget's function calls the value that it begins with.
    """

    def take_value() -> None:
        # What is set may arrive after the widget has left the page.
        if key in st.session_state:
            st.session_state[f"{key}-used"] = True
            apply(st.session_state[key])

    begin = {}
    if is_first := actions.is_first_drawn(key):
        begin[default] = value  # and what the browser may know better counts more
    # Not right after the widget itself was used: that would undo what a quick visitor has changed since.
    elif not st.session_state.pop(f"{key}-used", False):
        # A chip or the address may have changed it.
        st.session_state[key] = value
    if draw(key=key, format_func=format_func, on_change=take_value, **begin) != value and is_first:
        take_value()
        st.rerun()
