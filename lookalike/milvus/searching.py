"""The Searcher of an index in Milvus: candidates come from the server and are measured here, as in memory."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lookalike.index.offers import PRICE
from lookalike.index.price_ranges import read_range
from lookalike.index.vector_search import ROUNDING, RowFilter, measure_distances
from lookalike.milvus.layout import AMOUNT, MAX_MATCHES, ROW, VECTOR, Layout, search_params, word_field
from lookalike.milvus.server import Milvus
from lookalike.types import Distances, Mask, Matrix, Rows, Vectors, Weights

# Additional candidates: the server's float32 may order neighbors differently.
MARGIN = 12

# Vectors read at a time: ten megabytes of the widest.
ROWS_PER_READ = 512

# nearest_distances may take long over a large catalogue, and nobody waits for it.
MAX_SECONDS_FOR_DISTANCES = 300.0
QUERIES_PER_SEARCH = 50
FIRST_NEIGHBORS = 8


class MilvusSearcher:
    """A Searcher over one version of an index; see Searcher for its methods.

    A version no longer changes once it is whole, so that no read has to wait for the newest writes (Bounded).
    """

    def __init__(
        self, milvus: Milvus, collection: str, layout: Layout, columns: Sequence[str], search_index: str
    ) -> None:
        self._milvus, self._collection, self._layout = milvus, collection, layout
        self._columns, self._search_index = columns, search_index
        self.widths = layout.widths
        self.max_matches = MAX_MATCHES

    def vectors(self, rows: Rows | Sequence[int], spaces: Iterable[str] | None = None) -> dict[str, Matrix]:
        """See Searcher."""
        rows = [int(row) for row in rows]
        found: dict[int, Matrix] = {}
        wanted = sorted(set(rows))
        for start in range(0, len(wanted), ROWS_PER_READ):
            some = wanted[start : start + ROWS_PER_READ]
            entities = self._milvus.call(
                "query", self._collection, filter=f"{ROW} in {some}", output_fields=[ROW, VECTOR], limit=len(some)
            )
            found |= {entity[ROW]: np.asarray(entity[VECTOR], np.float32) for entity in entities}
        matrix = np.empty((len(rows), self._layout.numbers), np.float32)
        for place, row in enumerate(rows):
            matrix[place] = found[row]
        return self._layout.unpack(matrix, spaces)

    def nearest(
        self, queries: Vectors, weights: Weights, k: int, allowed: RowFilter | None = None
    ) -> tuple[Rows, Distances]:
        """See Searcher."""
        selected = filter_expression(allowed, self._columns)
        count = len(queries[next(iter(weights))])
        if selected is None:
            return np.empty((count, 0), int), np.empty((count, 0))
        single = ({name: queries[name][place] for name in weights} for place in range(count))
        found = [self._nearest_to_one(query, weights, k, selected) for query in single]
        # An approximate index may miss some for one query and not for another.
        fewest = min(len(rows) for rows, _ in found)
        return np.stack([rows[:fewest] for rows, _ in found]), np.stack([d[:fewest] for _, d in found])

    def nearest_distances(
        self, queries: Vectors, weights: Weights, limits: Weights | None = None, rows: Rows | None = None
    ) -> Matrix:
        """See Searcher."""
        count = len(queries[next(iter(weights))])
        distances = np.full(count, np.inf, np.float32)
        for start in range(0, count, QUERIES_PER_SEARCH):
            places, k = np.arange(start, min(start + QUERIES_PER_SEARCH, count)), FIRST_NEIGHBORS
            while len(places):
                neighbors = self._neighbors({name: m[places] for name, m in queries.items()}, weights, k)
                own = {name: queries[name][places] for name in {**weights, **(limits or {})}}
                first = self._nearest_others(own, weights, neighbors, limits, None if rows is None else rows[places])
                distances[places] = np.minimum(distances[places], first)
                # If all neighbors show the query's own picture, ask for more.
                more = np.isinf(first) & [len(near) == k for near in neighbors] & (k < self.max_matches)
                places, k = places[more], min(4 * k, self.max_matches)
        return distances

    def _nearest_others(
        self, queries: Vectors, weights: Weights, neighbors: Sequence[Rows], limits: Weights | None, rows: Rows | None
    ) -> Matrix:
        """Return how far each query is from the first of its neighbors that shows another picture: float32 (m,)."""
        wanted = np.unique(np.concatenate([*neighbors, np.empty(0, int)]))
        products = self.vectors(wanted, {**weights, **(limits or {})})
        distances = np.full(len(neighbors), np.inf, np.float32)
        for number, near in enumerate(neighbors):
            query = {name: matrix[number] for name, matrix in queries.items()}
            nearby = {name: matrix[np.searchsorted(wanted, near)] for name, matrix in products.items()}
            other = np.ones(len(near), bool)
            if limits:
                other = ~_shows_same_picture(query, nearby, limits)
                other &= near != (-1 if rows is None else rows[number])
            if other.any():
                others = {name: nearby[name][other] for name in weights}
                distances[number] = measure_distances(query, others, weights).min()
        return distances

    def _neighbors(self, queries: Vectors, weights: Weights, k: int) -> list[Rows]:
        """Return the rows of the k nearest products of each query."""
        packed = self._layout.pack_queries(queries, weights)
        hits = self._search(packed, k, "", [ROW], MAX_SECONDS_FOR_DISTANCES)
        return [np.array([hit["entity"][ROW] for hit in own], int) for own in hits]

    def _nearest_to_one(self, query: Vectors, weights: Weights, k: int, selected: str) -> tuple[Rows, Distances]:
        """Return rows (k,) and distances (k,) for one query, space → (d,), among the products that are selected."""
        packed = self._layout.pack_queries({name: vector[None] for name, vector in query.items()}, weights)
        wanted = k + MARGIN
        while True:
            hits = self._search(packed, min(wanted, self.max_matches), selected, [ROW, VECTOR])[0]
            if len(hits) < min(wanted, self.max_matches) or wanted >= self.max_matches:
                break
            # Stop once all are here that rounding could have kept from the first k.
            if hits[-1]["distance"] < hits[k - 1]["distance"] - ROUNDING:
                break
            wanted *= 4
        if not hits:
            return np.empty(0, int), np.empty(0)
        rows = np.array([hit["entity"][ROW] for hit in hits])
        vectors = self._layout.unpack(np.array([hit["entity"][VECTOR] for hit in hits], np.float32), weights)
        distances = measure_distances(query, vectors, weights)
        order = np.lexsort((rows, distances))[:k]
        return rows[order], distances[order]

    def _search(
        self, packed: Matrix, count: int, selected: str, fields: Sequence[str], seconds: float | None = None
    ) -> list[list[Mapping[str, Any]]]:
        """Return count hits for each packed query, nearest first."""
        hits: list[list[Mapping[str, Any]]] = self._milvus.call(
            "search",
            self._collection,
            data=list(packed),
            limit=count,
            filter=selected,
            output_fields=fields,
            anns_field=VECTOR,
            search_params=search_params(self._search_index, count),
            seconds=seconds,
        )
        return hits


def _shows_same_picture(query: Vectors, products: Vectors, limits: Weights) -> Mask:
    """Return which of m products show a query's own picture: bool (m,)."""
    apart = {name: np.linalg.norm(products[name] - query[name], axis=1) for name in limits}
    return np.logical_and.reduce([apart[name] < limit for name, limit in limits.items()])


def quote(word: str) -> str:
    """Return a text as a literal of an expression.

    Milvus reads literals as Go does. Go knows JSON's escapes for quotes, backslashes and control characters, but not
    its pairs of \\\\u for characters beyond 16 bits: all other characters stay as they are.
    """
    return json.dumps(word, ensure_ascii=False)


def _term(column: str, words: Sequence[str], columns: Sequence[str]) -> str:
    """Return the expression for the products with one of the words, or one of the ranges of prices."""
    if column != PRICE:
        return f"{word_field(columns.index(column))} in [{', '.join(map(quote, words))}]"
    ranges = []
    for low, high in filter(None, map(read_range, words)):
        upper = "" if math.isinf(high) else f" and {AMOUNT} <= {high!r}"
        ranges.append(f"({AMOUNT} >= {low!r}{upper})")
    return f"({' or '.join(ranges)})"


def _as_spelled(allowed: RowFilter, column: str, words: Sequence[str]) -> Sequence[str]:
    """Return the words that the table has for words to filter by."""
    spellings = allowed.facets.spellings.get(column, {}) if allowed.facets else {}
    return [own for word in words for own in spellings.get(word, (word,))]


def filter_expression(allowed: RowFilter | None, columns: Sequence[str]) -> str | None:
    """Return the expression that selects exactly the products of allowed.mask(); "" for all, None for none.

    columns are the version's columns to filter by, in the order of its fields.
    """
    if allowed is None:
        return ""
    offered = allowed.facets.offered(allowed.filters) if allowed.facets and allowed.filters else {}
    if offered is None:
        return None
    terms = [_term(column, _as_spelled(allowed, column, words), columns) for column, words in offered.items()]
    if allowed.excluded:
        terms.append(f"{ROW} not in {sorted(map(int, allowed.excluded))}")
    return " and ".join(terms)
