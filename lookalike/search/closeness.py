"""How close a match really is, compared with the catalogue itself; and whether a photo shows anything it sells."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property, partial
from typing import Generic, TypeVar

import numpy as np

from lookalike.embedding.embedder import Embedder
from lookalike.index.catalogue import Catalogue
from lookalike.index.vector_search import InMemorySearcher
from lookalike.search.ranking_rule import DEFAULT_BALANCE, RankingRule, default_rule, usable_rule
from lookalike.search.recommender import Ranking, Recommender, same_picture_limits, show_same_picture
from lookalike.types import Matrix, Pixels, Rows, Vectors, Weights

MAX_SAMPLED, SEED = 500, 0
# A photo is unrelated if it is farther from every product than this share of how far synthetic blanks are. At
# 0.86 or less, photos of clothes begin to be rejected; see the measurement in tests/search/test_closeness.py.
UNRELATED_SHARE = 0.88
# Products whose looks are compared with a photo's at a time.
CHUNK = 4096
# Seconds that an answer waits for what it is compared with, before it is shown without that.
MAX_WAIT = 30.0
# How many neighbors are ordered at a time where one stage ranks.
SAME_ORDER = 10

Result = TypeVar("Result")


class Closeness:
    """The distances at which a sample of an index's products find their nearest other picture.

    rule is that of the ranking whose distances are judged. distances are float32, ascending, one for each
    product sampled that has a neighbor at all, if they are asked as photos are. own_distances are the same if they
    are asked with their own vectors, which in the tuned space know the shop's words.
    """

    def __init__(
        self,
        index: Catalogue,
        rule: RankingRule | Weights | None = None,
        max_sampled: int = MAX_SAMPLED,
        seed: int = SEED,
    ) -> None:
        rows = np.random.default_rng(seed).permutation(len(index.names))[:max_sampled]
        found = neighbor_distances(index, np.sort(rows), rule)
        self.distances = self.own_distances = np.sort(found[np.isfinite(found)])
        if index.head:
            found = neighbor_distances(index, np.sort(rows), rule, as_products=True)
            self.own_distances = np.sort(found[np.isfinite(found)])

    def closer_than(self, distance: float, of_product: bool = False) -> float:
        """Return the share, 0 to 1, of the sampled neighbors that are farther than that; 0 if there are none.

        of_product says that the query was a product's own vectors, not a photo's or a region's.
        """
        distances = self.own_distances if of_product else self.distances
        if not len(distances):
            return 0.0
        return 1 - float(np.searchsorted(distances, np.float32(distance), side="right")) / len(distances)


def neighbor_distances(
    index: Catalogue, rows: Rows, rule: RankingRule | Weights | None = None, as_products: bool = False
) -> Matrix:
    """Return how far the products in rows are from their nearest other picture: float32 (m,), inf if there is none.

    Neither other pictures of a product nor its variants are neighbors of it. Products are queried as photos would be,
    with tuned vectors made without the shop's own attributes; with as_products, by their own vectors. With a
    second stage, the nearest one is the first in its order.
    """
    rule = usable_rule(rule or default_rule(index.widths, len(index.names)), index.widths)
    searcher = index.searcher()
    limits = same_picture_limits(index.widths)
    queries = searcher.vectors(rows) if as_products else index.with_tuned(searcher.vectors(rows))
    groups = index.groups
    if not rule.has_second_stage:
        if groups is None:
            return searcher.nearest_distances(queries, rule.weights, limits, rows)
        rule = RankingRule(rule.weights, SAME_ORDER, rule.weights)  # a second stage that leaves the order as it is
    group, own_rows = (groups.group, groups.max_size) if groups else (np.arange(len(index.names)), 1)
    ranking, unfinished, wanted = Ranking(index, rule), np.arange(len(rows)), 2 * rule.block
    distances = np.full(len(rows), np.inf, np.float32)
    while len(unfinished):
        asked = {name: matrix[unfinished] for name, matrix in queries.items()}
        most = min(wanted + own_rows, len(index.names), searcher.max_matches)
        found, _ = searcher.nearest(asked, rule.weights, most)
        for place, near in zip(unfinished, found):
            query = {name: matrix[place : place + 1] for name, matrix in queries.items()}
            distances[place] = _first_other(query, near[group[near] != group[rows[place]]], ranking, limits)
        # If all of them show the product's own picture, ask for more.
        unfinished = unfinished[np.isinf(distances[unfinished])] if most > wanted else unfinished[:0]
        wanted *= 4
    return distances


def _first_other(query: Vectors, near: Rows, ranking: Ranking, limits: Weights) -> float:
    """Return how far the first of near, in the order of the second stage, is that shows another picture; inf if none.

    query is a product's own vectors.
    """
    if not len(near):
        return np.inf
    ordered, apart = ranking.order_blocks(query, ranking.rule, near[None])
    products = ranking.index.searcher().vectors(ordered[0], limits)
    vectors = {name: np.concatenate([query[name], matrix]) for name, matrix in products.items()}
    others = ~show_same_picture(vectors, limits, 0, np.arange(1, len(near) + 1))
    return float(apart[0][others.argmax()]) if others.any() else np.inf


class UnrelatedPhotoDetector:
    """Tells photos that show nothing an index holds, or no garment at all, by their look.

    The distances of a ranking cannot: the fashion network and the head see a garment in anything. The yardstick
    is how far synthetic blanks are from the products, which does not depend on the catalogue's own spread.
    """

    def __init__(self, index: Catalogue, embedder: Embedder) -> None:
        self._index, self._searcher = index, index.searcher()
        self._embedder = embedder

    @cached_property
    def limit(self) -> float:
        """The look distance beyond which a photo is unrelated. Its first use embeds the synthetic blanks."""
        blanks = self._embedder.embed(synthetic_blanks(self._embedder.size))
        return UNRELATED_SHARE * float(np.median(self.distances(blanks)))

    def distances(self, looks: Matrix) -> Matrix:
        """Return how far looks, float32 (m, C), are from their nearest product's: float32 (m,)."""
        return self._searcher.nearest_distances({"look": looks}, {"look": 1.0})

    def rejects(self, vectors: Vectors) -> bool:
        """Return whether every photo of a query, space → float32 (m, d), is unrelated to the index."""
        return not any((apart <= self.limit).any() for apart in self._distances_by_chunk(vectors["look"]))

    def _distances_by_chunk(self, looks: Matrix) -> Iterator[Matrix]:
        """Yield how far looks (m, C) are from the nearest of some products, then of others: float32 (m,) each.

        One related product is enough, and mostly among the first: all of them are read for unrelated photos alone.
        """
        if not self._index.is_in_memory:
            yield self.distances(looks)
            return
        products = self._index.in_memory().look
        for start in range(0, len(products), CHUNK):
            some = InMemorySearcher({"look": products[start : start + CHUNK]})
            yield some.nearest_distances({"look": looks}, {"look": 1.0})


def synthetic_blanks(size: int, count: int = 8) -> Pixels:
    """Return pictures of nothing, uint8 (3 · count, size, size, 3): gradients, noise of any grain, plain colors."""
    rng = np.random.default_rng(SEED)
    across, down = np.linspace(0, 1, size)[None, :], np.linspace(0, 1, size)[:, None]
    pictures = []
    for number in range(count):
        slope = rng.uniform(0, 1)
        ramp = (slope * across + (1 - slope) * down)[:, :, None]
        one, other, plain = rng.integers(0, 256, (3, 3))
        grain = min(size, 4 * 2 ** (number % 6))
        cells = np.arange(size) * grain // size
        noise = rng.integers(0, 256, (grain, grain, 3))[cells][:, cells]
        pictures += [one * (1 - ramp) + other * ramp, noise, np.broadcast_to(plain, (size, size, 3))]
    return np.stack(pictures).astype(np.uint8)


class Calibration:
    """An index's UnrelatedPhotoDetector and its Closeness at each balance, computed in a thread of its own.

    The computation starts at once, the usual balance first. One that fails, say because a server is away or memory
    is short, is started again by the next call: no failure is remembered.
    """

    def __init__(self, recommender: Recommender, balances: Iterable[float]) -> None:
        pool = ThreadPoolExecutor(1, "calibration")
        self._detector = _Retried(pool, partial(_prepared_detector, recommender))
        self._closeness = {
            balance: _Retried(pool, partial(Closeness, recommender.index, recommender.balanced_rule(balance)))
            for balance in sorted(balances, key=lambda balance: balance != DEFAULT_BALANCE)
        }

    def detector(self) -> UnrelatedPhotoDetector:
        """Return the detector once it is ready; raises what its computation raises, TimeoutError after MAX_WAIT."""
        return self._detector.wait()

    def closeness(self, balance: float) -> Closeness | None:
        """Return the Closeness at a balance, None while it is not ready or if the balance is not a known one.

        The usual balance is waited for; raises what its computation raises, TimeoutError after MAX_WAIT.
        """
        task = self._closeness.get(balance)
        if task is None:
            return None
        return task.wait() if balance == DEFAULT_BALANCE else task.poll()


def _prepared_detector(recommender: Recommender) -> UnrelatedPhotoDetector:
    detector = UnrelatedPhotoDetector(recommender.index, recommender.embedder)
    _ = detector.limit
    return detector


class _Retried(Generic[Result]):
    """A computation in a pool, started again by the first call after it failed."""

    def __init__(self, pool: ThreadPoolExecutor, compute: Callable[[], Result]) -> None:
        self._pool, self._compute = pool, compute
        self._lock = threading.Lock()
        self._future = self._start()

    def wait(self) -> Result:
        """Return the result; raises what the computation raises, TimeoutError if it is not ready in time."""
        return self._current().result(MAX_WAIT)

    def poll(self) -> Result | None:
        """Return the result, or None if it is not there yet."""
        future = self._current()
        return future.result() if future.done() and not future.exception() else None

    def _current(self) -> Future[Result]:
        with self._lock:
            if self._future.done() and self._future.exception():
                self._future = self._start()
            return self._future

    def _start(self) -> Future[Result]:
        try:
            return self._pool.submit(self._compute)
        except (RuntimeError, MemoryError) as error:  # the machine has no thread left
            failed: Future[Result] = Future()
            failed.set_exception(error)
            return failed
