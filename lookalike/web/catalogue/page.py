"""The page Catalogue: the index at a glance, its map, pictures that come twice, doubtful attributes."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import altair as alt
import streamlit as st

from lookalike.analysis import catalogue_map, overview
from lookalike.analysis.catalogue_map import Legend
from lookalike.analysis.overview import Overview
from lookalike.analysis.tags import can_tag, tags_csv
from lookalike.errors import LookalikeError
from lookalike.index.attributes import TYPE_COLUMN
from lookalike.index.catalogue import Catalogue
from lookalike.index.reading import Index
from lookalike.search.recommender import Ranking
from lookalike.serving.live_index import kept_with
from lookalike.types import Matrix
from lookalike.web import visitors
from lookalike.web.catalogue import texts
from lookalike.web.catalogue.cards import STYLE, CacheKey, PageContext, draw_card, draw_download
from lookalike.web.catalogue.chart import CHOSEN, LOWER, UPPER, WHOLE, counts_chart, map_chart
from lookalike.web.catalogue.findings import draw_doubtful_attributes, draw_same_pictures
from lookalike.web.downloads import csv_bytes
from lookalike.web.texts import escape_markdown

Counts = Mapping[str, Sequence[tuple[str, int]]]
"""From column to its (word, count), the most frequent first."""

# As many as a browser, even a phone's, draws and hovers over with ease.
MAX_DOTS = 6000
MAX_BARS = 20

# A comparison product by product needs the vectors in this machine's memory, 150 MB for so many products, and time
# that grows with the square of their number.
MAX_COMPARED = 20_000

# What each part of the map shows across and upwards.
PARTS = dict(
    zip(texts.PARTS, ((WHOLE, WHOLE), (LOWER, UPPER), (UPPER, UPPER), (LOWER, LOWER), (UPPER, LOWER)), strict=True)
)

# The columns that tell kinds of products apart: the one that the catalogue has first is chosen first.
KIND_COLUMNS = ("masterCategory", TYPE_COLUMN)


def show(recommender: Ranking, folder: str, version: Hashable, home: st.Page | None = None) -> None:
    """Draw the page over a recommender's index, which was read from folder and has that version.

    home is the page that "More like this" leads to; without it, a link opens the product in a new tab.
    """
    context = PageContext(recommender.index, (str(folder), version), home)
    st.html(STYLE)
    with st.container(key="header"):
        st.title(texts.TITLE, anchor=False)
    st.write(texts.LEAD)
    draw_functions = (draw_overview, *map(compared, (draw_map, draw_same_pictures, draw_doubtful_attributes)))
    # Streamlit forgets the tab with the page.
    state = st.session_state
    state.setdefault("tab", state.get("last_tab", texts.OVERVIEW))
    state.last_tab = state.tab
    for tab, draw in zip(st.tabs(texts.TABS, key="tab", on_change="rerun"), draw_functions):
        # Compute only the open tab: the others take seconds to a minute on a large catalogue.
        if tab.open:
            with tab:
                try:
                    draw(context)
                except LookalikeError as error:
                    st.error(escape_markdown(str(error)))


def compared(draw: Callable[[Index, PageContext], None]) -> Callable[[PageContext], None]:
    """Return a function that gives draw as many products as fit in memory, and says so if these are not all."""

    def draw_sample(context: PageContext) -> None:
        catalogue, n = context.catalogue, len(context.catalogue.names)
        with visitors.take_turn():
            if catalogue.is_in_memory and n <= MAX_COMPARED:
                sample = catalogue.sample(n)
            else:
                sample = kept_with(catalogue, "sample", lambda: catalogue.sample(MAX_COMPARED))
            draw(sample, context)
        if len(sample.names) < n:
            st.caption(texts.sample_note(len(sample.names), n))

    return draw_sample


@st.cache_data(max_entries=2, show_spinner=False)
def cached_overview(_catalogue: Catalogue, key: CacheKey) -> Overview:
    return overview.summarize_index(_catalogue)


@st.cache_data(max_entries=2, show_spinner=False)
def cached_counts(_index: Index, key: CacheKey) -> Counts:
    return overview.count_words(_index)


@st.cache_data(max_entries=2, show_spinner=texts.DRAWING_MAP)
def cached_places(_index: Index, key: CacheKey) -> Matrix:
    return catalogue_map.place_products(_index)


@st.cache_resource(max_entries=8, show_spinner=False)
def cached_map(
    _index: Index, _places: Matrix, column: str | None, only: str, part: str, key: CacheKey
) -> tuple[alt.Chart, Legend, int, int]:
    """Return the chart of a column and a part, its legend, and how many products are drawn of how many."""
    words = overview.words_in_column(_index, column) if column else [None] * len(_index.names)
    shown = range(len(words)) if _index.groups is None else _index.groups.is_first.nonzero()[0].tolist()
    legend = catalogue_map.make_legend([words[row] for row in shown])
    wanted = [row for row in shown if only in (texts.EVERYTHING, words[row])]
    rows = catalogue_map.sample_rows(wanted, MAX_DOTS)
    return map_chart(_index, _places, rows, column, legend, PARTS[part]), legend, len(rows), len(wanted)


def draw_overview(context: PageContext) -> None:
    found = cached_overview(context.catalogue, context.key)
    with st.container(horizontal=True, gap="small", key="numbers"):
        st.metric(texts.PRODUCTS, f"{found.products:,}", border=True, width=150)
        st.metric(texts.SKIPPED, f"{len(found.skipped):,}", border=True, width=150)
        st.metric(texts.SIZE, texts.readable_size(found.size), border=True, width=150)
    st.write(texts.made_with(found))
    st.caption(texts.spaces_line(found))
    st.caption(texts.attributes_line(found))
    if found.columns:
        draw_counts(found.columns)
    draw_tags(context.catalogue)
    if found.skipped:
        draw_skipped(found.skipped)


def draw_counts(columns: Counts) -> None:
    column = st.selectbox(
        texts.COUNTED_BY, list(columns), index=_kind_place(columns), key="counted-by", persist_state="session"
    )
    shown = columns[column][:MAX_BARS]
    st.altair_chart(counts_chart(shown), alt=f"{texts.COUNTS_ALT} {column}")
    st.caption(texts.truncation_note(len(shown), len(columns[column])))


def draw_tags(catalogue: Catalogue) -> None:
    """Offer what each picture is believed to be; nothing without a fashion space in memory."""
    if not isinstance(catalogue, Index) or not can_tag(catalogue):
        return
    st.header(texts.TAGS_TITLE, anchor=False)
    st.write(texts.TAGS_LEAD)
    draw_download(partial(tags_csv, catalogue), "tags.csv")


def draw_skipped(files: Sequence[tuple[str, ...]]) -> None:
    st.header(texts.SKIPPED_TITLE, anchor=False)
    st.write(texts.SKIPPED_LEAD)
    st.dataframe([{"path": path, "reason": reason} for path, reason in files], hide_index=True)
    draw_download(csv_bytes([("path", "reason"), *files]), "left-out.csv")


def draw_map(index: Index, context: PageContext) -> None:
    column, only, part = choose_view(cached_counts(index, context.key))
    places = cached_places(index, context.key)
    chart, legend, drawn, wanted = cached_map(index, places, column, only, part, context.key)
    st.html(texts.legend_html(legend))
    left, right = st.columns([5, 1])
    with left:
        key = f"map-{column}-{only}-{part}"
        event = st.altair_chart(chart, key=key, on_select="rerun", selection_mode=CHOSEN, alt=texts.MAP_ALT)
    with right:
        draw_chosen(index, event, context)
    st.caption(f"{texts.dots_note(drawn, wanted)}. {texts.MAP_LEAD}")


def choose_view(columns: Counts) -> tuple[str | None, str, str]:
    """Draw the select boxes of the map; return its column of colors, None if there is none, the word, and the part."""
    *boxes, last = st.columns(3 if columns else 1)
    column, only = None, texts.EVERYTHING
    if columns:
        column = boxes[0].selectbox(
            texts.COLOR_BY, list(columns), index=_kind_place(columns), key="colored-by", persist_state="session"
        )
        words = [word for word, _ in columns[column]]
        only = boxes[1].selectbox(
            texts.SHOW_ONLY, [texts.EVERYTHING, *words], key=f"only-{column}", persist_state="session"
        )
    # What dragging and pinching do, for those who only tap.
    return column, only, last.selectbox(texts.PART, list(PARTS), key="part-of-map", persist_state="session")


def draw_chosen(index: Index, event: Any, context: PageContext) -> None:
    """Draw the product whose dot was clicked; event is what st.altair_chart returned."""
    points = event.selection.get(CHOSEN) or []
    if points and points[0]["row"] < len(index.names):
        draw_card(context, index.product(points[0]["row"]), "chosen")
    else:
        st.caption(texts.CHOOSE)


def _kind_place(columns: Iterable[str]) -> int:
    """Return the place of the first column that tells kinds of products apart, 0 if there is none."""
    return next((place for place, column in enumerate(columns) if column in KIND_COLUMNS), 0)
