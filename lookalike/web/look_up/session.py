"""The visitor's current query: kept in the session and, if it is about a product of the shop, in the address too."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from lookalike.web.look_up.permalink import (
    DEFAULT_COUNT,
    REGION_KEY,
    Cells,
    Params,
    SearchState,
    region_from_text,
    region_to_text,
)

# Photos of one query; each is a view to compute and a picture to show.
MAX_PHOTOS = 4


@dataclass(frozen=True, eq=False)
class Photo:
    """A visitor's photo: its bytes as they came, and their SHA-256, by which results are cached."""

    content: bytes
    digest: str


@dataclass(frozen=True)
class Query:
    """One question: photos or a product of the catalogue, the region of each that counts, and the search over it."""

    search: SearchState = field(default_factory=SearchState)
    photos: tuple[Photo, ...] = ()
    regions: tuple[Cells, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.photos and not self.search.product

    @property
    def has_region(self) -> bool:
        return any(self.regions)

    @property
    def kind(self) -> str:
        """What the metrics call it."""
        return "region" if self.has_region else "photo" if self.photos else "product"

    @property
    def key(self) -> tuple:
        """What its vectors depend on, to cache by."""
        pictures = tuple(photo.digest for photo in self.photos) or self.search.product
        return pictures, tuple(tuple(sorted(cells)) for cells in self.regions) if self.has_region else ()

    def region(self, place: int) -> Cells:
        """Return the cells of a picture that count; none for all of them."""
        return self.regions[place] if place < len(self.regions) else frozenset()


def current_query(columns: Mapping[str, Sequence[str]]) -> Query:
    """Return the Query of this run: the session's, or the address's if a link or the browser's Back changed that.

    columns maps each column that can be filtered by to its words.
    """
    state, params = st.session_state, _read_address()
    is_returning = state.pop("away", False) and not params
    if params != state.get("address", {}) and not is_returning:
        state.query = _query_of_address(params, columns)
    query = state.setdefault("query", Query())
    if query.photos:
        state.photo_query = query
    _write_address(query)
    return query


def leave_page() -> None:
    """Note that another page is open, whose address holds no query: on return the query is still there."""
    st.session_state.away = True


def search_photos(contents: Sequence[bytes]) -> None:
    """Make photos the query."""
    photos = tuple(Photo(content, hashlib.sha256(content).hexdigest()) for content in contents[:MAX_PHOTOS])
    _set_query(Query(photos=photos))
    _close_start()


def search_product(identity: str) -> None:
    """Make a product of the catalogue the query, with default filters, balance and count."""
    _set_query(Query(SearchState(product=identity)))
    _close_start()


def search_similar(identity: str) -> None:
    """Make a result the query, and keep the filters and the balance."""
    _set_query(Query(replace(_query().search, product=identity, count=DEFAULT_COUNT)))


def set_region(place: int, cells: Cells) -> None:
    """Let only some cells of a picture count; none for all of them."""
    query = _query()
    regions = {at: query.region(at) for at in range(max(len(query.photos), 1))} | {place: cells}
    _set_query(replace(query, regions=tuple(regions.values())))


def clear_regions() -> None:
    """Let all of every picture count."""
    _set_query(replace(_query(), regions=()))


def change_search(**changes: Any) -> None:
    """Change the filters, the balance or the count of the current query."""
    _set_query(replace(_query(), search=replace(_query().search, **changes)))


def set_filter(column: str, words: Sequence[str]) -> None:
    """Filter by words of a column; without words, remove its filter."""
    filters = {name: chosen for name, chosen in _query().search.filters.items() if name != column}
    change_search(filters={**filters, column: tuple(words)} if words else filters, count=DEFAULT_COUNT)


def generation() -> int:
    """Return a number that changes with every new query, for the keys of widgets that start again with it."""
    return st.session_state.get("generation", 0)


def _query() -> Query:
    return st.session_state.get("query", Query())


def _set_query(query: Query) -> None:
    st.session_state.query = query


def _close_start() -> None:
    # Widgets of another generation are new: closed and empty.
    st.session_state.generation = generation() + 1
    st.session_state.way = None


def _read_address() -> Params:
    every = {key: st.query_params.get_all(key) for key in st.query_params}
    return {key: values[0] if len(values) == 1 else values for key, values in every.items()}


def _write_address(query: Query) -> None:
    params = {} if query.photos or query.is_empty else query.search.to_params()
    if params and query.region(0):
        params[REGION_KEY] = region_to_text(query.region(0))
    # Writing the same parameters again would add a step to the browser's history.
    if params != _read_address():
        st.query_params.from_dict(params)
    st.session_state.address = params


def _query_of_address(params: Params, columns: Mapping[str, Sequence[str]]) -> Query:
    if not params:
        return st.session_state.get("photo_query", Query())
    search = SearchState.from_params(params, columns)
    return Query(search, regions=(region_from_text(params.get(REGION_KEY)),)) if search.product else Query(search)
