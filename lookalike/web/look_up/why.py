"""Why a result is one: where the two pictures are alike, the colors both have, and what is seen in each."""

import streamlit as st

from lookalike.errors import ImageError
from lookalike.search.explain import attribute_cosine, common_colors, confident_labels, heat_picture
from lookalike.search.query import focus
from lookalike.web import texts, visitors
from lookalike.web.look_up import answers

# Two side by side, on a phone too.
HEAT_SIDE, HEAT_WIDTH = 480, 260


@st.dialog(texts.WHY_TITLE, width="medium")
def show(shop, version, query, answer, product):
    """The dialog for one product of an answer."""
    st.markdown(f"**{texts.escape(texts.headline(product))}**")
    try:
        with visitors.turn():
            heats(shop, version, query, product)
    except ImageError:
        st.caption(texts.WHY_MISSING)
    vectors = shop.product_vectors(shop.row(product.identity))
    if "color" in vectors:
        colors(answer.vectors["color"][0], vectors["color"][0])
    if "fashion" in vectors:
        beliefs(_asked_with(query), answer.believed, confident_labels(vectors["fashion"][0]))


def heats(shop, version, query, product):
    """The query's pictures and the product's, bright where they are alike."""
    seen = answers.views(shop, version, query)
    other = answers.product_view(shop, version, product)
    parts = [focus(shop.embedder, view, part) for view, part in zip(seen, answers.regions(query, seen))]
    maps, masks = [view.map for view, _ in parts], [mask for _, mask in parts]
    split = attribute_cosine(maps, other.map, masks, shop.embedder.backbone.pooling)
    own = [heat_picture(view.image, heat, HEAT_SIDE) for (view, _), heat in zip(parts, split.queries)]
    with st.container(horizontal=True, gap="small", key="heats"):
        for image in own:
            _heat(image, _asked_with(query))
        _heat(heat_picture(other.image, split.product, HEAT_SIDE), texts.PRODUCT)
    st.caption(texts.WHY_HEATS)


def colors(query_color, product_color):
    """Swatches of the colors that take a good part of both."""
    common = common_colors(query_color, product_color)
    st.markdown(f"**{texts.WHY_COLORS}**")
    if not common:
        st.write(texts.WHY_NO_COLORS)
        return
    swatches = (
        f'<li><span style="background:rgb{tuple(map(int, color.rgb))}"></span>{color.name.replace("_", " ")}</li>'
        for color in common
    )
    st.html(f'<ul class="swatches">{"".join(swatches)}</ul>')


def beliefs(asked_with, of_query, of_product):
    """What is seen in either, side by side."""
    st.markdown(f"**{texts.WHY_BELIEVED}**")
    for label, words in ((asked_with, of_query), (texts.PRODUCT, of_product)):
        st.markdown(f"{label}: {texts.escape(texts.believed(words)) or texts.WHY_UNSURE}")


def _asked_with(query):
    return texts.YOUR_PHOTO if query.photos else texts.YOUR_PRODUCT


def _heat(image, label):
    with st.container(width=HEAT_WIDTH, gap="xsmall"):
        st.image(image, width="stretch", alt=f"{label}: {texts.WHY_HEATS}")
        st.caption(label)
