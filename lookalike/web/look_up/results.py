"""The results: a card for each match, with its picture, how close it is, and its actions."""

from collections.abc import Hashable, Sequence
from functools import partial

import streamlit as st

from lookalike.index.catalogue import Catalogue, Product
from lookalike.search.recommender import Match, Recommender
from lookalike.web import actions, clicks, offers, pictures, texts
from lookalike.web.look_up import favorites, judgments, session, variants, why
from lookalike.web.look_up.answers import Answer
from lookalike.web.look_up.permalink import MAX_COUNT

# Five cards fill a desktop's row beside the query, two a phone's.
CARD_WIDTH, SAME_PICTURE_WIDTH = 168, 120
# How many more results one tap brings.
MORE = 5
# A shop may have one placeholder as the picture of thousands of products.
MAX_SAME = 12


def draw(recommender: Recommender, version: Hashable, answer: Answer) -> None:
    """Draw the cards of an answer, and below them what else can be done with the list."""
    with st.container(horizontal=True, gap="small", key="results"):
        for match, share in zip(answer.matches, answer.shares):
            _draw_card(recommender, version, answer, match, share)
    clicks.count_shown(answer.query, answer.matches)
    if any(share is not None and texts.has_number(share) for share in answer.shares):
        st.caption(texts.CLOSER_HINT)
    count = answer.query.search.count
    with st.container(horizontal=True, gap="small", key="after"):
        if len(answer.matches) == count < MAX_COUNT:
            more = partial(session.change_search, count=min(count + MORE, MAX_COUNT))
            actions.button(texts.MORE_RESULTS, "more", more, icon=":material/expand_more:")
        favorites.draw_results_download(answer.matches)


def _draw_card(recommender: Recommender, version: Hashable, answer: Answer, match: Match, share: float | None) -> None:
    product = match.product
    with st.container(width=CARD_WIDTH, gap="xsmall", key=f"card-{match.rank}"):
        # Two things lie on the picture, in style.css: the heart that keeps the product, and how close it is.
        with st.container(gap=None, key=f"picture-{match.rank}"):
            pictures.draw_product(recommender.index, product, version, if_missing=texts.IMAGE_MISSING)
            favorites.draw_button(product.identity, match.rank)
            st.badge(
                texts.percent_alike(match)
                if share is None
                else texts.closeness_label(share, of_photo=answer.product is None),
                color="gray",
            )
        st.markdown(f"**{texts.escape_markdown(texts.headline(product))}**")
        if details := texts.details(product):
            st.caption(texts.escape_markdown(details))
        variants.draw(product, match.variants, match.rank)
        offers.draw(product, match.rank)
        if match.same:
            _draw_same_picture(recommender.index, version, match.same)
        _draw_actions(recommender, version, answer, match)


def _draw_same_picture(index: Catalogue, version: Hashable, products: Sequence[Product]) -> None:
    """Draw further products with the same picture behind one button."""
    with st.popover(texts.same_picture_label(len(products)), width="stretch"):
        for product in products[:MAX_SAME]:
            pictures.draw_product(index, product, version, SAME_PICTURE_WIDTH)
            st.caption(texts.escape_markdown(f"{texts.headline(product)} · {product.id}"))
        if len(products) > MAX_SAME:
            st.caption(texts.more_products_note(len(products) - MAX_SAME))


def _draw_actions(recommender: Recommender, version: Hashable, answer: Answer, match: Match) -> None:
    product, identity = match.product, match.product.identity
    with st.container(gap="xsmall", key=f"actions-{identity}"):
        search_similar = partial(_search_similar, identity, match.rank)
        actions.button(texts.MORE_LIKE_THIS, f"like-{identity}", search_similar, width="stretch")
        with st.container(horizontal=True, gap="xsmall"):
            judgments.draw_buttons(answer.query, identity, match.rank)
            open_why = partial(session.open_why, identity)
            actions.button(texts.WHY, f"why-{identity}", open_why, type="tertiary", width="stretch")
            if session.is_why_open(identity):
                why.open_dialog(recommender, version, answer, product)


def _search_similar(identity: str, rank: int) -> None:
    clicks.count("similar", identity, rank)
    session.search_similar(identity)
