"""What Streamlit lacks in the browser: a photo to mark parts of, pasting, and what the browser remembers."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st


@cache
def load_component(name: str) -> Callable[..., Any]:
    """Return the function that mounts the component made of NAME.js and, where they exist, NAME.html and NAME.css."""
    files = (Path(__file__).with_name(f"{name}.{kind}") for kind in ("html", "css", "js"))
    html, css, js = (file.read_text(encoding="utf-8") if file.exists() else None for file in files)
    return st.components.v2.component(f"lookalike.{name}", html=html, css=css, js=js)
