"""What the API answers, computed in turn with the page's visitors: from photos, a product or words to matches."""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lookalike.embedding.garments import Garment
from lookalike.errors import CatalogueError
from lookalike.images.decoding import load_pixels
from lookalike.index.catalogue import Product
from lookalike.search.lexicon import Understood
from lookalike.search.query import Region, View, look_at
from lookalike.search.query import vectors as pool_vectors
from lookalike.search.ranking_rule import usable_rule
from lookalike.search.recommender import Match, Recommender
from lookalike.search.steering import can_steer, steered_matches
from lookalike.search.word_ranking import WordRanking
from lookalike.search.word_search import WordSearch, find_groups
from lookalike.serving import telemetry
from lookalike.serving.live_index import Description, describe, kept_with
from lookalike.serving.state import ServerState
from lookalike.types import Distances, Filters, Rows, Vectors, Weights
from lookalike.web.api.problems import Problem
from lookalike.web.product_picture import small_picture

NO_PRODUCT = "There is no product {id} in this shop."
NO_PICTURE = "The picture of product {id} is missing."
NOTHING_ASKED = "Send photos or the id of a product, either of which words may join, or words alone."
NOTHING_UNDERSTOOD = "No product has all of these words."
UNKNOWN_WORDS = "None of these words is known here: {words}. Try a kind and a color, such as red dress."
CANNOT_STEER = (
    "Words cannot join photos or a product here: that needs an index that is ranked by its fashion vectors. "
    "Send the words alone, or leave them out."
)
NOTHING_COUNTED = "This shop counts nothing of what shoppers do. It would by setting LOOKALIKE_CLICKS."
TOO_MANY_EVENTS = "Too many events. Try again in {seconds} seconds."
THE_PHOTO = "The photo"
# The sides of pictures in pixels; another one gets the next smaller. About 30 kB each.
SIDES = (64, 160, 320, 450, 640, 1024)
MAX_PICTURES = 2000


@dataclass(frozen=True)
class Answer:
    """The matches of a question, and what was understood of its words: None if it has none, or for the table alone."""

    matches: list[Match]
    understood: Understood | None = None


class Service:
    """Answers questions about the index that a server process serves."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    def recommender(self) -> Recommender:
        """Return the Recommender over the index as it is now; raises LookalikeError while there is none."""
        return self._state.live(self._state.settings.index).current()[0]

    def turn(self, who: str) -> AbstractContextManager[None]:
        """Hold one of the few turns to compute, in which each asker and each visitor gets one after another."""
        return self._state.queue.slot(who)

    def index(self) -> tuple[Description, dict[str, int]]:
        """Return what is served, and the spaces with their lengths."""
        recommender = self.recommender()
        return describe(recommender), dict(recommender.index.widths)

    def product(self, identity: str) -> Product:
        """Return a product; raises Problem 404."""
        recommender = self.recommender()
        return recommender.index.product(_row(recommender, identity))

    def picture(self, identity: str, side: int) -> bytes:
        """Return JPEG bytes of a product's picture, at most side pixels wide and high; raises Problem 404.

        Pictures are made in a few sizes only, and the latest are kept: whoever has no key may ask for them.
        """
        recommender = self.recommender()
        path = recommender.index.picture(recommender.index.product(_row(recommender, identity)))
        if path is None:
            raise Problem(404, NO_PICTURE.format(id=identity))
        make = kept_with(recommender, "pictures of the API", lambda: lru_cache(MAX_PICTURES)(small_picture))
        return make(recommender.index.folder, path, max(one for one in SIDES if one <= max(side, SIDES[0])))

    def find(self, words: str, count: int) -> list[Product]:
        """Return the products that words find."""
        recommender = self.recommender()
        return [
            recommender.index.product(row)
            for row in find_groups(_word_search(recommender), recommender.index, words, count)
        ]

    def facets(self, filters: Filters) -> dict[str, dict[str, int]]:
        """Return how many products each word of each column leaves under the filters of the others."""
        recommender = self.recommender()
        _check_columns(recommender, filters)
        return recommender.facets.counts(filters)

    def vectors(self, who: str, photos: Sequence[bytes], region: Region = None) -> Vectors:
        """Return the vectors of photos, together one question: space → float32 (1, d)."""
        recommender = self.recommender()
        with telemetry.request("region" if region else "photo"), self._state_turn(who):
            return _photo_vectors(recommender, photos, region)

    def garments(self, who: str, photos: Sequence[bytes]) -> list[list[Garment]]:
        """Return the garments in each of the photos, the likeliest first; raises ImageError."""
        embedder = self.recommender().embedder
        if not embedder.finds_garments:
            return [[] for _ in photos]
        with telemetry.request("garments"), self._state_turn(who):
            with telemetry.stage("decode"):
                pixels = [load_pixels(photo, embedder.garment_side, THE_PHOTO) for photo in photos]
            with telemetry.stage("embed"):
                return [embedder.garments(image) for image in pixels]

    def similar(
        self,
        who: str,
        photos: Sequence[bytes] = (),
        product: str | None = None,
        words: str | None = None,
        region: Region = None,
        filters: Filters | None = None,
        weights: Weights | None = None,
        k: int = 5,
    ) -> Answer:
        """Return the k matches of photos or a product, which words may join, or of words alone; raises Problem.

        Words alone are ranked by themselves: region and weights say nothing about them.
        """
        if bool(photos) == (product is not None) and (photos or words is None):
            raise Problem(422, NOTHING_ASKED)
        recommender = self.recommender()
        _check_columns(recommender, filters or {})
        row = None if product is None else _row(recommender, product)
        kind = "region" if region else "photo" if photos else "product"
        with telemetry.request(kind), self._state_turn(who):
            if photos:
                vectors = _photo_vectors(recommender, photos, region)
            elif row is not None:
                vectors = _product_vectors(recommender, row, region)
            elif "fashion" in recommender.index.widths:
                return _answer_words(recommender, words or "", k, filters)
            else:
                vectors, words = _word_vectors(recommender, words or ""), None
            with telemetry.stage("search"):
                excluded = () if row is None else recommender.index.group_rows([row])
                if words is None:
                    return Answer(recommender.distinct_matches(vectors, k, weights, filters, excluded))
                return _answer_steered(recommender, words, vectors, k, weights, filters, excluded)

    def count_events(self, who: str, events: Sequence[tuple[str, str, int]]) -> int:
        """Count what a shopper did, (event, product, rank) each; return how many were of products that there are.

        Raises Problem 404 where the shop counts nothing, and 429 beyond what is believed from one asker.
        """
        clicks = self._state.clicks
        if clicks is None:
            raise Problem(404, NOTHING_COUNTED)
        recommender = self.recommender()
        if wait := math.ceil(self._state.click_limit.allow(who, len(events))):
            raise Problem(429, TOO_MANY_EVENTS.format(seconds=wait), Retry_After=str(wait))
        known = [event for event in events if recommender.row(event[1]) is not None]
        for event, product, rank in known:
            clicks.count(event, product, rank)
        return len(known)

    def _state_turn(self, who: str) -> AbstractContextManager[None]:
        return _waiting(self.turn(who))


class _waiting(AbstractContextManager[None]):
    """Count the wait for a turn, not what happens in it."""

    def __init__(self, turn: AbstractContextManager[None]) -> None:
        self._turn = turn

    def __enter__(self) -> None:
        with telemetry.waiting():
            self._turn.__enter__()

    def __exit__(self, *error: object) -> bool | None:
        return self._turn.__exit__(*error)  # type: ignore[arg-type]


def _row(recommender: Recommender, identity: str) -> int:
    row = recommender.row(identity)
    if row is None:
        raise Problem(404, NO_PRODUCT.format(id=identity))
    return row


def _check_columns(recommender: Recommender, filters: Filters) -> None:
    try:
        recommender.facets.check(filters)
    except CatalogueError as error:
        raise Problem(422, str(error)) from None


def _photo_vectors(recommender: Recommender, photos: Sequence[bytes], region: Region) -> Vectors:
    views = [look_at(recommender.embedder, photo, THE_PHOTO, telemetry.stage) for photo in photos]
    return _pool(recommender, views, region)


def _product_vectors(recommender: Recommender, row: int, region: Region) -> Vectors:
    if not region:
        return recommender.product_vectors(row)
    product = recommender.index.product(row)
    path = recommender.index.picture(product)
    if path is None:
        raise Problem(404, NO_PICTURE.format(id=product.identity))
    return _pool(recommender, [look_at(recommender.embedder, path, product.name, telemetry.stage)], region)


def _pool(recommender: Recommender, views: list[View], region: Region) -> Vectors:
    regions: list[Region] = [region, *[None] * (len(views) - 1)]
    return recommender.index.with_tuned(pool_vectors(recommender.embedder, views, regions))


def _word_vectors(recommender: Recommender, words: str) -> Vectors:
    """Return the mean of the vectors of the products that words find, each space normalized; raises Problem 422."""
    rows = find_groups(_word_search(recommender), recommender.index, words)
    if not rows:
        raise Problem(422, NOTHING_UNDERSTOOD)
    found = recommender.index.searcher().vectors(rows)
    means = {name: matrix.mean(axis=0, keepdims=True) for name, matrix in found.items()}
    return {name: mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12) for name, mean in means.items()}


def _answer_words(recommender: Recommender, words: str, k: int, filters: Filters | None) -> Answer:
    """Return the products that words describe; raises Problem 422 if none of the words is known."""
    ranking = _word_ranking(recommender)
    understood = ranking.understand(words)
    if understood.is_empty:
        raise Problem(422, UNKNOWN_WORDS.format(words=", ".join(understood.unknown) or "(none)"))

    def find(count: int) -> tuple[Rows, Distances]:
        rows, shares = ranking.best(understood, count, filters=filters)
        return rows, np.sqrt(np.maximum(2 - 2 * shares.astype(np.float64), 0))

    with telemetry.stage("search"):
        return Answer(recommender.group_matches(find, k), understood)


def _answer_steered(
    recommender: Recommender,
    words: str,
    vectors: Vectors,
    k: int,
    weights: Weights | None,
    filters: Filters | None,
    excluded: Sequence[int],
) -> Answer:
    """Return the matches of a query that words join; raises Problem 422 where none can."""
    if not can_steer(recommender):
        raise Problem(422, CANNOT_STEER)
    ranking = _word_ranking(recommender)
    understood = ranking.understand(words)
    rule = usable_rule(weights, recommender.index.widths) if weights else None
    return Answer(steered_matches(recommender, ranking, vectors, understood, k, rule, filters, excluded), understood)


def _word_ranking(recommender: Recommender) -> WordRanking:
    return kept_with(
        recommender,
        "word ranking",
        lambda: WordRanking(recommender.index, _word_search(recommender), recommender.facets),
    )


def _word_search(recommender: Recommender) -> WordSearch:
    return kept_with(recommender, "word search", lambda: WordSearch.of_catalogue(recommender.index))
