"""A photo whose parts can be tapped or dragged over, by any pointer or keyboard."""

from collections.abc import Callable, Mapping

import streamlit as st

from lookalike.web.actions import is_first_drawn
from lookalike.web.components import load_component


def photo_grid(
    image: str,
    grid: tuple[int, int],
    cells: frozenset[tuple[int, int]],
    words: Mapping[str, str],
    key: str,
    on_cells: Callable[[frozenset[tuple[int, int]]], None],
) -> None:
    """Draw a photo (a URL or a data: URL) under a grid of (rows, columns) with those cells marked.

    words are the texts alt, label and cell, the last with {row} and {column}. on_cells is called with the (row, column)
    pairs that are marked now whenever the visitor changes them; an empty set is the whole photo.
    """

    def take_cells() -> None:
        # A tap may arrive after the photo has left the page, and Streamlit also calls this when it takes one back.
        sent = st.session_state[key].get("cells") if key in st.session_state else None
        if sent is not None:
            on_cells(valid_cells(sent, grid))

    data = {"image": image, "rows": grid[0], "columns": grid[1], "cells": sorted(map(list, cells)), **words}
    is_first = is_first_drawn(key)
    sent = load_component("photo_grid")(key=key, data=data, on_cells_change=take_cells)
    if is_first and sent.cells is not None:
        take_cells()
        st.rerun()


def valid_cells(sent: object, grid: tuple[int, int]) -> frozenset[tuple[int, int]]:
    """Return those of the cells sent that lie in the grid: a browser may send anything."""
    cells = sent if isinstance(sent, list) else []
    return frozenset(
        (row, column)
        for row, column in (cell for cell in cells if isinstance(cell, list) and len(cell) == 2)
        if type(row) is int and type(column) is int and 0 <= row < grid[0] and 0 <= column < grid[1]
    )
