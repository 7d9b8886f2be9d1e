"""Small pictures, decoded once: of products by their file, of photos by their digest."""

import base64

import streamlit as st

from lookalike.errors import ImageError
from lookalike.images import thumbnail

# A card is 168 pixels wide, on most phones three times as many dots; the query is shown larger.
CARD_SIDE, QUERY_SIDE = 400, 640


def of_product(product, version, side=CARD_SIDE):
    """JPEG bytes of a product's picture, None where its file is gone, damaged or not the catalogue's."""
    file = product.picture
    return _thumbnail(str(file), version, side) if file else None


@st.cache_data(max_entries=5000, show_spinner=False)
def _thumbnail(path, version, side):
    try:
        return thumbnail(path, side)
    except ImageError:
        return None


@st.cache_data(max_entries=100, ttl=3600, show_spinner=False)
def of_photo(digest, _content, side=QUERY_SIDE):
    """JPEG bytes of a visitor's photo; raises ImageError."""
    return thumbnail(_content, side)


def of_query(shop, version, query):
    """JPEG bytes of every picture of a query, None for those that are missing."""
    if query.photos:
        return [of_photo(photo.digest, photo.content) for photo in query.photos]
    product = shop.index.product(shop.row(query.asked.product))
    return [of_product(product, version, QUERY_SIDE)]


def address(picture):
    """A data: URL of JPEG bytes, for a page's own img."""
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode()
