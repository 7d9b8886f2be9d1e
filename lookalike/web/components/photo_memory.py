"""The photos of a visitor's questions, kept by the browser's tab: they outlive a reload and the end of a session."""

from collections.abc import Callable, Sequence

import streamlit as st

from lookalike.web.components import load_component
from lookalike.web.components.paste import decode_photos

KEY = "photo-memory"


def keep_photos(name: str, photos: Sequence[str]) -> None:
    """Let the browser keep the photos of the question with that name, as data: URLs; draw nothing.

    Once it has them, no photos need be sent again. After the server's restart it runs the page by itself.
    """
    load_component("photo_memory")(
        key=KEY,
        data={"wanted": "", "name": name, "photos": list(photos)},
        on_found_change=lambda: None,
        on_returned_change=lambda: None,
    )


def ask_for_photos(name: str, max_photos: int, max_bytes: int, on_found: Callable[[str, list[bytes]], None]) -> None:
    """Ask the browser for the photos of the question with that name; draw nothing.

    on_found is called with a name and the photos that the browser keeps by it: none, or at most max_photos of max_bytes
    bytes together.
    """

    def take() -> None:
        # Streamlit also calls this when it takes an event back.
        sent = st.session_state[KEY].get("found") if KEY in st.session_state else None
        if isinstance(sent, dict) and isinstance(sent.get("name"), str):
            on_found(sent["name"], decode_photos(sent.get("photos"), max_photos, max_bytes))

    load_component("photo_memory")(
        key=KEY, data={"wanted": name, "name": "", "photos": []}, on_found_change=take, on_returned_change=lambda: None
    )
