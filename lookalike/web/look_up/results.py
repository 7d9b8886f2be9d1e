"""The results: a card each, with what can be done with it."""

import streamlit as st

from lookalike.web import pictures, texts
from lookalike.web.look_up import favorites, session, why

# Five cards fill a desktop's row beside the query, two a phone's.
CARD_WIDTH = 168

MORE, MOST = 5, 50

# A shop may have one placeholder as the picture of thousands of products.
MAX_SAME = 12


def draw(shop, version, query, answer):
    """The cards of an answer, and what there is beyond them."""
    with st.container(horizontal=True, gap="small", key="results"):
        for match, share in zip(answer.matches, answer.shares):
            card(shop, version, query, answer, match, share)
    if any(share is not None and texts.is_explained(share) for share in answer.shares):
        st.caption(texts.CLOSER_HINT)
    with st.container(horizontal=True, gap="small", key="after"):
        if len(answer.matches) == query.asked.count < MOST:
            st.button(
                texts.MORE_RESULTS,
                icon=":material/expand_more:",
                key="more",
                on_click=session.change,
                kwargs={"count": min(query.asked.count + MORE, MOST)},
            )
        favorites.download_results(answer.matches)


def card(shop, version, query, answer, match, share):
    """One product: its picture, how close it is, its name, and four things to do."""
    product = match.product
    with st.container(border=True, width=CARD_WIDTH, gap="xsmall", key=f"card-{match.rank}"):
        _picture(product, version)
        st.badge(texts.closeness(match) if share is None else texts.closer_than(share), color="gray")
        st.markdown(f"**{texts.escape(texts.headline(product))}**")
        st.caption(texts.escape(texts.details(product)))
        if match.same:
            same_pictures(match.same, version)
        _actions(shop, version, query, answer, product)


def same_pictures(products, version):
    """Further products with the very same picture, behind one button."""
    with st.popover(texts.same_pictures(len(products)), width="stretch"):
        for product in products[:MAX_SAME]:
            image = pictures.of_product(product, version)
            if image:
                st.image(image, width=120, alt=texts.alt(product))
            st.caption(texts.escape(f"{texts.headline(product)} · {product.id}"))
        if len(products) > MAX_SAME:
            st.caption(texts.more_products(len(products) - MAX_SAME))


def _picture(product, version):
    image = pictures.of_product(product, version)
    if image:
        st.image(image, width="stretch", alt=texts.alt(product))
    else:
        st.caption(texts.IMAGE_MISSING)


def _actions(shop, version, query, answer, product):
    identity = product.identity
    with st.container(gap="xsmall", key=f"actions-{identity}"):
        st.button(
            texts.MORE_LIKE_THIS, key=f"like-{identity}", width="stretch", on_click=session.more_like, args=(identity,)
        )
        with st.container(horizontal=True, gap="xsmall"):
            if st.button(texts.WHY, key=f"why-{identity}", width="stretch"):
                why.show(shop, version, query, answer, product)
            favorites.button(identity)
