"""A photo from the clipboard; Streamlit's own uploader takes files and drops, but no pasting."""

import base64
import binascii
from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).parent

_mount = st.components.v2.component(
    "lookalike.paste",
    html=(_FOLDER / "paste.html").read_text(),
    css=(_FOLDER / "paste.css").read_text(),
    js=(_FOLDER / "paste.js").read_text(),
)


def paste(words, limit, key, on_photo):
    """Draw a button and listen for pasting; on_photo is called with the bytes of an image of at most limit bytes.

    words are the texts label, too_large, nothing and by_keyboard.
    """

    def changed():
        content = _content(st.session_state[key].get("photo"), limit)
        if content is not None:
            on_photo(content)

    _mount(key=key, data={"limit": limit, **words}, on_photo_change=changed)


def _content(address, limit):
    """The bytes of a data: URL that a browser sent, None where it is none or too large: it may send anything."""
    if not isinstance(address, str) or len(address) > limit * 4 // 3 + 200:
        return None
    head, _, body = address.partition(",")
    try:
        return base64.b64decode(body, validate=True) if head.endswith(";base64") else None
    except binascii.Error:
        return None
