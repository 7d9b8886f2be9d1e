"""Small pictures as JPEG: of products, by their identity, and of visitors' photos, by their digest."""

import base64
import io
import os
import time
from collections.abc import Hashable
from pathlib import Path
from typing import Literal

import streamlit as st
from PIL import Image

from lookalike.errors import ImageError, ShortageError
from lookalike.index.catalogue import Catalogue, Product
from lookalike.search.query import View
from lookalike.serving.state import server_state
from lookalike.types import StrPath
from lookalike.web import texts
from lookalike.web.product_picture import card_picture, small_picture

# A card is 170 to 280 pixels wide, and most phones draw three dots a pixel. A query's photo is shown larger; a product
# that is asked about has the picture of its card, which is there already.
CARD_SIDE, QUERY_SIDE = 560, 640
# A picture that cannot be read is tried again after this time: the disk may be back.
RETRY_SECONDS = 60.0
# A picture so many times as wide as it is high takes a phone's whole width: half of it is too little for its cells.
WIDE = 1.2


def of_product(catalogue: Catalogue, product: Product, version: Hashable, side: int = CARD_SIDE) -> bytes | None:
    """Return JPEG bytes of a product's picture, None if its file is gone, damaged or not the catalogue's."""
    file = catalogue.picture(product)
    if file is None:
        return None
    name = os.fsencode(product.name)  # Streamlit's caches refuse text that is not UTF-8
    picture, tried_at = _product_thumbnail(name, version, side, file, catalogue.folder)
    if picture is None and time.monotonic() - tried_at >= RETRY_SECONDS:
        _product_thumbnail.clear(name, version, side, file, catalogue.folder)
        picture, _ = _product_thumbnail(name, version, side, file, catalogue.folder)
    return picture


def of_view(name: Hashable, view: View, side: int = QUERY_SIDE) -> bytes | None:
    """Return JPEG bytes of a picture, made from its View without decoding it again; None without memory.

    name tells it from all others: a photo's digest, or a product's identity with the version of its index.
    """
    try:
        return server_state().thumbnails.get((name, side), lambda: view.thumbnail(side))
    except MemoryError:
        return None


def draw_product(
    catalogue: Catalogue,
    product: Product,
    version: Hashable,
    width: int | Literal["stretch"] = "stretch",
    alt: str | None = None,
    if_missing: str = "",
    side: int = CARD_SIDE,
) -> None:
    """Draw a product's picture, or the words if_missing. alt replaces the text for screen readers."""
    picture = of_product(catalogue, product, version, side)
    if picture:
        st.image(picture, width=width, alt=texts.alt_text(product) if alt is None else alt)
    elif if_missing:
        st.caption(if_missing)


def is_wide(picture: bytes) -> bool:
    """Return whether a JPEG's bytes show a picture that is clearly wider than high."""
    with Image.open(io.BytesIO(picture)) as image:
        return image.width >= WIDE * image.height


def data_url(picture: bytes) -> str:
    """Return a data: URL of JPEG bytes, for an img element of our own."""
    return "data:image/jpeg;base64," + base64.b64encode(picture).decode()


@st.cache_data(max_entries=5000, show_spinner=False)
def _product_thumbnail(
    name: bytes, version: Hashable, side: int, _file: Path, _folder: StrPath
) -> tuple[bytes | None, float]:
    """Return JPEG bytes, None if the file cannot be read now, and when it was tried."""
    try:
        make = card_picture if side >= CARD_SIDE else small_picture
        return make(_folder, _file, side), time.monotonic()
    except (ImageError, ShortageError, MemoryError):
        return None, time.monotonic()
