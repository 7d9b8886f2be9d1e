"""The page's address: everything that was asked, to query parameters and back. Photos have a name there, not bytes."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from lookalike.search.recommender import DEFAULT_BALANCE
from lookalike.types import Filters

Params: TypeAlias = dict[str, str | list[str]]
"""From query parameter to its value, or its values where it stands several times."""

Cells: TypeAlias = frozenset[tuple[int, int]]
"""Cells (row, column) of GRID; empty for the whole picture."""

Number = TypeVar("Number", int, float)

# The cells that a visitor can mark in any picture, whatever the backbone's own grid.
GRID = (7, 7)

# Results on the page: at first, and at most.
DEFAULT_COUNT, MAX_COUNT = 5, 100
# More filters, or more words of one filter, than any catalogue offers.
MAX_FILTERS = 300
# No question has longer texts in its address.
MAX_LETTERS = 200
# Keeps a shop's columns apart from our own keys, whatever they are called.
FILTER_PREFIX = "only."
REGION_KEY = "part"
# What opens on the page to start a search with.
WAYS = ("camera", "address", "pick")


@dataclass(frozen=True)
class SearchState:
    """What the page shows: a product's id or "", words searched for, filters, and how to rank how many results.

    filters maps a column to a tuple of words that is not empty; balance goes from 0, the same look,
    to 1, the same color; count is the number of results wanted; photo is the name that the session gave to the
    visitor's photos, "" for none; way is the way to start that is open, one of WAYS or "".
    """

    product: str = ""
    words: str = ""
    filters: Filters = field(default_factory=dict)
    balance: float = DEFAULT_BALANCE
    count: int = DEFAULT_COUNT
    photo: str = ""
    way: str = ""

    def to_params(self) -> Params:
        """Return the query parameters of the address, without those at their defaults."""
        params = {"product": self.product, "words": self.words, "photo": self.photo, "way": self.way}
        if self.balance != DEFAULT_BALANCE:
            params["balance"] = repr(float(self.balance))
        if self.count != DEFAULT_COUNT:
            params["count"] = str(self.count)
        filters = {FILTER_PREFIX + column: _one_or_list(words) for column, words in self.filters.items() if words}
        return {key: value for key, value in params.items() if value} | filters

    @staticmethod
    def from_params(params: Mapping, columns: Mapping[str, Sequence[str]] | None = None) -> "SearchState":
        """Return the SearchState of query parameters, which may hold anything; never raises.

        columns maps each column that the catalogue offers to its words (None: anything is offered). Other filters,
        overlong texts and values without meaning are ignored; numbers are clamped to their bounds.
        """
        return SearchState(
            _last_text(params.get("product")),
            _last_text(params.get("words")),
            _read_filters(params, columns),
            _clamped(_last_text(params.get("balance")), float, 0.0, 1.0, DEFAULT_BALANCE),
            _clamped(_last_text(params.get("count")), int, 1, MAX_COUNT, DEFAULT_COUNT),
            _last_text(params.get("photo")),
            way if (way := _last_text(params.get("way"))) in WAYS else "",
        )


def region_key(place: int) -> str:
    """Return the query parameter of the region of a query's picture; places count from 0."""
    return f"{REGION_KEY}{place + 1}" if place else REGION_KEY


def region_to_text(cells: Cells) -> str:
    """Return a region as the address has it: two digits a cell."""
    return "".join(f"{row}{column}" for row, column in sorted(cells))


def region_from_text(text: object) -> Cells:
    """Return those of the cells in an address's text that GRID has: anyone may write anything there."""
    text = text if isinstance(text, str) else ""
    cells = {(ord(row) - ord("0"), ord(column) - ord("0")) for row, column in zip(text[::2], text[1::2])}
    return frozenset((row, column) for row, column in cells if 0 <= row < GRID[0] and 0 <= column < GRID[1])


def _read_filters(params: Mapping, columns: Mapping[str, Sequence[str]] | None) -> dict[str, tuple[str, ...]]:
    """Return the filters among parameters: from column to its words, each once."""
    filters: dict[str, tuple[str, ...]] = {}
    for key, value in params.items():
        if not isinstance(key, str) or not key.startswith(FILTER_PREFIX) or len(filters) == MAX_FILTERS:
            continue
        column = key.removeprefix(FILTER_PREFIX)
        offered = columns.get(column, ()) if columns is not None else None
        words = [word for word in _short_texts(value)[:MAX_FILTERS] if offered is None or word in offered]
        if words and len(column) <= MAX_LETTERS:
            filters[column] = tuple(dict.fromkeys(words))
    return filters


def _short_texts(value: object) -> list[str]:
    """Return a parameter's value or values without those that are overlong or no text."""
    values: Iterable[object] = value if isinstance(value, list | tuple) else [value]
    return [text for text in values if isinstance(text, str) and len(text) <= MAX_LETTERS]


def _last_text(value: object) -> str:
    """Return the last of a parameter's values, as browsers and Streamlit do; "" without one."""
    return next(reversed(_short_texts(value)), "")


def _clamped(text: str, kind: Callable[[str], Number], low: Number, high: Number, default: Number) -> Number:
    """Return the number that a text says, within its bounds, or the default where it says none."""
    try:
        number = kind(text)
    except ValueError:
        return default
    return default if math.isnan(number) else min(max(number, low), high)


def _one_or_list(words: Sequence[str]) -> str | list[str]:
    return words[0] if len(words) == 1 else list(words)
