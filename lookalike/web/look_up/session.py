"""What the visitor asks now: kept in the session, and in the address as far as it is about the shop's own products."""

import hashlib
from dataclasses import dataclass, field, replace

import streamlit as st

from lookalike.web.look_up.permalink import COUNT, SearchState

# Photos of one query; each is a view to compute and a picture to show.
MAX_PHOTOS = 4

# Cells of every picture, as one tapped or dragged over it, whatever the backbone's own grid.
GRID = (7, 7)

PART = "part"


@dataclass(frozen=True, eq=False)
class Photo:
    """A visitor's photo as it came: its bytes, and the digest that it is cached by."""

    content: bytes
    digest: str


@dataclass(frozen=True)
class Query:
    """One question: photos or a product of the catalogue, the cells that count of each, and what was asked of it."""

    asked: SearchState = field(default_factory=SearchState)
    photos: tuple = ()
    parts: tuple = ()

    @property
    def is_empty(self):
        return not self.photos and not self.asked.product

    def part(self, place):
        """The cells that count of a picture; an empty frozenset for all of it."""
        return self.parts[place] if place < len(self.parts) else frozenset()


def current(columns):
    """The Query of this run: the session's, or the address's where a link or the browser's Back changed that."""
    state, params = st.session_state, _address()
    returning = state.pop("away", False) and not params
    if params != state.get("address", {}) and not returning:
        state.query = _from_address(params, columns)
    query = state.setdefault("query", Query())
    if query.photos:
        state.photo_query = query
    _write(query)
    return query


def gone_elsewhere():
    """Another page is open, whose address holds none of this: on return the query stands as it was."""
    st.session_state.away = True


def ask_photos(contents):
    """Make photos the query."""
    photos = tuple(Photo(content, hashlib.sha256(content).hexdigest()) for content in contents[:MAX_PHOTOS])
    _set(Query(photos=photos))
    _close_ways_in()


def ask_product(identity):
    """Make a product of the catalogue the query, with nothing else asked of it."""
    _set(Query(SearchState(product=identity)))
    _close_ways_in()


def more_like(identity):
    """Make a result the query; what was asked of the results is still wanted."""
    _set(Query(replace(_query().asked, product=identity, count=COUNT)))


def ask_part(place, cells):
    """Let only some cells of a picture count; none for all of them."""
    query = _query()
    parts = {at: query.part(at) for at in range(max(len(query.photos), 1))} | {place: cells}
    _set(replace(query, parts=tuple(parts.values())))


def change(**asked):
    """Ask something else of the same query: filters, balance or count."""
    _set(replace(_query(), asked=replace(_query().asked, **asked)))


def only(column, words):
    """Filter by a column; no words, no filter."""
    filters = {name: chosen for name, chosen in _query().asked.filters.items() if name != column}
    change(filters={**filters, column: tuple(words)} if words else filters, count=COUNT)


def _query():
    return st.session_state.get("query", Query())


def _set(query):
    st.session_state.query = query


def _close_ways_in():
    # Widgets of another generation are new ones: closed, and empty.
    st.session_state.generation = generation() + 1
    st.session_state.way = None


def generation():
    """A number that changes with every new query, for the keys of widgets that start afresh with it."""
    return st.session_state.get("generation", 0)


def _address():
    """The address's parameters: a dict from str to str, or to a list of several."""
    every = {key: st.query_params.get_all(key) for key in st.query_params}
    return {key: values[0] if len(values) == 1 else values for key, values in every.items()}


def _write(query):
    params = {} if query.photos or query.is_empty else query.asked.to_params()
    if params and query.part(0):
        params[PART] = "".join(f"{row}{column}" for row, column in sorted(query.part(0)))
    # The same object in any order is the same address; writing it again would add a step to the browser's history.
    params = {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in params.items()}
    if params != _address():
        st.query_params.from_dict(params)
    st.session_state.address = params


def _from_address(params, columns):
    if not params:
        return st.session_state.get("photo_query", Query())
    asked = SearchState.from_params(params, columns)
    return Query(asked, parts=(_cells(params.get(PART)),)) if asked.product else Query(asked)


def _cells(text):
    """The cells that an address names, as far as there are such: anyone may write anything there."""
    text = text if isinstance(text, str) else ""
    pairs = zip(text[::2], text[1::2])
    named = {(ord(row) - ord("0"), ord(column) - ord("0")) for row, column in pairs}
    return frozenset(cell for cell in named if all(0 <= at < most for at, most in zip(cell, GRID)))
