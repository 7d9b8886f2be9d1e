"""The searcher of an index in Milvus: it finds the candidates there, and measures them here as ExactSearch does."""

import json

import numpy as np

from lookalike.index.vector_search import ROUNDING, measured
from lookalike.milvus.layout import MAX_MATCHES, ROW, VECTOR, search_params, word_field

# More than are asked for, since the server's float32 may order neighbors otherwise.
MARGIN = 12

# Vectors are read so many at a time: ten megabytes of the widest.
ROWS_A_READ = 512

# Nobody waits for gaps: over a large catalogue they may take long.
SECONDS_FOR_GAPS = 300.0

# Queries asked at a time, and how many neighbors each is given at first, when only another picture counts.
QUERIES_A_SEARCH, FIRST_NEIGHBORS = 50, 8


class MilvusSearch:
    """Searches a version of an index; see Searcher in search.py for what its methods give.

    What is read never changes once a version is whole, so that nothing waits for the newest writes (Bounded).
    """

    def __init__(self, milvus, collection, layout, columns, search_index):
        self._milvus, self._collection, self._layout = milvus, collection, layout
        self._columns, self._search_index = columns, search_index
        self.widths = layout.widths
        self.max_matches = MAX_MATCHES

    def vectors(self, rows, spaces=None):
        """The vectors of products, read from the server."""
        rows = [int(row) for row in rows]
        matrix = np.empty((len(rows), self._layout.numbers), np.float32)
        found, wanted = {}, sorted(set(rows))
        for start in range(0, len(wanted), ROWS_A_READ):
            some = wanted[start : start + ROWS_A_READ]
            entities = self._milvus.ask(
                "query", self._collection, filter=f"{ROW} in {some}", output_fields=[ROW, VECTOR], limit=len(some)
            )
            found |= {entity[ROW]: np.asarray(entity[VECTOR], np.float32) for entity in entities}
        for place, row in enumerate(rows):
            matrix[place] = found[row]
        return self._layout.unpacked(matrix, spaces)

    def nearest(self, queries, weights, k, allowed=None):
        """Rows int (m, k) and distances float64 (m, k)."""
        selected = expression(allowed, self._columns)
        count = len(queries[next(iter(weights))])
        if selected is None:
            return np.empty((count, 0), int), np.empty((count, 0))
        single = ({name: queries[name][place] for name in weights} for place in range(count))
        found = [self._nearest(query, weights, k, selected) for query in single]
        # An index that is not exact may miss some for one query and not for another.
        least = min(len(rows) for rows, _ in found)
        return np.stack([rows[:least] for rows, _ in found]), np.stack([d[:least] for _, d in found])

    def nearest_distances(self, queries, weights, limits=None, rows=None):
        """How far each query is from its nearest product that is another picture: float32 (m,), inf for none."""
        count = len(queries[next(iter(weights))])
        gaps = np.full(count, np.inf, np.float32)
        for start in range(0, count, QUERIES_A_SEARCH):
            places, k = np.arange(start, min(start + QUERIES_A_SEARCH, count)), FIRST_NEIGHBORS
            while len(places):
                lists = self._rows_near({name: m[places] for name, m in queries.items()}, weights, k)
                first = self._first_others(queries, weights, limits, rows, places, lists)
                gaps[places] = np.minimum(gaps[places], first)
                # Where all that came show the query's own picture, more are asked for.
                full = np.array([len(near) == k for near in lists])
                places = places[np.isinf(first) & full & (k < self.max_matches)]
                k = min(4 * k, self.max_matches)
        return gaps

    def _first_others(self, queries, weights, limits, rows, places, lists):
        """The distance from each query in places to the first of its neighbors that is another picture."""
        wanted = np.unique(np.concatenate([*lists, np.empty(0, int)]))
        products = self.vectors(wanted, {**weights, **(limits or {})})
        first = np.full(len(places), np.inf, np.float32)
        for number, (place, near) in enumerate(zip(places, lists)):
            at = np.searchsorted(wanted, near)
            other = np.ones(len(near), bool)
            if limits:
                apart = {s: np.linalg.norm(products[s][at] - queries[s][place], axis=1) for s in limits}
                other = ~np.logical_and.reduce([apart[name] < limit for name, limit in limits.items()])
                other &= near != rows[place]
            if other.any():
                query = {name: queries[name][place] for name in weights}
                near_ones = {name: products[name][at[other]] for name in weights}
                first[number] = measured(query, near_ones, weights).min()
        return first

    def _rows_near(self, queries, weights, k):
        hits = self._search(self._layout.queries(queries, weights), k, "", [ROW], SECONDS_FOR_GAPS)
        return [np.array([hit["entity"][ROW] for hit in own], int) for own in hits]

    def _nearest(self, query, weights, k, selected):
        """Rows int (k,) and distances float64 (k,) of one query, equal ones by row."""
        packed = self._layout.queries({name: vector[None] for name, vector in query.items()}, weights)
        wanted = k + MARGIN
        while True:
            hits = self._search(packed, min(wanted, self.max_matches), selected, [ROW, VECTOR])[0]
            if len(hits) < min(wanted, self.max_matches) or wanted >= self.max_matches:
                break
            # All that rounding could have kept from the first k have come too.
            if hits[-1]["distance"] < hits[k - 1]["distance"] - ROUNDING:
                break
            wanted *= 4
        if not hits:
            return np.empty(0, int), np.empty(0)
        rows = np.array([hit["entity"][ROW] for hit in hits])
        vectors = self._layout.unpacked(np.array([hit["entity"][VECTOR] for hit in hits], np.float32), weights)
        distances = measured(query, vectors, weights)
        order = np.lexsort((rows, distances))[:k]
        return rows[order], distances[order]

    def _search(self, packed, most, selected, fields, seconds=None):
        return self._milvus.ask(
            "search",
            self._collection,
            data=list(packed),
            limit=most,
            filter=selected,
            output_fields=fields,
            anns_field=VECTOR,
            search_params=search_params(self._search_index, most),
            seconds=seconds,
        )


def literal(word):
    """A text as it stands in an expression.

    Milvus reads its texts as Go does: JSON's escapes of quotes, backslashes and controls are among Go's, but not
    its pairs of \\\\u for what lies beyond 16 bits, so that all other signs stay as they are.
    """
    return json.dumps(word, ensure_ascii=False)


def expression(allowed, columns):
    """The expression that selects exactly what allowed.mask() does, "" for everything, None for nothing.

    columns are the version's, in the order of its fields.
    """
    if allowed is None:
        return ""
    offered = allowed.facets.offered(allowed.filters) if allowed.filters else {}
    if offered is None:
        return None
    terms = [f"{word_field(columns.index(c))} in [{', '.join(map(literal, words))}]" for c, words in offered.items()]
    if allowed.excluded:
        terms.append(f"{ROW} not in {sorted(map(int, allowed.excluded))}")
    return " and ".join(terms)
