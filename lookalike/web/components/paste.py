"""A photo from the clipboard: Streamlit's own uploader takes chosen and dropped files, but cannot paste."""

import base64
import binascii
from collections.abc import Callable, Mapping

import streamlit as st

from lookalike.web.components import load_component


def paste(words: Mapping[str, str], max_bytes: int, key: str, on_photo: Callable[[bytes], None]) -> None:
    """Draw a button and listen for pasting; call on_photo with the bytes of an image of at most max_bytes bytes.

    words are the texts label, too_large, nothing and by_keyboard.
    """

    def take_photo() -> None:
        content = decode_data_url(st.session_state[key].get("photo"), max_bytes)
        if content is not None:
            on_photo(content)

    load_component("paste")(key=key, data={"max_bytes": max_bytes, **words}, on_photo_change=take_photo)


def decode_data_url(url: object, max_bytes: int) -> bytes | None:
    """Return the bytes of a data: URL, None if it is not one or is too large: a browser may send anything."""
    # Base64 makes four characters of three bytes; the media type before them is short.
    if not isinstance(url, str) or len(url) > max_bytes * 4 // 3 + 200:
        return None
    head, _, body = url.partition(",")
    try:
        return base64.b64decode(body, validate=True) if head.endswith(";base64") else None
    except binascii.Error:
        return None
