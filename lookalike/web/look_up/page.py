"""The page Look up: a photo or a product in, the products most like it out."""

from collections.abc import Hashable
from functools import partial
from pathlib import Path

import streamlit as st

from lookalike.errors import LookalikeError, TemporaryError
from lookalike.images.decoding import MAX_PHOTO_BYTES
from lookalike.search.recommender import Recommender
from lookalike.serving import telemetry
from lookalike.serving.uploads import keep
from lookalike.web import actions, pictures, texts, visitors
from lookalike.web.components.dialog_step import dialog_step
from lookalike.web.components.photo_memory import ask_for_photos, keep_photos
from lookalike.web.look_up import answers, favorites, filters, judgments, query_panel, results, session, start, words
from lookalike.web.look_up.answers import Answer
from lookalike.web.look_up.permalink import DEFAULT_COUNT
from lookalike.web.look_up.session import Query

# Larger files than this would keep a phone's connection busy on their way back to the browser.
MAX_KEEPSAKE_BYTES = 200_000


def show(recommender: Recommender, version: Hashable, keep_in: Path | None = None) -> None:
    """Draw the page over the index of a Recommender; what is computed of that index is cached by its version.

    keep_in is the folder that keeps visitors' photos, None to keep none.
    """
    query = session.current_query(recommender.facets.words)
    answers.calibration(recommender)  # begins to compute while the visitor looks for a photo
    if start.listen():
        st.rerun()
    # What was kept is remembered at once; what the browser has to be asked for must not interrupt the answer. Its place
    # is always the same: if anything moved in the second run, the browser would draw the whole page again.
    memory = st.container(key="memory")
    with memory:
        dialog_step(session.is_any_why_open())
    if favorites.are_known():
        favorites.remember(memory)
    _draw_header(recommender, version, query, keep_in)
    if query.is_empty:
        if query.is_lost:
            _draw_lost_photo(query)
        # One container: it leaves the page at once and whole when an answer takes its place.
        with st.container(key="opening"):
            with st.container(key="start"):
                st.write(texts.LEAD)
                start.draw(recommender, version, keep_in is not None, query.search.way)
            start.draw_examples(recommender, version)
    else:
        _look_up(recommender, version, query, keep_in)
    if not favorites.are_known():
        favorites.remember(memory)


def _draw_header(recommender: Recommender, version: Hashable, query: Query, keep_in: Path | None) -> None:
    """Draw the title and what is always within reach."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        st.title(texts.TITLE, anchor=False, width="stretch")
        if not query.is_empty:
            with st.popover(texts.NEW_SEARCH, icon=":material/add_a_photo:", key=session.start_key("new")):
                start.draw(recommender, version, keep_in is not None, query.search.way)
        favorites.draw_popover(recommender, version)


def _look_up(recommender: Recommender, version: Hashable, query: Query, keep_in: Path | None) -> None:
    """Answer the query and draw it on the left, with its results on the right or, on a phone, below."""
    try:
        with telemetry.request(query.kind):
            visitors.count_question(query.key, [photo.digest for photo in query.photos])
            with st.spinner(texts.SEARCHING):
                # The answer may ask with one garment of a photo.
                needs_more_pixels = query.has_region or query.may_show_outfit or keep_in is not None
                # One place in every run, with or without slow photos: what is below must not move.
                take_decoder_turn = partial(visitors.take_decoder_turn, st.empty())
                with actions.memory_may_be_short():
                    answers.decode_slow_photos(recommender, query, take_decoder_turn, needs_more_pixels)
                    with visitors.take_turn():
                        answer = answers.answer(recommender, version, query)
                        if keep_in:
                            for photo, view in zip(query.photos, answer.views):
                                keep(view, photo.digest, keep_in)
            with telemetry.stage("show"):
                left, right = st.columns([1, 3.6], gap="medium")
                with left:
                    query_panel.draw(answer)
                with right:
                    _draw_results(recommender, version, answer)
                if query.photos:
                    _keep_in_browser(answer)
    except TemporaryError as error:
        actions.try_again_later(error)
    except LookalikeError as error:
        st.error(texts.escape_markdown(str(error)))
        start.draw_examples(recommender, version)


def _draw_lost_photo(query: Query) -> None:
    """Ask the browser for the photos of a query; once it has said that it does not keep them, ask the visitor."""
    if not query.is_asked_for:
        st.info(texts.PHOTO_GONE)
        return
    st.info(texts.PHOTO_COMES)
    ask_for_photos(query.search.photo, session.MAX_PHOTOS, MAX_PHOTO_BYTES, session.take_photos_back)


def _keep_in_browser(answer: Answer) -> None:
    """Let the browser keep the photos of an answer: small files as they are, of others what the page shows of them."""
    query, kept = answer.query, []
    if session.is_new_to_browser(query.search.photo):
        for photo, shown in zip(query.photos, answer.pictures):
            content = photo.content  # empty if it was given up since
            kept.append(shown if shown and not 0 < len(content) <= MAX_KEEPSAKE_BYTES else content)
    keep_photos(query.search.photo, [pictures.data_url(content) for content in kept if content])
    # Only now: Streamlit may end a run whenever it draws.
    session.note_given_to_browser(query.search.photo)


def _draw_results(recommender: Recommender, version: Hashable, answer: Answer) -> None:
    query = answer.query
    filters.draw_bar(recommender, query, answer.pictures[0])
    if answer.understood is not None:
        words.draw(recommender, query, answer.understood)
    filters.draw_chips(query, answer.assessment.votes, recommender.facets.currency)
    judgments.draw(recommender, version, query)
    if answer.assessment.unrelated:
        st.info(texts.UNRELATED)
    if not answer.matches:
        _draw_nothing_found(recommender, version, query)
    elif len(answer.matches) < min(query.search.count, DEFAULT_COUNT) and query.search.filters:
        st.caption(texts.FEWER_LEFT)
    results.draw(recommender, version, answer)


def _draw_nothing_found(recommender: Recommender, version: Hashable, query: Query) -> None:
    """Say that no product is left, with the ways on: without the filters, or from another product."""
    has_filters = bool(query.search.filters)
    with st.container(key="nothing"):
        st.warning(texts.NONE_LEFT if has_filters else texts.NO_OTHERS)
        if has_filters:
            clear = partial(session.change_search, filters={})
            actions.button(texts.FILTERS_CLEAR, "clear-all", clear, type="primary", icon=":material/filter_alt_off:")
    if has_filters:
        start.draw_examples(recommender, version)
