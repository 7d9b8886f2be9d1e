"""From a query to its answer, nothing computed twice. No widgets here."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import streamlit as st

from lookalike.errors import ImageError, LookalikeError
from lookalike.search.closeness import Closeness, UnrelatedPhotoDetector
from lookalike.search.explain import confident_labels, votes
from lookalike.search.query import look_at, rectangle, vectors
from lookalike.search.recommender import balanced
from lookalike.search.word_search import WordSearch
from lookalike.serving import telemetry
from lookalike.serving.expiring_cache import ExpiringCache
from lookalike.web import pictures, texts
from lookalike.web.look_up.session import GRID

# So many of the nearest, whatever the filters, say what a query looks like.
VOTERS = 20

# What was computed of visitors' photos: this module is imported once a process.
PHOTO_VIEWS = ExpiringCache(24, pictures.KEPT_SECONDS)

IMPRESSIONS = ExpiringCache(100, pictures.KEPT_SECONDS)


@dataclass(frozen=True, eq=False)
class Answer:
    """What the page shows of a query: matches, how close each is beside the shop's neighbors, and what is seen.

    shares has a number from 0 to 1 a match, or None where that is not known (yet); votes are (column, word, share).
    """

    vectors: dict
    matches: list
    shares: list
    unlike: bool
    believed: tuple
    votes: list


def answer(shop, version, query):
    """The Answer to a query; raises LookalikeError. Every query passes here, and nowhere else."""
    asked, found = query.asked, query_vectors(shop, version, query)
    own = () if query.photos else (shop.row(asked.product),)
    weights = _weights(shop, asked.balance)
    with telemetry.stage("search"):
        matches = shop.distinct_matches(found, asked.count, weights, asked.filters, own)
    shares = _shares(shop, version, asked.balance, matches)
    partly = any(query.parts)
    about = version, key(query), asked.balance, own, partly
    impression = IMPRESSIONS.get(about, lambda: _impression(shop, version, asked.balance, found, own, partly))
    return Answer(found, matches, shares, *impression)


def query_vectors(shop, version, query):
    """A query's vectors, a dict from space to (1, d); of a whole product those that the index has."""
    if not query.photos and not query.part(0):
        return shop.product_vectors(_row(shop, query.asked.product))
    seen = views(shop, version, query)
    return shop.index.with_tuned(vectors(shop.embedder, seen, regions(query, seen)))


def views(shop, version, query):
    """The View of every picture of a query."""
    if query.photos:
        return [photo_view(shop, version, photo) for photo in query.photos]
    return [product_view(shop, version, shop.index.product(_row(shop, query.asked.product)))]


def photo_view(shop, version, photo):
    """The View of a visitor's photo; raises ImageError."""
    return PHOTO_VIEWS.get((version, photo.digest), lambda: look_at(shop.embedder, photo.content, texts.THE_PHOTO))


def product_view(shop, version, product):
    """The View of a product's picture; raises ImageError."""
    if product.picture is None:
        raise ImageError(texts.IMAGE_MISSING)
    return _product_view(shop, version, product.identity, product.picture)


def regions(query, seen):
    """What counts of each view, as lookalike.query takes it: cells, or a rectangle where its own grid is another."""
    parts = [query.part(place) for place in range(len(seen))]
    return [part if view.grid == GRID or not part else rectangle(part, GRID) for part, view in zip(parts, seen)]


@st.cache_resource(max_entries=24, ttl=3600, show_spinner=False)
def _product_view(_shop, version, identity, _picture):
    return look_at(_shop.embedder, _picture)


@st.cache_resource(max_entries=1, show_spinner=False)
def judges(_shop, version):
    """What says how close close is, computed beside everything else: futures, "nothing" and one a balance."""
    pool = ThreadPoolExecutor(1, "judges")
    nothing = pool.submit(_nothing, _shop)
    usual_first = sorted(texts.BALANCES, key=lambda balance: balance != 0.5)
    return {"nothing": nothing} | {
        balance: pool.submit(Closeness, _shop.index, _weights(_shop, balance)) for balance in usual_first
    }


def _nothing(shop):
    nothing = UnrelatedPhotoDetector(shop.index, shop.embedder)
    return nothing if nothing.limit else nothing


@st.cache_resource(max_entries=1, show_spinner=False)
def word_search(_shop, version):
    """The WordSearch over a shop's attributes."""
    facets_rows = [_shop.index.product(row).attributes for row in range(len(_shop.index.names))]
    return WordSearch(facets_rows, _shop.index.names)


def _impression(shop, version, balance, found, own, partly):
    """What no filter changes: whether a photo is like nothing here, what is believed of it, the neighbors' votes.

    Of a part of a photo the first is not asked: who marks one has seen that there is something.
    """
    unlike = not own and not partly and _judgement(judges(shop, version)["nothing"]).rejects(found)
    words = confident_labels(found["fashion"][0]) if "fashion" in found else ()
    return unlike, words, _votes(shop, found, _weights(shop, balance), own)


def key(query):
    """What a query's vectors depend on, to cache by."""
    pictures = tuple(photo.digest for photo in query.photos) or query.asked.product
    return pictures, tuple(tuple(sorted(part)) for part in query.parts)


def _weights(shop, balance):
    """The weights for a balance between look and color; the usual ones where the index has no colors."""
    return balanced(shop.weights, balance) if "color" in shop.index.widths else shop.weights


def _row(shop, identity):
    row = shop.row(identity)
    if row is None:
        raise LookalikeError(texts.NO_SUCH_PRODUCT.format(id=identity))
    return row


def _shares(shop, version, balance, matches):
    """closer_than of each match; the usual ranking's is waited for, the others' are there after a moment."""
    judge = judges(shop, version).get(balance)
    if judge is None or (balance != 0.5 and not judge.done()):
        return [None] * len(matches)
    closeness = _judgement(judge)
    if not len(closeness.distances):
        # A shop of one picture has no neighbors to compare with.
        return [None] * len(matches)
    return [closeness.closer_than(match.distance) for match in matches]


def _judgement(judge):
    """What a judge came to; one that failed, for its server was away, is forgotten, so that the next may not."""
    try:
        return judge.result()
    except LookalikeError:
        judges.clear()
        raise


def _votes(shop, found, weights, own):
    rows, distances = shop.nearest(found, VOTERS, weights, excluded=own)
    return votes([shop.index.product(row) for row in rows[0]], distances[0])
