"""The page Look up: a photo or a product in, the products most like it out."""

import streamlit as st

from lookalike.errors import LookalikeError
from lookalike.serving import telemetry
from lookalike.serving.uploads import keep
from lookalike.web import pictures, texts, visitors
from lookalike.web.look_up import answers, favorites, filters, query_panel, results, session, start


def show(shop, folder, version, keep_in=""):
    """Draw the page for a Recommender over the index in folder, whose version renews what is cached.

    keep_in is the folder that visitors' photos are kept in, "" for none.
    """
    query = session.current(shop.facets.words)
    answers.judges(shop, version)
    header(shop, version, query, keep_in)
    if query.is_empty:
        begin(shop, version, keep_in)
    else:
        look(shop, version, query, keep_in)


def header(shop, version, query, keep_in):
    """The title, and what is at hand at any time."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="header"):
        st.title(texts.TITLE, anchor=False, width="stretch")
        if not query.is_empty:
            with st.popover(texts.NEW_SEARCH, icon=":material/add_a_photo:", key=f"new-{session.generation()}"):
                start.draw(shop, version, keep_in)
        favorites.popover(shop, version)


def begin(shop, version, keep_in):
    """Nothing asked yet: every way to begin, and three examples."""
    st.write(texts.LEAD)
    start.draw(shop, version, keep_in)
    start.examples(shop, version)


def look(shop, version, query, keep_in):
    """The query, and its answer beside it or, on a phone, below."""
    try:
        with telemetry.request(kind(query)):
            answer, images = answered(shop, version, query, keep_in)
            with telemetry.stage("show"):
                both(shop, version, query, answer, images)
    except LookalikeError as error:
        st.error(texts.escape(str(error)))


def kind(query):
    """What a query is, for the metrics."""
    return "region" if any(query.parts) else "photo" if query.photos else "product"


def answered(shop, version, query, keep_in):
    """The answer and the query's pictures, when it is this visitor's turn; raises LookalikeError."""
    visitors.count(answers.key(query))
    with visitors.turn(), st.spinner(texts.SEARCHING):
        answer = answers.answer(shop, version, query)
        images = pictures.of_query(shop, version, query)
        for photo in query.photos if keep_in else ():
            keep(photo.content, keep_in)
    return answer, images


def both(shop, version, query, answer, images):
    """The query on the left, its results on the right."""
    product = None if query.photos else shop.index.product(shop.row(query.asked.product))
    left, right = st.columns([1, 3.6], gap="medium")
    with left:
        query_panel.draw(query, images, product, answer)
    with right:
        show_results(shop, version, query, answer, images)


def show_results(shop, version, query, answer, images):
    """The answer, with what narrows it."""
    filters.bar(shop, query, images[0])
    filters.chips(query, answer.votes)
    if answer.unlike:
        st.info(texts.UNLIKE)
    if not answer.matches:
        st.warning(texts.NONE_LEFT if query.asked.filters else texts.NO_OTHERS)
    elif len(answer.matches) < min(query.asked.count, 5) and query.asked.filters:
        st.caption(texts.FEWER_LEFT)
    results.draw(shop, version, query, answer)
