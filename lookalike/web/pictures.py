"""Small pictures, decoded once: of products by their identity, of photos by their digest."""

import base64

import streamlit as st

from lookalike.errors import ImageError, ShortageError
from lookalike.images.decoding import thumbnail
from lookalike.serving.expiring_cache import ExpiringCache

# A card is 168 pixels wide, on most phones three times as many dots; the query is shown larger.
CARD_SIDE, QUERY_SIDE = 400, 640

# What is computed of a visitor's photo is kept so long, for follow-up questions.
KEPT_SECONDS = 3600

# This module is imported once a process.
PHOTOS = ExpiringCache(100, KEPT_SECONDS)


def of_product(product, version, side=CARD_SIDE):
    """JPEG bytes of a product's picture, None where its file is gone, damaged or not the catalogue's."""
    file = product.picture
    return _lately(product.identity, version, side, file) if file else None


@st.cache_data(max_entries=1000, ttl=60, show_spinner=False)
def _lately(identity, version, side, _file):
    """A picture or None, asked again after a minute: a disk's bad moment must not take a picture away for good."""
    try:
        return _thumbnail(identity, version, side, _file)
    except (ImageError, ShortageError):
        return None


@st.cache_data(max_entries=5000, show_spinner=False)
def _thumbnail(identity, version, side, _file):
    return thumbnail(_file, side)


def of_photo(photo, side=QUERY_SIDE):
    """JPEG bytes of a visitor's photo; raises ImageError."""
    return PHOTOS.get((photo.digest, side), lambda: thumbnail(photo.content, side))


def of_query(shop, version, query):
    """JPEG bytes of every picture of a query, None for those that are missing."""
    if query.photos:
        return [of_photo(photo) for photo in query.photos]
    product = shop.index.product(shop.row(query.asked.product))
    return [of_product(product, version, QUERY_SIDE)]


def address(picture):
    """A data: URL of JPEG bytes, for a page's own img."""
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode()
