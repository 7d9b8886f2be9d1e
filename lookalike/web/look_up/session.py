"""The visitor's current query: kept in the address, which names photos that the session keeps."""

import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lookalike.web.look_up.permalink import (
    DEFAULT_COUNT,
    Cells,
    Params,
    SearchState,
    region_from_text,
    region_key,
    region_to_text,
)

# Photos of one query; each is a view to compute and a picture to show.
MAX_PHOTOS = 4
# A session keeps the photos of its latest query, and of earlier ones, for the browser's Back, up to so many bytes.
MAX_KEPT_BYTES = 40_000_000
# What a browser sends for so long after its address was changed may still name the one before.
OUTDATED_SECONDS = 3.0


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
    def is_lost(self) -> bool:
        """Whether its address names photos that this session does not have."""
        return bool(self.search.photo and not self.photos)

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
    if _is_history_step():
        close_why()
    is_returning = state.pop("away", False) and not params
    if params != state.get("address", {}) and not is_returning and not _is_outdated(params):
        state.query = _query_of_address(params, columns)
    query = state.setdefault("query", Query())
    _write_address(query)
    return query


def leave_page() -> None:
    """Note that another page is open, whose address holds no query: on return the query is still there."""
    st.session_state.away = True


def search_photos(contents: Sequence[bytes]) -> None:
    """Make photos the query."""
    photos = tuple(Photo(content, hashlib.sha256(content).hexdigest()) for content in contents[:MAX_PHOTOS])
    # A name that no other session gives: an address of an earlier visit must not show another photo.
    name = secrets.token_urlsafe(8)
    kept = _kept_photos()
    kept[name] = photos
    while len(kept) > 1 and sum(len(photo.content) for one in kept.values() for photo in one) > MAX_KEPT_BYTES:
        del kept[next(iter(kept))]
    _set_query(Query(SearchState(photo=name), photos))


def search_product(identity: str) -> None:
    """Make a product of the catalogue the query, with default filters, balance and count."""
    _set_query(Query(SearchState(product=identity)))


def search_similar(identity: str) -> None:
    """Make a result the query, and keep the filters and the balance."""
    _set_query(Query(replace(_query().search, product=identity, photo="", way="", count=DEFAULT_COUNT)))


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


def open_why(identity: str) -> None:
    """Open the dialog that says why a product is among the results; Back or another query closes it again."""
    st.session_state.why = identity


def close_why() -> None:
    """Close that dialog."""
    st.session_state.why = None


def is_why_open(identity: str) -> bool:
    """Return whether that dialog is open for a product."""
    return st.session_state.get("why") == identity


def toggle_way(way: str) -> None:
    """Open a way to start, or close it again."""
    change_search(way="" if _query().search.way == way else way)


def start_key(name: str) -> str:
    """Return the key of a widget that starts a search: another one, empty, for every query.

    It comes from the address, so that it is the same in a session that takes another one's place.
    """
    search = _query().search
    return f"{name}-{search.photo or search.product}"


def _query() -> Query:
    return st.session_state.get("query", Query())


def _set_query(query: Query) -> None:
    st.session_state.query = query
    close_why()


def _kept_photos() -> dict[str, tuple[Photo, ...]]:
    """Return the photos of this session's queries, by the names that addresses have for them, oldest first."""
    return st.session_state.setdefault("photos", {})


def _read_address() -> Params:
    every = {key: st.query_params.get_all(key) for key in st.query_params}
    return {key: values[0] if len(values) == 1 else values for key, values in every.items()}


def _write_address(query: Query) -> None:
    regions = {region_key(place): region_to_text(cells) for place, cells in enumerate(query.regions) if cells}
    params = query.search.to_params() | regions
    # Writing the same parameters again would add a step to the browser's history.
    if params != _read_address():
        st.query_params.from_dict(params)
    state = st.session_state
    if params != state.get("address"):
        state.left = [*state.get("left", [])[-9:], (time.monotonic(), state.get("address", {}))]
    state.address = params


def _is_outdated(params: Params) -> bool:
    """Return whether an address is one that was left a moment ago, by a click and not by the browser's Back."""
    now, left = time.monotonic(), st.session_state.get("left", [])
    return not _is_history_step() and any(old == params and now - at < OUTDATED_SECONDS for at, old in left)


def _is_history_step() -> bool:
    """Return whether the page runs because of the browser's Back or Forward."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def _query_of_address(params: Params, columns: Mapping[str, Sequence[str]]) -> Query:
    search = SearchState.from_params(params, columns)
    photos = _kept_photos().get(search.photo, ())
    # An address has either; a product is still known where the photos are not.
    search = replace(search, product="") if photos else replace(search, photo="" if search.product else search.photo)
    places = range(max(len(photos), 1)) if photos or search.product else ()
    regions = tuple(region_from_text(params.get(region_key(place))) for place in places)
    return Query(search, photos, regions)
