"""The page Look up: a photo or a product in, the products most like it out."""

from collections.abc import Hashable
from pathlib import Path

import streamlit as st

from lookalike.errors import LookalikeError, TemporaryError
from lookalike.search.recommender import Recommender
from lookalike.serving import telemetry
from lookalike.serving.uploads import keep
from lookalike.web import actions, texts, visitors
from lookalike.web.look_up import answers, favorites, filters, query_panel, results, session, start
from lookalike.web.look_up.answers import Answer
from lookalike.web.look_up.permalink import DEFAULT_COUNT
from lookalike.web.look_up.session import Query


def show(recommender: Recommender, version: Hashable, keep_in: Path | None = None) -> None:
    """Draw the page over the index of a Recommender; what is computed of that index is cached by its version.

    keep_in is the folder that keeps visitors' photos, None to keep none.
    """
    query = session.current_query(recommender.facets.words)
    answers.calibration(recommender)  # begins to compute while the visitor looks for a photo
    if start.listen():
        st.rerun()
    # What was kept is remembered at once; what the browser has to be asked for must not interrupt the answer.
    if favorites.are_known():
        favorites.remember()
    _draw_header(recommender, version, query, keep_in)
    if query.is_empty:
        if query.is_lost:
            st.info(texts.PHOTO_GONE)
        st.write(texts.LEAD)
        start.draw(recommender, version, keep_in is not None, query.search.way)
        start.draw_examples(recommender, version)
    else:
        _look_up(recommender, version, query, keep_in)
    if not favorites.are_known():
        favorites.remember()


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
                needs_more_pixels = query.has_region or keep_in is not None
                answers.decode_slow_photos(recommender, query, visitors.take_decoder_turn, needs_more_pixels)
                with visitors.take_turn(), answers.memory_may_be_short():
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
    except TemporaryError as error:
        actions.try_again_later(error)
    except LookalikeError as error:
        st.error(texts.escape_markdown(str(error)))


def _draw_results(recommender: Recommender, version: Hashable, answer: Answer) -> None:
    query = answer.query
    filters.draw_bar(recommender, query, answer.pictures[0])
    filters.draw_chips(query, answer.assessment.votes)
    if answer.assessment.unrelated:
        st.info(texts.UNRELATED)
    if not answer.matches:
        st.warning(texts.NONE_LEFT if query.search.filters else texts.NO_OTHERS)
    elif len(answer.matches) < min(query.search.count, DEFAULT_COUNT) and query.search.filters:
        st.caption(texts.FEWER_LEFT)
    results.draw(recommender, version, answer)
