"""A photo whose parts can be tapped or dragged over, and whose garments have names, by any pointer or keyboard."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from lookalike.embedding.padding import WHOLE
from lookalike.search.query import Part, Rectangle
from lookalike.web.actions import is_first_drawn
from lookalike.web.components import load_component


def photo_grid(
    image: str,
    grid: tuple[int, int],
    part: Part,
    words: Mapping[str, str],
    key: str,
    on_part: Callable[[Part], None],
    garments: Sequence[tuple[str, Rectangle]] = (),
) -> None:
    """Draw a photo (a URL or a data: URL) under a grid of (rows, columns) with that part marked.

    words are the texts alt, label, garments_label and cell, the last with {row} and {column}. garments are names with
    their rectangles, each a button on the photo. on_part is called with what is marked now whenever the visitor
    changes it.
    """

    def take_part() -> None:
        # A tap may arrive after the photo has left the page, and Streamlit also calls this when it takes one back.
        sent = st.session_state.get(key, {})
        if sent.get("cells") is not None:
            on_part(valid_cells(sent.get("cells"), grid))
        elif (box := _box_of(sent.get("garment"), garments)) is not None:
            on_part(box)

    data: dict[str, Any] = {
        "image": image,
        "rows": grid[0],
        "columns": grid[1],
        "cells": [] if isinstance(part, tuple) else sorted([row, column] for row, column in part),
        "box": list(part) if isinstance(part, tuple) and part != WHOLE else None,
        "garments": [{"name": name, "box": [round(edge, 3) for edge in box]} for name, box in _numbered(garments)],
        **words,
    }
    is_first = is_first_drawn(key)
    component = load_component("photo_grid")
    sent = component(key=key, data=data, on_cells_change=take_part, on_garment_change=take_part)
    if is_first and (sent.cells is not None or sent.garment is not None):
        take_part()
        st.rerun()


def valid_cells(sent: object, grid: tuple[int, int]) -> frozenset[tuple[int, int]]:
    """Return those of the cells sent that lie in the grid: a browser may send anything."""
    cells = sent if isinstance(sent, list) else []
    return frozenset(
        (row, column)
        for row, column in (cell for cell in cells if isinstance(cell, list) and len(cell) == 2)
        if type(row) is int and type(column) is int and 0 <= row < grid[0] and 0 <= column < grid[1]
    )


def _box_of(sent: object, garments: Sequence[tuple[str, Rectangle]]) -> Rectangle | None:
    """Return the rectangle of the garment whose place was sent, None if there is no such garment."""
    return garments[sent][1] if type(sent) is int and 0 <= sent < len(garments) else None


def _numbered(garments: Sequence[tuple[str, Rectangle]]) -> list[tuple[str, Rectangle]]:
    """Return the garments with a number in their name from the second one of a name on."""
    seen: dict[str, int] = {}
    named = []
    for name, box in garments:
        seen[name] = seen.get(name, 0) + 1
        named.append((f"{name} {seen[name]}" if seen[name] > 1 else name, box))
    return named
