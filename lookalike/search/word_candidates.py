"""Which products are compared with words where the vectors lie on a server: those near the words, or near a query."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from lookalike.embedding.fashion import vectors_of_words
from lookalike.index.vector_search import RowFilter, Searcher, normalize_weights
from lookalike.search.lexicon import Understood
from lookalike.types import Codes, Rows, Vectors, Weights

# How many of the nearest are compared; see docs/scale.md for what fewer and more find.
CANDIDATES = 500


def find_candidates(
    searcher: Searcher, query: tuple[Vectors, Weights], understood: Understood, count: int, allowed: RowFilter
) -> Rows:
    """Return the rows of products that are compared with words, ascending: at most twice count.

    They are the allowed products nearest to a query, its vectors space → float32 (1, d) and its weights, and the
    nearest of those of which the shop's own table says the words, in columns that can be filtered by.
    """
    vectors, weights = query
    filterable = allowed.facets.codes.keys() - allowed.filters.keys() if allowed.facets else set()
    own = {column: right for column, right in understood.words.items() if column in filterable}
    selections = [allowed, replace(allowed, filters={**allowed.filters, **own})] if own else [allowed]
    found = [searcher.nearest(vectors, weights, count, selection)[0][0] for selection in selections]
    return np.unique(np.concatenate(found))


def query_from_words(
    understood: Understood, widths: Collection[str], importance: Mapping[str, float]
) -> tuple[Vectors, Weights]:
    """Return the vectors that products near to the words have, and their weights; both empty if it has none."""
    vectors = vectors_of_words(understood.words, importance)
    return vectors, normalize_weights(dict.fromkeys(vectors, 1.0), widths)


def best_by_table(
    own: Mapping[str, tuple[Sequence[str], Codes]],
    understood: Understood,
    named: Sequence[Rows],
    allowed: RowFilter,
    count: int,
) -> Rows:
    """Return the rows of the products of which the table says most of the words, ascending: at most count.

    own is column → its words and each product's place among them, named the rows that have each of understood.named.
    """
    scores = np.zeros(allowed.n, np.int16)
    for column, right in understood.words.items():
        words, codes = own.get(column, ((), None))
        if codes is not None:
            scores += np.isin(codes, [place for place, word in enumerate(words) if word in right])
    for rows in named:
        scores[rows] += 1
    scores[~allowed.mask()] = 0
    rows = np.flatnonzero(scores)
    return np.sort(rows[np.argsort(-scores[rows], kind="stable")[:count]])
