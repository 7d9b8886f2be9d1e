"""The query as it stands: its pictures with the parts that count, and what is seen in them."""

import streamlit as st

from lookalike.web import pictures, texts
from lookalike.web.components.photo_grid import photo_grid
from lookalike.web.look_up import session


def draw(query, images, product, answer):
    """Every picture of a query under its grid, and what is seen; product is the catalogue's, or None for photos."""
    with st.container(key="query"):
        st.header(_title(query), anchor=False)
        with st.container(key="query-pictures"):
            for place, image in enumerate(images):
                _picture(query, place, image, product)
        if product:
            st.caption(texts.escape(texts.alt(product)))
        if answer.believed:
            st.markdown(texts.escape(texts.BELIEVED.format(words=texts.believed(answer.believed))))
        if any(query.part(place) for place in range(len(images))):
            st.button(texts.WHOLE, icon=":material/crop_free:", key="whole", on_click=_whole, args=(len(images),))
        else:
            st.caption(texts.REGION_HINT)


def _picture(query, place, image, product):
    if not image:
        st.caption(texts.IMAGE_MISSING)
        return
    alt = texts.alt(product) if product else texts.YOUR_PHOTO
    photo_grid(
        pictures.address(image),
        session.GRID,
        query.part(place),
        {**texts.REGION_WORDS, "alt": alt},
        key=f"photo-{place}",
        on_cells=lambda cells: session.ask_part(place, cells),
    )


def _whole(count):
    for place in range(count):
        session.ask_part(place, frozenset())


def _title(query):
    if not query.photos:
        return texts.YOUR_PRODUCT
    return texts.YOUR_PHOTO if len(query.photos) == 1 else texts.YOUR_PHOTOS
