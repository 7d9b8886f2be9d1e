"""Two tabs of the page Catalogue: pictures that come twice, and words the pictures speak against."""

from dataclasses import replace

import streamlit as st

from lookalike.analysis import audit
from lookalike.web import downloads, texts
from lookalike.web.catalogue import texts as words
from lookalike.web.catalogue.cards import download, product_card

GROUPS_A_PAGE, SHOWN_OF_GROUP, DOUBTS_A_PAGE = 8, 12, 24


@st.cache_resource(max_entries=2, show_spinner=words.COMPARING)
def same_pictures_of(_index, key):
    return audit.same_pictures(_index)


@st.cache_resource(max_entries=2, show_spinner=words.ASKING)
def doubts_of(_index, key):
    nearest = audit.nearest_products(_index)
    return {column: audit.doubts(_index, column, nearest) for column in audit.columns(_index)}


def same_pictures(index, key, home):
    st.write(words.SAME_LEAD)
    groups = same_pictures_of(index, key)
    if not groups:
        st.info(words.NO_SAME)
        return
    if any(group.differing for group in groups):
        differing = st.toggle(words.ONLY_DIFFERING, key="only-differing")
        groups = tuple(group for group in groups if group.differing) if differing else groups
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(words.same_found(groups))
        download(downloads.same_pictures_csv(groups), "same-pictures.csv")
    for number, group in one_page(groups, GROUPS_A_PAGE, f"same-page-{len(groups)}"):
        with st.container(border=True, key=f"group-{number}"):
            same_picture(group, number, index, key, home)


def same_picture(group, number, index, key, home):
    st.markdown(words.group_title(group))
    with st.container(horizontal=True, gap="small"):
        for place, product in enumerate(group.products[:SHOWN_OF_GROUP]):
            says = words.told_apart(product, group.differing)
            product_card(replace(product, index=index), f"{number}-{place}", key, home, says)
    if len(group.products) > SHOWN_OF_GROUP:
        st.caption(texts.more_products(len(group.products) - SHOWN_OF_GROUP))


def doubtful_words(index, key, home):
    st.write(words.DOUBTS_LEAD)
    doubts = doubts_of(index, key)
    if not doubts:
        st.info(words.NO_COLUMNS if index.attributes else words.NO_ATTRIBUTES)
        return
    column = st.segmented_control(
        words.COLUMN, list(doubts), default=next(iter(doubts)), required=True, key="doubted-column"
    )
    found = doubts[column]
    if not found:
        st.info(words.no_doubts(column))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(words.doubts_found(found, column, len(index.names)))
        download(downloads.doubts_csv(found), f"doubtful-{column}.csv")
    shown = one_page(found, DOUBTS_A_PAGE, f"doubts-page-{column}")
    with st.container(horizontal=True, gap="small"):
        for number, doubt in shown:
            note = f"{words.voices(doubt)} · {words.small_print(doubt.product)}"
            product_card(replace(doubt.product, index=index), f"{number}", key, home, words.doubt(doubt), note)


def one_page(items, size, name):
    """The (number, item) of the page that the visitor is on, below the numbers to turn pages with."""
    pages = -(-len(items) // size)
    page = st.pagination(pages, key=name) if pages > 1 else 1
    return list(enumerate(items))[(page - 1) * size : page * size]
