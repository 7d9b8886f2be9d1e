"""Two tabs of the page Catalogue: products that share a picture, and attributes that the pictures contradict."""

from collections.abc import Sequence
from typing import TypeVar

import streamlit as st

from lookalike.analysis import audit
from lookalike.analysis.audit import DuplicateGroup, SuspectLabel
from lookalike.index.reading import Index
from lookalike.web import downloads
from lookalike.web.catalogue import texts
from lookalike.web.catalogue.cards import CacheKey, PageContext, draw_card, draw_download
from lookalike.web.texts import escape_markdown, more_products_note

GROUPS_PER_PAGE, MAX_PRODUCTS_OF_GROUP, DOUBTS_PER_PAGE = 8, 12, 24

Item = TypeVar("Item")


# Findings are frozen and there may be thousands: visitors share them, instead of a copy for each run of the page.
@st.cache_resource(max_entries=2, show_spinner=texts.COMPARING)
def cached_duplicates(_index: Index, key: CacheKey) -> tuple[DuplicateGroup, ...]:
    return audit.find_duplicates(_index)


@st.cache_resource(max_entries=2, show_spinner=texts.COMPARING_NEIGHBORS)
def cached_suspect_labels(_index: Index, key: CacheKey) -> dict[str, tuple[SuspectLabel, ...]]:
    nearest = audit.nearest_products(_index)
    return {column: audit.find_suspect_labels(_index, column, nearest) for column in audit.auditable_columns(_index)}


def draw_same_pictures(index: Index, context: PageContext) -> None:
    st.write(texts.SAME_LEAD)
    groups = cached_duplicates(index, context.key)
    if not groups:
        st.info(texts.NO_SAME)
        return
    if any(group.differing for group in groups) and st.toggle(
        texts.ONLY_DIFFERING, key="only-differing", persist_state="session"
    ):
        groups = tuple(group for group in groups if group.differing)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(texts.groups_found(groups))
        draw_download(downloads.duplicates_csv(groups), "same-pictures.csv")
    for number, group in _one_page(groups, GROUPS_PER_PAGE, f"same-page-{len(groups)}"):
        with st.container(border=True, key=f"group-{number}"):
            _draw_group(group, number, context)


def _draw_group(group: DuplicateGroup, number: int, context: PageContext) -> None:
    st.markdown(texts.group_title(group))
    with st.container(horizontal=True, gap="small"):
        for place, product in enumerate(group.products[:MAX_PRODUCTS_OF_GROUP]):
            draw_card(context, product, f"{number}-{place}", texts.name_and_values(product, group.differing))
    if len(group.products) > MAX_PRODUCTS_OF_GROUP:
        st.caption(more_products_note(len(group.products) - MAX_PRODUCTS_OF_GROUP))


def draw_doubtful_attributes(index: Index, context: PageContext) -> None:
    st.write(texts.DOUBTS_LEAD)
    found = cached_suspect_labels(index, context.key)
    if not found:
        st.info(texts.NO_COLUMNS if index.attributes else texts.NO_ATTRIBUTES)
        return
    columns = list(found)
    column = st.segmented_control(
        texts.COLUMN,
        columns,
        default=columns[0],
        required=True,
        key="doubted-column",
        persist_state="session",
        format_func=escape_markdown,
    )
    labels = found[column]
    if not labels:
        st.info(texts.no_doubts(column))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(texts.doubts_found(labels, column, index.product_count))
        draw_download(downloads.suspect_labels_csv(labels), f"doubtful-{column}.csv")
    shown = _one_page(labels, DOUBTS_PER_PAGE, f"doubts-page-{column}")
    with st.container(horizontal=True, gap="small"):
        for number, label in shown:
            draw_card(context, label.product, f"{number}", texts.suggestion(label), texts.suspect_note(label))


def _one_page(items: Sequence[Item], size: int, key: str) -> list[tuple[int, Item]]:
    """Return the (number, item) of the page that the visitor is on, and draw the control that turns pages."""
    pages = -(-len(items) // size)
    page = st.pagination(pages, key=key, persist_state="session") if pages > 1 else 1
    return list(enumerate(items))[(page - 1) * size : page * size]
