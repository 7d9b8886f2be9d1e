"""The page Catalogue: the index at a glance, its map, pictures that come twice, words in doubt."""

import streamlit as st

from lookalike.analysis import catalogue_map, overview
from lookalike.errors import LookalikeError
from lookalike.index.reading import Index
from lookalike.web import downloads, texts
from lookalike.web.catalogue import texts as words
from lookalike.web.catalogue.cards import STYLE, download, product_card
from lookalike.web.catalogue.chart import CHOSEN, counts_chart, map_chart
from lookalike.web.catalogue.findings import doubtful_words, same_pictures

# A browser draws and hovers over so many dots at ease, a phone's too.
MAX_DOTS = 6000

MAX_BARS = 20

# What is compared product by product is compared in this machine's memory: 150 MB of vectors.
MAX_COMPARED = 20_000

KINDS = ("masterCategory", "articleType")


def show(shop, folder, version, home=None):
    """Draw the page for a Recommender over the index in folder, whose version renews what is cached.

    home, where given, is the st.Page that "More like this" leads to; else a link opens it in a new tab.
    """
    st.html(STYLE)
    with st.container(key="header"):
        st.title(words.TITLE, anchor=False)
    st.write(words.LEAD)
    tabs = st.tabs(words.TABS, key="tab", on_change="rerun")
    for tab, draw in zip(tabs, (at_a_glance, compared(the_map), compared(same_pictures), compared(doubtful_words))):
        # Only the open tab is computed: map and comparisons take seconds to a minute on a large catalogue.
        if tab.open:
            with tab:
                draw(shop.index, (str(folder), version), home)


def compared(draw):
    """What draws over all vectors, over as many as fit in memory; an error is shown in its place."""

    def draw_sample(index, key, home):
        try:
            # What is in memory is its own sample, and a cache would keep it there after its time.
            sample = index if isinstance(index, Index) else sample_of(index, key)
            draw(sample, key, home)
        except LookalikeError as error:
            st.error(str(error))
            return
        if len(sample.names) < len(index.names):
            st.caption(words.sampled(len(sample.names), len(index.names)))

    return draw_sample


@st.cache_resource(max_entries=1, show_spinner=words.COMPARING)
def sample_of(_index, key):
    return _index.sample(MAX_COMPARED)


@st.cache_resource(max_entries=2, show_spinner=False)
def overview_of(_index, key):
    return overview.overview(_index)


@st.cache_resource(max_entries=2, show_spinner=False)
def columns_of(_index, key):
    return overview.columns(_index)


@st.cache_resource(max_entries=2, show_spinner=words.DRAWING_MAP)
def places_of(_index, key):
    return catalogue_map.layout(_index)


def at_a_glance(index, key, home):
    try:
        found = overview_of(index, key)
    except LookalikeError as error:
        st.error(str(error))
        return
    numbers(found)
    if found.columns:
        counts(found.columns)
    if found.skipped:
        skipped(found.skipped)


def numbers(found):
    with st.container(horizontal=True, gap="small"):
        st.metric(words.PRODUCTS, f"{found.products:,}", border=True, width=150)
        st.metric(words.SKIPPED, f"{len(found.skipped):,}", border=True, width=150)
        st.metric(words.SIZE, words.size(found), border=True, width=150)
    st.write(f"{words.BACKBONE}: **{texts.escape(words.backbone(found))}** · {words.MADE}: {words.made(found)}")
    st.caption(words.CLASSIC_HELP if not found.backbone else words.how_made(found))
    st.caption(words.described(found) if found.described else words.NO_ATTRIBUTES)


def counts(columns):
    column = st.selectbox(words.COUNTED_BY, list(columns), index=first_choice(columns), key="counted-by")
    shown = columns[column][:MAX_BARS]
    st.altair_chart(counts_chart(shown), alt=f"{words.COUNTS_ALT} {column}")
    st.caption(words.counted(len(shown), len(columns[column])))


def skipped(files):
    st.subheader(words.SKIPPED_TITLE, anchor=False)
    st.write(words.SKIPPED_LEAD)
    st.dataframe([{"path": path, "reason": reason} for path, reason in files], hide_index=True)
    download(downloads.csv_text([("path", "reason"), *files]), "left-out.csv")


@st.cache_resource(max_entries=8, show_spinner=False)
def drawn_map(_index, _places, column, only, key):
    """The chart of a column, its Legend, and how many products are drawn of how many."""
    own = overview.words_of(_index, column)
    legend = catalogue_map.legend(own)
    wanted = [row for row, word in enumerate(own) if only in (words.EVERYTHING, word)]
    rows = catalogue_map.drawn_rows(wanted, MAX_DOTS)
    return map_chart(_index, _places, rows, column, legend), legend, len(rows), len(wanted)


def the_map(index, key, home):
    column, only = map_choices(columns_of(index, key))
    chart, legend, drawn, wanted = drawn_map(index, places_of(index, key), column, only, key)
    st.html(words.legend_html(legend))
    left, right = st.columns([5, 1])
    with left:
        name = f"map-{column}-{only}"
        event = st.altair_chart(chart, key=name, on_select="rerun", selection_mode=CHOSEN, alt=words.MAP_ALT)
    with right:
        chosen_card(index, event, key, home)
    st.caption(f"{words.on_the_map(drawn, wanted)}. {words.MAP_LEAD}")


def map_choices(columns):
    """The column that colors the map, None where there is none, and the word that alone is shown."""
    if not columns:
        return None, words.EVERYTHING
    left, right = st.columns(2)
    column = left.selectbox(words.COLOR_BY, list(columns), index=first_choice(columns), key="colored-by")
    named = [word for word, _ in columns[column]]
    return column, right.selectbox(words.SHOW_ONLY, [words.EVERYTHING, *named], key=f"only-{column}")


def first_choice(columns):
    """The place of the column that tells kinds of products apart."""
    return next((place for place, column in enumerate(columns) if column in KINDS), 0)


def chosen_card(index, event, key, home):
    points = event.selection.get(CHOSEN) or []
    if points and points[0]["row"] < len(index.names):
        product_card(index.product(points[0]["row"]), "chosen", key, home)
    else:
        st.caption(words.CHOOSE)
