"""Why a result matches: where the two pictures are alike, the colors they share, and what is seen in each."""

import weakref
from collections.abc import Hashable, Sequence
from functools import partial

import streamlit as st

from lookalike.errors import ImageError, LookalikeError
from lookalike.index.catalogue import Product
from lookalike.search.explain import attribute_cosine, common_colors, confident_labels, heat_picture
from lookalike.search.query import focus
from lookalike.search.recommender import Recommender
from lookalike.types import Matrix
from lookalike.web import actions, texts, visitors
from lookalike.web.look_up import answers, session
from lookalike.web.look_up.answers import Answer

# Two side by side, on a phone too.
HEAT_SIDE, HEAT_WIDTH = 480, 260


def open_dialog(recommender: Recommender, version: Hashable, answer: Answer, product: Product) -> None:
    """Open the dialog for one product of an answer."""
    # Streamlit keeps a dialog's arguments for as long as the tab is open, and they must not keep an index.
    _draw(weakref.ref(recommender), version, answer, product)


@st.dialog(texts.WHY_TITLE, width="small", on_dismiss=session.close_why)
def _draw(kept: "weakref.ref[Recommender]", version: Hashable, answer: Answer, product: Product) -> None:
    recommender = kept()
    if recommender is None:
        st.rerun()  # The index has been replaced. Answer over the new one.
    st.markdown(f"**{texts.escape_markdown(texts.headline(product))}**")
    try:
        _draw_reasons(recommender, version, answer, product)
    except LookalikeError as error:
        st.warning(texts.escape_markdown(str(error)))


def _draw_reasons(recommender: Recommender, version: Hashable, answer: Answer, product: Product) -> None:
    try:
        with actions.memory_may_be_short():
            take_decoder_turn = partial(visitors.take_decoder_turn, st.empty())
            answers.decode_slow_photos(recommender, answer.query, take_decoder_turn, answer.query.has_region)
            with visitors.take_turn():
                _draw_heats(recommender, version, answer, product)
    except ImageError:
        st.caption(texts.WHY_MISSING)
    row = recommender.index.picture_row(product)
    vectors = recommender.product_vectors(row) if row is not None else {}
    if "color" in vectors:
        _draw_colors(answer.vectors["color"][0], vectors["color"][0])
    if "fashion" in vectors:
        _draw_labels(
            {_query_label(answer): answer.assessment.labels, texts.PRODUCT: confident_labels(vectors["fashion"][0])}
        )


def _draw_heats(recommender: Recommender, version: Hashable, answer: Answer, product: Product) -> None:
    """Draw the query's pictures and the product's, faded except where they are alike."""
    embedder = recommender.embedder
    views = answers.query_views(recommender, version, answer.query, answer.product)
    product_view = answers.product_view(recommender, version, product)
    parts = [focus(embedder, view, region) for view, region in zip(views, answers.view_regions(answer.query, views))]
    maps, masks = [view.map for view, _ in parts], [mask for _, mask in parts]
    shares = attribute_cosine(maps, product_view.map, masks, embedder.backbone.pooling)
    with st.container(horizontal=True, gap="small", key="heats"):
        for (view, _), heat in zip(parts, shares.queries):
            _draw_heat(heat_picture(view.image, heat, HEAT_SIDE), _query_label(answer))
        _draw_heat(heat_picture(product_view.image, shares.product, HEAT_SIDE), texts.PRODUCT)
    st.caption(texts.WHY_HEATS)


def _draw_heat(picture: bytes, label: str) -> None:
    with st.container(width=HEAT_WIDTH, gap="xsmall"):
        st.image(picture, width="stretch", alt=f"{label}: {texts.WHY_HEATS}")
        st.caption(label)


def _draw_colors(query_color: Matrix, product_color: Matrix) -> None:
    """Draw swatches of the colors that take a good part of both."""
    st.markdown(f"**{texts.WHY_COLORS}**")
    shared = common_colors(query_color, product_color)
    if not shared:
        st.write(texts.WHY_NO_COLORS)
        return
    swatches = (
        f'<li><span style="background:rgb{tuple(map(int, color.rgb))}"></span>{color.name.replace("_", " ")}</li>'
        for color in shared
    )
    st.html(f'<ul class="swatches">{"".join(swatches)}</ul>')


def _draw_labels(labels: dict[str, Sequence[str]]) -> None:
    """Draw what is seen in either picture, side by side."""
    st.markdown(f"**{texts.WHY_LABELS}**")
    for picture, words in labels.items():
        st.markdown(f"{picture}: {texts.escape_markdown(texts.label_line(words)) or texts.WHY_UNSURE}")


def _query_label(answer: Answer) -> str:
    return texts.YOUR_PRODUCT if answer.product else texts.YOUR_PHOTO
