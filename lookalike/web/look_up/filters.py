"""Like this, but: filters with counts, neighbors' words that become filters, and what counts more."""

import streamlit as st

from lookalike.web import texts
from lookalike.web.look_up import session

# Up to so many words are all shown, to tap; of more, a list that can be searched.
MAX_PILLS = 8


def bar(shop, query, image):
    """What stays in sight while the results are scrolled: the query, small, the filters and the balance."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="bar"):
        if image:
            with st.container(width=44, key="thumb"):
                st.image(image, width=44, alt="")
        st.header(texts.RESULTS, anchor=False, width="content")
        filters(shop, query.asked.filters)
        if "color" in shop.index.widths:
            balance(query.asked.balance)


def filters(shop, chosen):
    """The catalogue's attributes, each with how many products its words would leave."""
    counts = shop.facets.counts(chosen)
    if not counts:
        return
    with st.popover(texts.filters(sum(map(len, chosen.values()))), icon=":material/tune:", key="filters"):
        st.markdown(f"**{texts.FILTERS_TITLE}**")
        for column, words in counts.items():
            _facet(column, words, chosen.get(column, ()))
        if chosen:
            st.button(texts.FILTERS_CLEAR, key="clear", on_click=session.change, kwargs={"filters": {}})


def balance(chosen):
    """The scale from the same look to the same color."""
    with st.popover(texts.BALANCE, icon=":material/palette:", key="balance"):
        key = "balance-slider"
        nearest = min(texts.BALANCES, key=lambda step: abs(step - chosen))
        _agree(key, nearest)
        st.select_slider(
            texts.BALANCE_LABEL,
            list(texts.BALANCES),
            key=key,
            format_func=texts.BALANCES.get,
            on_change=lambda: _tell(key, lambda value: session.change(balance=value)),
        )
        with st.container(horizontal=True, horizontal_alignment="distribute", gap="small"):
            st.caption(texts.BALANCES[0.0], width="content")
            st.caption(texts.BALANCES[1.0], width="content")


def chips(query, votes):
    """The filters that are set, to take away, and the neighbors' words, to set."""
    chosen = query.asked.filters
    offered = [(column, word) for column, word, _ in votes if column not in chosen]
    if not chosen and not offered:
        return
    with st.container(horizontal=True, gap="xsmall", key="chips", vertical_alignment="center"):
        for column, words in chosen.items():
            for word in words:
                _chip(column, word, ":material/close:", tuple(other for other in words if other != word))
        if offered:
            st.caption(texts.LOOKS_LIKE, width="content")
        for column, word in offered:
            _chip(column, word, ":material/add:", (word,))


def _chip(column, word, icon, words):
    st.button(
        texts.escape(word),
        icon=icon,
        key=f"chip-{column}-{word}",
        type="secondary",
        on_click=session.only,
        args=(column, words),
    )


def _facet(column, counts, chosen):
    key = f"facet-{column}"
    _agree(key, [word for word in chosen if word in counts])
    few = len(counts) <= MAX_PILLS
    draw = st.pills if few else st.multiselect
    more = {"selection_mode": "multi"} if few else {"placeholder": texts.FILTERS_ANY}
    draw(
        texts.escape(texts.column(column)),
        list(counts),
        key=key,
        # Pills read Markdown, the list does not.
        format_func=lambda word: texts.counted(texts.escape(word) if few else word, counts[word]),
        on_change=lambda: _tell(key, lambda words: session.only(column, words)),
        **more,
    )


def _agree(key, value):
    """Let a widget show what the query says, which a chip or the address may have changed."""
    # Not in answer to the widget itself: that would undo what a quick hand has set meanwhile.
    if not st.session_state.pop(f"{key}-told", False):
        st.session_state[key] = value


def _tell(key, ask):
    """Ask for what a widget of that key was set to."""
    st.session_state[f"{key}-told"] = True
    ask(st.session_state[key])
