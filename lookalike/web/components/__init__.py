"""Two widgets that Streamlit lacks: a photo whose parts can be marked, and a button that pastes a photo."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st


@cache
def load_component(name: str) -> Callable[..., Any]:
    """Return the function that mounts the component made of NAME.html, NAME.css and NAME.js in this folder."""
    html, css, js = (Path(__file__).with_name(f"{name}.{kind}").read_text() for kind in ("html", "css", "js"))
    return st.components.v2.component(f"lookalike.{name}", html=html, css=css, js=js)
