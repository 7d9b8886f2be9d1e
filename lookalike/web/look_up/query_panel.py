"""The current query: its pictures with the regions that count, and what is seen in them."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from lookalike.embedding.padding import WHOLE
from lookalike.web import actions, offers, pictures, texts
from lookalike.web.components.photo_grid import photo_grid
from lookalike.web.look_up import session, variants
from lookalike.web.look_up.answers import Answer
from lookalike.web.look_up.permalink import GRID
from lookalike.web.look_up.session import Query


def draw(answer: Answer) -> None:
    """Draw every picture of a query under its grid, and what is seen in it."""
    query, product, labels = answer.query, answer.product, answer.assessment.labels
    with st.container(key="query"):
        st.header(_title(query), anchor=False)
        with st.container(key=f"query-{_arrangement(answer.pictures)}"):
            for place, picture in enumerate(answer.pictures):
                _draw_picture(answer, place, picture, texts.alt_text(product) if product else texts.YOUR_PHOTO)
        if product:
            st.caption(texts.escape_markdown(texts.alt_text(product)))
            variants.draw(product, answer.variants)
            offers.draw(product)
        if labels and not answer.assessment.unrelated:
            st.markdown(texts.escape_markdown(texts.WE_SEE.format(labels=texts.label_line(labels))))
        if query.has_region:
            clear = partial(session.clear_regions, bool(answer.garments))
            actions.button(texts.WHOLE_PHOTO, "whole", clear, icon=":material/crop_free:")
        if answer.garments or not query.has_region:
            st.caption(texts.OUTFIT_HINT if answer.garments else texts.REGION_HINT)


def _draw_picture(answer: Answer, place: int, picture: bytes | None, alt: str) -> None:
    if not picture:
        st.caption(texts.IMAGE_MISSING)
        return
    photo_grid(
        pictures.data_url(picture),
        GRID,
        answer.query.region(place),
        {**texts.REGION_WORDS, "alt": alt},
        key=f"photo-{place}",
        # Of an outfit, no cells would mean its likeliest garment.
        on_part=lambda part: session.set_region(place, part or (WHOLE if answer.garments else part)),
        garments=[(texts.GARMENTS[one.garment], one.box) for one in answer.garments],
    )


def _arrangement(shown: Sequence[bytes | None]) -> str:
    """Return how the pictures of a query are arranged on a phone; see style.css."""
    if len(shown) > 1:
        return "several"
    return "wide" if shown[0] and pictures.is_wide(shown[0]) else "pictures"


def _title(query: Query) -> str:
    if not query.photos:
        return texts.YOUR_PRODUCT
    return texts.YOUR_PHOTO if len(query.photos) == 1 else texts.YOUR_PHOTOS
