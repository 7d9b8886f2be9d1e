"""The page's address: everything that was asked, to query parameters and back. Photos have a name there, not bytes."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from lookalike.embedding.padding import WHOLE
from lookalike.search.query import Part
from lookalike.search.ranking_rule import DEFAULT_BALANCE
from lookalike.types import Filters

Params: TypeAlias = dict[str, str | list[str]]
"""From query parameter to its value, or its values where it stands several times."""

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
REGION_KEY, WHOLE_WORD = "part", "whole"
LIKED_KEY, DISLIKED_KEY = "liked", "disliked"
# Of each kind; with more, the latest count.
MAX_JUDGED = 10
# What opens on the page to start a search with.
WAYS = ("camera",)


@dataclass(frozen=True)
class SearchState:
    """What the page shows: a product's id or "", words that join the query, filters, and how to rank how many results.

    filters maps a column to a tuple of words that is not empty; balance goes from 0, the same look,
    to 1, the same color; count is the number of results wanted; photo is the name that the session gave to the
    visitor's photos, "" for none; way is the way to start that is open, one of WAYS or ""; liked and disliked are the
    ids of results that the visitor judged, none of them in both.
    """

    product: str = ""
    words: str = ""
    filters: Filters = field(default_factory=dict)
    balance: float = DEFAULT_BALANCE
    count: int = DEFAULT_COUNT
    photo: str = ""
    way: str = ""
    liked: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()

    def to_params(self) -> Params:
        """Return the query parameters of the address, without those at their defaults."""
        params = {"product": self.product, "words": self.words, "photo": self.photo, "way": self.way}
        if self.balance != DEFAULT_BALANCE:
            params["balance"] = repr(float(self.balance))
        if self.count != DEFAULT_COUNT:
            params["count"] = str(self.count)
        judged = {LIKED_KEY: self.liked, DISLIKED_KEY: self.disliked}
        lists = {key: _one_or_list(ids) for key, ids in judged.items() if ids} | {
            FILTER_PREFIX + column: _one_or_list(words) for column, words in self.filters.items() if words
        }
        return {key: value for key, value in params.items() if value} | lists

    @staticmethod
    def from_params(params: Mapping, columns: Mapping[str, Sequence[str]] | None = None) -> "SearchState":
        """Return the SearchState of query parameters, which may hold anything; never raises.

        columns maps each column that the catalogue offers to its words (None: anything is offered). Other filters,
        overlong texts and values without meaning are ignored; numbers are clamped to their bounds.
        """
        liked = _read_ids(params.get(LIKED_KEY))
        return SearchState(
            _last_text(params.get("product")),
            _last_text(params.get("words")),
            _read_filters(params, columns),
            _clamped(_last_text(params.get("balance")), float, 0.0, 1.0, DEFAULT_BALANCE),
            _clamped(_last_text(params.get("count")), int, 1, MAX_COUNT, DEFAULT_COUNT),
            _last_text(params.get("photo")),
            way if (way := _last_text(params.get("way"))) in WAYS else "",
            liked,
            tuple(one for one in _read_ids(params.get(DISLIKED_KEY)) if one not in liked),
        )


def region_key(place: int) -> str:
    """Return the query parameter of the region of a query's picture; places count from 0."""
    return f"{REGION_KEY}{place + 1}" if place else REGION_KEY


def region_to_text(part: Part) -> str:
    """Return a region as the address has it: two digits a cell; a rectangle's edges in thousandths; or "whole"."""
    if part == WHOLE:
        return WHOLE_WORD
    if isinstance(part, tuple):
        return ".".join(str(round(edge * 1000)) for edge in part)
    return "".join(f"{row}{column}" for row, column in sorted(part))


def region_from_text(text: object) -> Part:
    """Return the region that an address's text names, as far as there is one: anyone may write anything there."""
    text = text if isinstance(text, str) else ""
    if text == WHOLE_WORD:
        return WHOLE
    if numbers := re.fullmatch(r"([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})", text):
        left, top, right, bottom = (min(int(number), 1000) / 1000 for number in numbers.groups())
        return (left, top, right, bottom) if left < right and top < bottom else frozenset()
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


def _read_ids(value: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, _short_texts(value))))[-MAX_JUDGED:]


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
