"""Words that join a photo or a product: one field, and a chip for each of them that was understood."""

import weakref
from collections.abc import Callable
from functools import partial

import streamlit as st

from lookalike.search.lexicon import Understood
from lookalike.search.recommender import Recommender
from lookalike.search.steering import add_words, remove_words
from lookalike.search.word_ranking import WordRanking
from lookalike.web import actions, texts
from lookalike.web.look_up import session
from lookalike.web.look_up.answers import word_ranking
from lookalike.web.look_up.permalink import MAX_LETTERS
from lookalike.web.look_up.session import Query

FIELD = "words-field"
FIELD_WIDTH = 260


def draw(recommender: Recommender, query: Query, understood: Understood) -> None:
    """Draw the field, the words that joined the query, each to take off, and a sentence on those not understood."""
    # Streamlit keeps callbacks for as long as the tab is open, and they must not keep an index.
    kept, words = weakref.ref(recommender), query.search.words
    with st.container(horizontal=True, gap="xsmall", key="words", vertical_alignment="center"):
        _draw_field(partial(_add, kept, words))
        for phrase in dict.fromkeys(understood.known):
            label = texts.escape_markdown(phrase)
            # A colon: no column of a table gives a filter's chip this key.
            actions.button(
                label, f"chip-words:{phrase}", partial(_remove, kept, words, phrase), icon=":material/close:"
            )
    if understood.unknown:
        st.caption(
            texts.escape_markdown(texts.not_understood_note(understood.known, understood.unknown, texts.WORDS_ADVICE))
        )


def _draw_field(add: Callable[[str], None]) -> None:
    """Draw the field, which is empty again once its words have joined the query."""

    def take() -> None:
        # What is typed may arrive after the field has left the page.
        typed = st.session_state.get(FIELD, "").strip()
        st.session_state[FIELD] = ""
        if typed:
            add(typed)

    is_first = actions.is_first_drawn(FIELD)
    if st.session_state.pop(f"{FIELD}-taken", False):
        st.session_state[FIELD] = ""
    typed = st.text_input(
        texts.WORDS_LABEL, placeholder=texts.WORDS_PLACEHOLDER, key=FIELD, on_change=take,
        label_visibility="collapsed", width=FIELD_WIDTH,
    )  # fmt: skip
    if is_first and typed.strip():
        add(typed.strip())
        st.session_state[f"{FIELD}-taken"] = True
        st.rerun()


def _add(kept: "weakref.ref[Recommender]", before: str, added: str) -> None:
    recommender = kept()
    # Without it, the index has been replaced: the next one reads the words anew.
    session.set_words(add_words(_ranking(recommender), before, added, MAX_LETTERS) if recommender else added)


def _remove(kept: "weakref.ref[Recommender]", before: str, phrase: str) -> None:
    if recommender := kept():
        session.set_words(remove_words(_ranking(recommender), before, phrase))


def _ranking(recommender: Recommender) -> WordRanking:
    return word_ranking(recommender)
