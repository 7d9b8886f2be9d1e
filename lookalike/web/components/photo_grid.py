"""A photo of which parts can be tapped or dragged over: st.components.v2, no frame, any pointer or keyboard."""

from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).parent

_mount = st.components.v2.component(
    "lookalike.photo_grid",
    html=(_FOLDER / "photo_grid.html").read_text(),
    css=(_FOLDER / "photo_grid.css").read_text(),
    js=(_FOLDER / "photo_grid.js").read_text(),
)


def photo_grid(image, grid, cells, words, key, on_cells):
    """Draw a photo (an address or a data: URL) under a grid of (rows, columns), of which cells are marked.

    words are the texts alt, label and cell, the last with {row} and {column}; on_cells is called with a
    frozenset of (row, column) when the person has marked others, empty for the whole photo.
    """

    def changed():
        on_cells(_checked(st.session_state[key].get("cells"), grid))

    data = {"image": image, "rows": grid[0], "columns": grid[1], "cells": sorted(map(list, cells)), **words}
    _mount(key=key, data=data, on_cells_change=changed)


def _checked(cells, grid):
    """The cells that a browser sent, as far as they are cells of the grid: it may send anything."""
    sent = cells if isinstance(cells, list) else []
    pairs = [tuple(cell) for cell in sent if isinstance(cell, list) and len(cell) == 2]
    return frozenset(
        (row, column)
        for row, column in pairs
        if type(row) is int and type(column) is int and 0 <= row < grid[0] and 0 <= column < grid[1]
    )
