"""A product's offer on the page: its price, whether it is to be had, and the way to the shop's own page."""

import streamlit as st

from lookalike.index.catalogue import Product
from lookalike.index.offers import offer_of
from lookalike.web import clicks, texts


def draw(product: Product, rank: int = 0) -> None:
    """Draw what the shop asks for a product at its rank in an answer; nothing if the shop's table does not say."""
    offer = offer_of(product.attributes)
    lines = (texts.price_line(offer), texts.availability_line(offer))
    if any(lines):
        st.markdown("  \n".join(filter(None, lines)))
    if offer.link:
        link = clicks.shop_link(product.identity, offer.link, rank)
        st.link_button(texts.TO_THE_SHOP, link, icon=":material/open_in_new:", width="stretch")
