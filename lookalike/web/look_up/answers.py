"""From a query to its answer, where nothing is computed twice. It draws nothing."""

import gc
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from lookalike.errors import ImageError, LookalikeError, ShortageError, is_out_of_memory
from lookalike.images.decoding import may_be_slow
from lookalike.index.catalogue import Product
from lookalike.search.assessment import Assessment, assess_query, closer_than_neighbors
from lookalike.search.closeness import Calibration
from lookalike.search.query import DecodedPhoto, Region, View, decode_photo, embed_photo, look_at, rectangle
from lookalike.search.query import vectors as pool_vectors
from lookalike.search.recommender import Match, Recommender
from lookalike.search.word_search import WordSearch
from lookalike.serving import telemetry
from lookalike.serving.live_index import kept_with
from lookalike.serving.state import KEPT_SECONDS, server_state
from lookalike.types import Vectors
from lookalike.web import pictures, texts
from lookalike.web.look_up.permalink import GRID
from lookalike.web.look_up.session import Photo, Query


@dataclass(frozen=True, eq=False)
class Answer:
    """What the page shows of a query.

    Attributes:
        query: the query itself.
        product: the catalogue's product that was asked about, None for photos.
        views: the View of each of its pictures; none for a whole product, whose vectors the index has.
        pictures: JPEG bytes of each of its pictures, None for one that is missing.
        vectors: its vectors, space → float32 (1, d).
        matches: the nearest products.
        shares: for each match the share, 0 to 1, of products whose nearest neighbor is farther; None if not known yet.
        assessment: what no filter changes about it.
    """

    query: Query
    product: Product | None
    views: Sequence[View]
    pictures: Sequence[bytes | None]
    vectors: Vectors
    matches: list[Match]
    shares: list[float | None]
    assessment: Assessment


def decode_slow_photos(
    recommender: Recommender,
    query: Query,
    take_turn: Callable[[], AbstractContextManager[None]],
    needs_more_pixels: bool = False,
) -> None:
    """Decode those photos of a query that may take long, each once and in a turn of its own; raises LookalikeError.

    What computes an answer holds one of few turns, and finds them decoded. needs_more_pixels says that it will ask
    for more than the networks see.
    """
    for photo in query.photos:
        if not may_be_slow(photo.content, texts.THE_PHOTO):
            continue
        is_decoded = _decoded_key(recommender, photo) in server_state().decoded_photos
        with nullcontext() if is_decoded else take_turn():
            decoded = _decode(recommender, photo)
        if needs_more_pixels and decoded.larger and not decoded.larger.is_decoded:
            with take_turn(), telemetry.stage("decode"):
                decoded.larger.image()


def answer(recommender: Recommender, version: Hashable, query: Query) -> Answer:
    """Return the Answer to a query, photos or a product; raises LookalikeError. Every query takes this way."""
    index, search = recommender.index, query.search
    row = None if query.photos else _row(recommender, search.product)
    product = None if row is None else index.product(row)
    own_rows = () if row is None else (row,)
    if row is None or query.has_region:
        views = query_views(recommender, version, query, product)
        regions = view_regions(query, views)
        vectors = index.with_tuned(pool_vectors(recommender.embedder, views, regions))
    else:
        views, vectors = [], recommender.product_vectors(row)
    with telemetry.stage("search"):
        weights = recommender.balanced_weights(search.balance)
        matches = recommender.distinct_matches(vectors, search.count, weights, search.filters, own_rows)
    shares = closer_than_neighbors(
        calibration(recommender), search.balance, matches, of_product=not views, report=telemetry.count_error
    )
    assessment = _assess(recommender, version, query, vectors, own_rows)
    shown: list[bytes | None]
    if product:
        shown = [pictures.of_product(index, product, version, pictures.QUERY_SIDE)]
    else:
        shown = [pictures.of_photo(photo.digest, view) for photo, view in zip(query.photos, views)]
    return Answer(query, product, views, shown, vectors, matches, shares, assessment)


@contextmanager
def memory_may_be_short() -> Iterator[None]:
    """Raise TemporaryError where the block runs out of memory: it may be free again in a moment."""
    try:
        yield
    except LookalikeError:
        raise
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        telemetry.count_error(error)
        gc.collect()
        raise ShortageError(texts.THE_SHOP, "too little memory is free") from None


def query_views(recommender: Recommender, version: Hashable, query: Query, product: Product | None) -> list[View]:
    """Return the View of every picture of a query; product is the catalogue's, if it is about one."""
    if product:
        return [product_view(recommender, version, product)]
    return [_photo_view(recommender, version, photo) for photo in query.photos]


def product_view(recommender: Recommender, version: Hashable, product: Product) -> View:
    """Return the View of a product's picture; raises ImageError."""
    picture = recommender.index.picture(product)
    if picture is None:
        raise ImageError(texts.IMAGE_MISSING)
    return _product_view(recommender, version, product.identity, picture)


def view_regions(query: Query, views: Sequence[View]) -> list[Region]:
    """Return the region that counts of each view: its cells, or their rectangle if the view's own grid differs."""
    regions = [query.region(place) for place in range(len(views))]
    return [rectangle(cells, GRID) if cells and view.grid != GRID else cells for cells, view in zip(regions, views)]


def calibration(recommender: Recommender) -> Calibration:
    """Return the Calibration of an index, which computes in the background."""
    return kept_with(recommender, "calibration", lambda: Calibration(recommender, texts.BALANCES))


def word_search(recommender: Recommender) -> WordSearch:
    """Return the WordSearch over a catalogue's attributes."""
    index = recommender.index
    rows = range(len(index.names))
    return kept_with(
        recommender, "word search", lambda: WordSearch([index.attributes_of(row) for row in rows], index.names)
    )


def _row(recommender: Recommender, identity: str) -> int:
    row = recommender.row(identity)
    if row is None:
        raise LookalikeError(texts.NO_SUCH_PRODUCT.format(id=identity))
    return row


def _photo_view(recommender: Recommender, version: Hashable, photo: Photo) -> View:
    def embed() -> View:
        decoded = _decode(recommender, photo)
        with telemetry.stage("embed"):
            return embed_photo(recommender.embedder, decoded)

    view = server_state().photo_views.get((version, photo.digest), embed)
    if view.larger:
        # The session that the view was first computed for may be gone, and its photo with it.
        view.larger.reread_from(_reread_while_kept(photo))
    return view


def _decode(recommender: Recommender, photo: Photo) -> DecodedPhoto:
    def decode() -> DecodedPhoto:
        with telemetry.stage("decode"):
            return decode_photo(recommender.embedder, photo.content, texts.THE_PHOTO, _reread_while_kept(photo))

    return server_state().decoded_photos.get(_decoded_key(recommender, photo), decode)


def _decoded_key(recommender: Recommender, photo: Photo) -> Hashable:
    return photo.digest, recommender.embedder.size


def _reread_while_kept(photo: Photo) -> Callable[[], bytes | None]:
    """Return what gives a photo's bytes for as long as its visitor's session keeps them: no cache may."""
    kept = weakref.ref(photo)

    def reread() -> bytes | None:
        still = kept()
        return still.content if still else None

    return reread


@st.cache_resource(max_entries=24, ttl=KEPT_SECONDS, show_spinner=False)
def _product_view(_recommender: Recommender, version: Hashable, identity: str, _picture: Path) -> View:
    return look_at(_recommender.embedder, _picture, stage=telemetry.stage)


def _assess(
    recommender: Recommender, version: Hashable, query: Query, vectors: Vectors, own_rows: tuple[int, ...]
) -> Assessment:
    # The visitor who marked a region has already seen something there.
    may_be_unrelated = bool(query.photos) and not query.has_region
    balance = query.search.balance
    return server_state().assessments.get(
        (version, query.key, balance, own_rows),
        lambda: assess_query(
            recommender, calibration(recommender), vectors, balance, own_rows, may_be_unrelated, telemetry.count_error
        ),
        lambda assessment: assessment.is_complete,
    )
