"""From a query to its answer, where nothing is computed twice. It draws nothing."""

import os
import weakref
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from lookalike.embedding.garments import Garment, main_garment, outfit
from lookalike.embedding.padding import WHOLE
from lookalike.errors import ImageError, LookalikeError, TemporaryError
from lookalike.images.decoding import may_be_slow
from lookalike.index.catalogue import Product
from lookalike.search.assessment import Assessment, assess_query, closer_than_neighbors
from lookalike.search.closeness import Calibration
from lookalike.search.feedback import move_query
from lookalike.search.lexicon import Understood
from lookalike.search.query import DecodedPhoto, Region, View, decode_photo, embed_photo, look_at, rectangle
from lookalike.search.query import vectors as pool_vectors
from lookalike.search.ranking_rule import RankingRule
from lookalike.search.recommender import Match, Recommender
from lookalike.search.steering import can_steer, steered_matches
from lookalike.search.word_ranking import WordRanking
from lookalike.search.word_search import WordSearch, find_groups
from lookalike.serving import telemetry
from lookalike.serving.live_index import kept_with
from lookalike.serving.state import KEPT_SECONDS, server_state
from lookalike.types import Vectors
from lookalike.web import pictures, texts
from lookalike.web.look_up.permalink import GRID
from lookalike.web.look_up.session import Photo, Query

# How well a picture must fit words, 0 to 1, to be shown for them.
MIN_SHARE = 0.15


@dataclass(frozen=True, eq=False)
class Answer:
    """What the page shows of a query.

    Attributes:
        query: the query itself.
        product: the catalogue's product that was asked about, None for photos.
        variants: that product's variants, which are no matches of it.
        views: the View of each of its pictures; none for a whole product, whose vectors the index has.
        pictures: JPEG bytes of each of its pictures, None for one that is missing.
        vectors: its vectors, space → float32 (1, d).
        matches: the nearest products.
        shares: for each match the share, 0 to 1, of products whose nearest neighbor is farther; None if not known yet.
        assessment: what no filter changes about it.
        understood: what was understood of the words that join it; None where none can.
        garments: the garments in its one photo, the likeliest first, if there are several.
    """

    query: Query
    product: Product | None
    variants: Sequence[Product]
    views: Sequence[View]
    pictures: Sequence[bytes | None]
    vectors: Vectors
    matches: list[Match]
    shares: list[float | None]
    assessment: Assessment
    understood: Understood | None
    garments: Sequence[Garment] = ()


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
        if not may_be_slow(_content(photo), texts.THE_PHOTO):
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
    # Neither its other pictures nor its variants answer a product.
    own_rows = () if row is None else tuple(index.group_rows([row]))
    garments: Sequence[Garment] = ()
    if row is None or query.has_region:
        views = query_views(recommender, version, query, product)
        if len(query.photos) == 1:
            garments = outfit(views[0].garments(recommender.embedder))
        if garments and query.may_show_outfit:
            query = replace(query, regions=(main_garment(garments).box,))
        regions = view_regions(query, views)
        vectors = index.with_tuned(pool_vectors(recommender.embedder, views, regions))
    else:
        views, vectors = [], recommender.product_vectors(row)
    with telemetry.stage("search"):
        rule = recommender.balanced_rule(search.balance)
        liked, disliked = (judged_rows(recommender, judged) for judged in (search.liked, search.disliked))
        moved = move_query(vectors, recommender, liked, disliked)
        excluded = (*own_rows, *index.group_rows(disliked))
        understood = _understand(recommender, search.words)
        if understood is None or understood.is_empty:
            matches = recommender.distinct_matches(moved, search.count, rule, search.filters, excluded)
        else:
            words = word_ranking(recommender)
            matches = steered_matches(
                recommender, words, moved, understood, search.count, rule, search.filters, excluded
            )
            matches = _measure_to_picture(recommender, moved, matches, rule)
    shares = closer_than_neighbors(
        calibration(recommender), search.balance, matches, of_product=not views, report=telemetry.count_error
    )
    assessment = _assess(recommender, version, query, vectors, own_rows)
    shown: list[bytes | None]
    if product and not views:
        shown = [pictures.of_product(index, product, version)]
    else:
        names = [(product.name, version)] if product else [photo.digest for photo in query.photos]
        shown = [pictures.of_view(name, view) for name, view in zip(names, views, strict=True)]
    variants = index.variants_of(product) if product else ()
    return Answer(query, product, variants, views, shown, vectors, matches, shares, assessment, understood, garments)


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
    return _product_view(recommender, version, os.fsencode(product.name), picture)


def view_regions(query: Query, views: Sequence[View]) -> list[Region]:
    """Return the region that counts of each view: its cells, or a rectangle if the view's own grid differs."""
    parts = (query.region(place) for place in range(len(views)))
    regions = [frozenset() if part == WHOLE else part for part in parts]
    return [rectangle(part, GRID) if part and view.grid != GRID else part for part, view in zip(regions, views)]


def calibration(recommender: Recommender) -> Calibration:
    """Return the Calibration of an index, which computes in the background."""
    return kept_with(recommender, "calibration", lambda: Calibration(recommender, texts.BALANCES))


def word_search(recommender: Recommender) -> WordSearch:
    """Return the WordSearch over a catalogue's attributes."""
    return kept_with(recommender, "word search", lambda: WordSearch.of_catalogue(recommender.index))


def judged_rows(recommender: Recommender, identities: Sequence[str]) -> list[int]:
    """Return the rows of products that a visitor judged; an address may name some that there are not."""
    return [row for row in map(recommender.row, identities) if row is not None]


def word_ranking(recommender: Recommender) -> WordRanking:
    """Return the WordRanking over a recommender's index."""
    return kept_with(
        recommender,
        "word ranking",
        lambda: WordRanking(recommender.index, word_search(recommender), recommender.facets),
    )


def find_by_words(recommender: Recommender, text: str, max_results: int) -> tuple[list[int], Understood]:
    """Return the rows of products that have all words of a text, then of those whose pictures look like it.

    And what was understood of it.
    """
    rows = find_groups(word_search(recommender), recommender.index, text, max_results)
    more, shares, understood = word_ranking(recommender).rank_groups(text, max_results - len(rows), excluded=rows)
    return rows + [row for row, share in zip(more, shares) if share >= MIN_SHARE], understood


def _understand(recommender: Recommender, text: str) -> Understood | None:
    """Return what is understood of words that join a query, None where none can."""
    if not can_steer(recommender):
        return None
    return word_ranking(recommender).understand(text) if text else Understood({}, (), ())


def _measure_to_picture(
    recommender: Recommender, vectors: Vectors, matches: Sequence[Match], rule: RankingRule
) -> list[Match]:
    """Return matches in their order with their distances from a query's vectors, in which no words count."""
    rows = [row for match in matches if (row := recommender.index.picture_row(match.product)) is not None]
    distances = recommender.distances(vectors, rows, rule)
    return [replace(match, distance=float(distance)) for match, distance in zip(matches, distances, strict=True)]


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
            return decode_photo(recommender.embedder, _content(photo), texts.THE_PHOTO, _reread_while_kept(photo))

    return server_state().decoded_photos.get(_decoded_key(recommender, photo), decode)


def _content(photo: Photo) -> bytes:
    """Return a photo's bytes; raises TemporaryError if they were given up since this run began."""
    content = photo.content
    if photo.is_given_up:
        raise TemporaryError(texts.PHOTO_GIVEN_UP, 1)
    return content


def _decoded_key(recommender: Recommender, photo: Photo) -> Hashable:
    return photo.digest, recommender.embedder.size


def _reread_while_kept(photo: Photo) -> Callable[[], bytes | None]:
    """Return what gives a photo's bytes for as long as its visitor's session keeps them: no cache may."""
    kept = weakref.ref(photo)

    def reread() -> bytes | None:
        still = kept()
        return still.content if still and not still.is_given_up else None

    return reread


@st.cache_resource(max_entries=24, ttl=KEPT_SECONDS, show_spinner=False)
def _product_view(_recommender: Recommender, version: Hashable, name: bytes, _picture: Path) -> View:
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
