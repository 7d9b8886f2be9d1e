"""The visitor's current query: kept in the address, which names photos that the session keeps."""

import hashlib
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from lookalike.embedding.padding import WHOLE
from lookalike.search.query import Part
from lookalike.serving.state import server_state
from lookalike.web.look_up.permalink import (
    DEFAULT_COUNT,
    MAX_JUDGED,
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


@dataclass(eq=False)
class Photo:
    """A visitor's photo: its bytes as they came, and their SHA-256, by which results are cached.

    It may be given up for lack of room; content is empty then.
    """

    content: bytes
    digest: str
    is_given_up: bool = False

    def give_up(self) -> None:
        """Let go of content."""
        self.content, self.is_given_up = b"", True


@dataclass(frozen=True)
class Query:
    """One question: photos or a product of the catalogue, the region of each that counts, and the search over it."""

    search: SearchState = field(default_factory=SearchState)
    photos: tuple[Photo, ...] = ()
    regions: tuple[Part, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.photos and not self.search.product

    @property
    def is_lost(self) -> bool:
        """Whether its address names photos that this session does not have."""
        return bool(self.search.photo and not self.photos)

    @property
    def is_asked_for(self) -> bool:
        """Whether the browser has not said yet that it does not keep those photos either."""
        return self.is_lost and self.search.photo not in st.session_state.get("photos_gone", set())

    @property
    def has_region(self) -> bool:
        return any(part and part != WHOLE for part in self.regions)

    @property
    def may_show_outfit(self) -> bool:
        """Whether it is one photo of which nothing has been chosen: then one of several garments is asked for."""
        return len(self.photos) == 1 and not any(self.regions)

    @property
    def kind(self) -> str:
        """What the metrics call it."""
        return "region" if self.has_region else "photo" if self.photos else "product"

    @property
    def key(self) -> tuple:
        """What its vectors depend on, to cache by."""
        pictures = tuple(photo.digest for photo in self.photos) or self.search.product
        parts = (part if isinstance(part, tuple) else tuple(sorted(part)) for part in self.regions)
        return pictures, tuple(parts) if self.has_region else ()

    def region(self, place: int) -> Part:
        """Return what counts of a picture; no cells for all of it."""
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
    if any(photo.is_given_up for photo in query.photos):
        query = state.query = replace(query, photos=())  # the browser may still have them
    _write_address(query)
    return query


def leave_page() -> None:
    """Note that another page is open, whose address holds no query: on return the query is still there."""
    st.session_state.away = True


def search_photos(contents: Sequence[bytes]) -> None:
    """Make photos the query."""
    # A name that no other session gives: an address of an earlier visit must not show another photo.
    name = secrets.token_urlsafe(8)
    photos = _keep_photos(name, contents)
    _set_query(Query(SearchState(photo=name), photos))


def take_photos_back(name: str, contents: Sequence[bytes]) -> None:
    """Take the photos of a name, which this session lacks, from the browser; without contents, it has none either."""
    query = _query()
    if not query.is_lost or query.search.photo != name:
        return
    if not contents:
        st.session_state.setdefault("photos_gone", set()).add(name)
        return
    photos = _keep_photos(name, contents)
    st.session_state.query = replace(query, photos=photos, regions=query.regions[: len(photos)])


def is_new_to_browser(name: str) -> bool:
    """Return whether the photos of that name were not given to the browser yet; see note_given_to_browser."""
    return name not in st.session_state.get("photos_given", ())


def note_given_to_browser(name: str) -> None:
    """Note that the browser was given the photos of that name, which no later run needs to do again."""
    st.session_state.setdefault("photos_given", set()).add(name)


def search_product(identity: str) -> None:
    """Make a product of the catalogue the query, with default filters, balance and count."""
    _set_query(Query(SearchState(product=identity)))


def search_similar(identity: str) -> None:
    """Make a result the query, and keep the filters and the balance."""
    search = replace(_query().search, product=identity, photo="", words="", way="")
    _set_query(Query(replace(search, count=DEFAULT_COUNT, liked=(), disliked=())))


def set_region(place: int, part: Part) -> None:
    """Let only a part of a picture count; no cells for all of it."""
    query = _query()
    regions = {at: query.region(at) for at in range(max(len(query.photos), 1))} | {place: part}
    _set_query(replace(query, regions=tuple(regions.values())))


def clear_regions(is_outfit: bool = False) -> None:
    """Let all of every picture count; of an outfit too, of which one garment is asked for otherwise."""
    _set_query(replace(_query(), regions=(WHOLE,) if is_outfit else ()))


def change_search(**changes: Any) -> None:
    """Change the filters, the balance or the count of the current query."""
    _set_query(replace(_query(), search=replace(_query().search, **changes)))


def judge(identity: str, is_liked: bool | None) -> None:
    """Like or dislike a result, or take back what was said of it, with None."""
    search = _query().search
    liked, disliked = (tuple(one for one in judged if one != identity) for judged in (search.liked, search.disliked))
    if is_liked is not None:
        liked, disliked = (*liked, identity) if is_liked else liked, disliked if is_liked else (*disliked, identity)
    change_search(liked=liked[-MAX_JUDGED:], disliked=disliked[-MAX_JUDGED:])


def set_words(words: str) -> None:
    """Let words join the query, "" for none."""
    change_search(words=words, count=DEFAULT_COUNT)


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


def is_any_why_open() -> bool:
    """Return whether that dialog is open for some product."""
    return bool(st.session_state.get("why"))


def toggle_way(way: str) -> None:
    """Open a way to start, or close it again."""
    change_search(way="" if _query().search.way == way else way)


def start_key(name: str) -> str:
    """Return the key of a widget that starts a search: another one, empty, for every query.

    It comes from the address, so that it is the same in a session that takes another one's place; as a digest, for
    Streamlit refuses some signs in the keys of components.
    """
    search = _query().search
    return f"{name}-{hashlib.sha256((search.photo or search.product).encode()).hexdigest()[:16]}"


def _query() -> Query:
    return st.session_state.get("query", Query())


def _set_query(query: Query) -> None:
    st.session_state.query = query
    close_why()


def _kept_photos() -> dict[str, tuple[Photo, ...]]:
    """Return the photos of this session's queries, by the names that addresses have for them, oldest first."""
    return st.session_state.setdefault("photos", {})


def _keep_photos(name: str, contents: Sequence[bytes]) -> tuple[Photo, ...]:
    """Keep photos under a name in this session, and return them; the earliest ones make room for them."""
    photos = tuple(Photo(content, hashlib.sha256(content).hexdigest()) for content in contents[:MAX_PHOTOS])
    for photo in photos:
        server_state().photo_budget.add(photo)
    kept = _kept_photos()
    kept[name] = photos
    while len(kept) > 1 and sum(len(photo.content) for one in kept.values() for photo in one) > MAX_KEPT_BYTES:
        del kept[next(iter(kept))]
    return photos


def _read_address() -> Params:
    every = {key: st.query_params.get_all(key) for key in st.query_params}
    return {key: values[0] if len(values) == 1 else values for key, values in every.items()}


def _write_address(query: Query) -> None:
    regions = {region_key(place): region_to_text(part) for place, part in enumerate(query.regions) if part}
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
    # Photos that are lost may still be taken back.
    places = range(len(photos) or (1 if search.product else MAX_PHOTOS if search.photo else 0))
    regions = tuple(region_from_text(params.get(region_key(place))) for place in places)
    return Query(search, photos, regions)
