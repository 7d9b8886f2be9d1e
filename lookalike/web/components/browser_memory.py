"""Texts that the visitor's browser remembers, beyond a reload and the end of a session."""

import secrets
from collections.abc import Callable, Sequence

import streamlit as st

from lookalike.web.components import load_component

MAX_LETTERS = 500


def browser_memory(
    name: str,
    texts: Sequence[str],
    is_known: bool,
    on_remembered: Callable[[list[str]], None],
    on_changed: Callable[[list[str]], None],
) -> None:
    """Let the browser remember texts under a name; draw nothing.

    Until is_known, the browser is asked instead, and on_remembered is called with the texts that it remembers.
    on_changed is called when another tab of this browser has changed them.
    """
    key = f"memory-{name}"
    session = st.session_state.setdefault(f"{key}-session", secrets.token_hex(8))

    def called(event: str, act: Callable[[list[str]], None]) -> Callable[[], None]:
        def take() -> None:
            # Streamlit also calls this when it takes an event back.
            sent = st.session_state[key].get(event) if key in st.session_state else None
            if sent is not None:
                act(valid_texts(sent))

        return take

    load_component("browser_memory")(
        key=key,
        # The browser calls the component again only for other data: every session asks for itself.
        data={"name": name, "texts": list(texts), "is_known": is_known, "session": session},
        on_remembered_change=called("remembered", on_remembered),
        on_changed_change=called("changed", on_changed),
    )


def valid_texts(sent: object) -> list[str]:
    """Return those of the values sent that are texts of at most MAX_LETTERS: a browser may send anything."""
    values = sent if isinstance(sent, list) else []
    return [value for value in values if isinstance(value, str) and len(value) <= MAX_LETTERS]
