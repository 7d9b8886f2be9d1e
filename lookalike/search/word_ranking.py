"""Products ranked by words: by what the network believes of their pictures, and by what the shop's own table says."""

from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from lookalike.embedding.fashion import OTHER_WORDS, describe_fashion, word_probabilities
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN
from lookalike.index.catalogue import Catalogue
from lookalike.index.facets import Facets
from lookalike.index.vector_search import RowFilter
from lookalike.search.lexicon import PATTERN_COLUMN, USAGE_COLUMN, Lexicon, Understood
from lookalike.search.recommender import Match
from lookalike.search.word_candidates import CANDIDATES, best_by_table, find_candidates, query_from_words
from lookalike.search.word_search import WordSearch
from lookalike.types import Codes, Filters, Rows, Vectors, Weights

# What the network can name, and the space that it is read from.
NAMED = {
    TYPE_COLUMN: "fashion",
    COLOR_COLUMN: "fashion",
    GENDER_COLUMN: "fashion",
    USAGE_COLUMN: "fashion",
    PATTERN_COLUMN: "detail",
}
# How much the shop's own word counts beside the network's belief, where it has one. Tables are wrong now and then.
OWN_SHARE = 0.8
# How much each column counts: a wrong type is the worst. All others count like the last one.
IMPORTANCE = {TYPE_COLUMN: 1.0, COLOR_COLUMN: 1.0, GENDER_COLUMN: 0.6}
OTHER_IMPORTANCE = 0.5
MIN_PROBABILITY = 1e-3
# How many words' probabilities are kept for the next question.
MAX_KEPT = 64

Probabilities = NDArray[np.float32]
OwnWords = Mapping[str, tuple[tuple[str, ...], Codes]]


@dataclass(frozen=True)
class Found:
    """The products that words find, the best first, and what was understood of the words."""

    matches: list[Match]
    understood: Understood


class WordRanking:
    """Ranks the n products of an index by words. An index without fashion is searched by its table alone.

    Where the vectors lie on a server, only candidates are ranked: see word_candidates. search is a WordSearch over the
    same products and facets are theirs, if there are any already.
    """

    def __init__(self, index: Catalogue, search: WordSearch | None = None, facets: Facets | None = None) -> None:
        self._index = index
        self._n = len(index.names)
        self._facets = facets or index.facets()
        vocabularies = describe_fashion().vocabularies
        self._named = {column: vocabularies[column] for column, space in NAMED.items() if space in index.widths}
        self._own: OwnWords = index.encoded_columns(dict.fromkeys([*self._named, *self._facets.codes]))
        columns = {**dict.fromkeys(self._named), **dict.fromkeys(self._own)}
        self._lexicon = Lexicon(
            {column: [*self._own.get(column, ((), None))[0], *self._named.get(column, ())] for column in columns}
        )
        self._search = search or WordSearch.of_catalogue(index)
        # Which products of the search these are: all, unless it is a ranking of some.
        self._searched: Rows | slice = slice(None)
        self._searched_count = self._n
        self._compute_nothing_twice()

    def _compute_nothing_twice(self) -> None:
        self._roots: dict[str, Probabilities] = {}
        if self._index.is_in_memory:
            # The same words come again with each filter, each judgment and each page of results.
            spaces = self._index.in_memory().spaces
            self._probabilities = lru_cache(MAX_KEPT)(partial(_probabilities, spaces, self._named, self._own))

    def find(self, text: str, k: int = 5) -> Found:
        """Return the k products that fit a text best, one of each group; none if nothing of it is understood."""
        rows, shares, understood = self.rank_groups(text, k)
        distances = np.sqrt(np.maximum(2 - 2 * shares, 0))
        products = map(self._index.product, rows)
        matches = [
            Match(rank, float(d), one, variants=self._index.variants_of(one))
            for rank, (d, one) in enumerate(zip(distances, products), start=1)
        ]
        return Found(matches, understood)

    def rank_groups(
        self, text: str, k: int = 5, excluded: Collection[int] = ()
    ) -> tuple[list[int], Probabilities, Understood]:
        """Return what rank does, but of each group of products the first alone, and none of an excluded row's."""
        groups = self._index.groups
        if groups is None:
            return self.rank(text, k, excluded)
        excluded, wanted = self._index.group_rows(excluded), 4 * k * groups.mean_size
        while True:
            rows, shares, understood = self.rank(text, wanted, excluded)
            places = groups.first_places(rows)[:k] if rows else np.empty(0, np.intp)
            if len(places) >= k or len(rows) < wanted:
                return [rows[place] for place in places], shares[places], understood
            wanted *= 4

    def rank(
        self, text: str, k: int = 5, excluded: Collection[int] = (), filters: Filters | None = None
    ) -> tuple[list[int], Probabilities, Understood]:
        """Return the rows of the k products that fit a text best, how well each does (0 to 1), and what was understood.

        See fit for how well. filters and the excluded rows apply before the ranking.
        """
        understood = self.understand(text)
        if understood.is_empty:
            return [], np.empty(0, np.float32), understood
        rows, fit = self.best(understood, k, excluded, filters)
        return rows.tolist(), fit, understood

    def best(
        self, understood: Understood, k: int, excluded: Collection[int] = (), filters: Filters | None = None
    ) -> tuple[Rows, Probabilities]:
        """Return the rows (k,) of the products that fit what was understood best, and how well each does: see fit."""
        if k < 1:
            return np.empty(0, np.intp), np.empty(0, np.float32)
        if not self._index.is_in_memory:
            rows = self.candidates(understood, max(k, CANDIDATES), excluded, filters)
            places, fit = self.among(rows).best(understood, k) if len(rows) else (rows, np.empty(0, np.float32))
            return rows[places], fit
        fit = self.fit(understood)
        allowed = RowFilter(self._n, self._facets if filters else None, filters or {}, excluded).mask()
        order = np.argsort(-np.where(allowed, fit, -1), kind="stable")[: min(k, int(allowed.sum()))]
        return order, fit[order]

    def candidates(
        self,
        understood: Understood,
        count: int = CANDIDATES,
        excluded: Collection[int] = (),
        filters: Filters | None = None,
        query: tuple[Vectors, Weights] | None = None,
    ) -> Rows:
        """Return the rows of products worth comparing with words, ascending: at most three times count.

        query is what the words join, its vectors space → float32 (1, d) and its weights; without one, the products
        are near the words themselves.
        """
        allowed = RowFilter(self._n, self._facets, filters or {}, tuple(excluded))
        vectors, weights = query or query_from_words(understood, self._index.widths, IMPORTANCE)
        found = np.empty(0, np.intp)
        if weights:
            searcher = self._index.searcher()
            found = find_candidates(searcher, (vectors, weights), understood, count, allowed)
        if understood.named or not understood.words.keys() <= self._named.keys():
            # What the network does not know is known of every product: the table is in memory.
            named = [np.array(self._search.find(word, self._n), np.intp) for word in understood.named]
            found = np.union1d(found, best_by_table(self._own, understood, named, allowed, count))
        return found

    def among(self, rows: Rows) -> "WordRanking":
        """Return a ranking of the products in some rows (m,) alone, in memory; its row 0 is the first of them."""
        other = copy(self)
        other._index, other._n = self._index.subset(rows), len(rows)
        other._own = {column: (words, codes[rows]) for column, (words, codes) in self._own.items()}
        other._searched = rows
        other._compute_nothing_twice()
        return other

    def understand(self, text: str) -> Understood:
        """Return what a text means here."""
        understood = self._lexicon.understand(text)
        named = tuple(word for word in understood.unknown if self._search.find(word, 1))
        left = tuple(word for word in understood.unknown if word not in named)
        return Understood(understood.words, (*understood.known, *named), left, named)

    def fit(self, understood: Understood) -> Probabilities:
        """Return how well each product fits what was understood, which must not be nothing: float32 (n,), 0 to 1.

        It is the weighted geometric mean, over the columns that the text is about, of how sure it is that the product
        is what the text says there.
        """
        scores, weight = np.zeros(self._n), 0.0
        for column, words in understood.words.items():
            importance = IMPORTANCE.get(column, OTHER_IMPORTANCE)
            scores += importance * np.log(np.maximum(self._probabilities(column, words), MIN_PROBABILITY))
            weight += importance
        for word in understood.named:
            has_it = np.zeros(self._searched_count, bool)
            has_it[self._search.find(word, self._searched_count)] = True
            scores += np.log(np.where(has_it[self._searched], 1.0, MIN_PROBABILITY))
            weight += 1
        return np.exp(np.minimum(scores / weight, 0)).astype(np.float32)

    def agreement(self, vectors: Vectors, column: str) -> Probabilities:
        """Return how much a query, space → float32 (1, d), and each product agree in a column: float32 (n,), 0 to 1.

        It is the squared Bhattacharyya coefficient of what is believed of both; the column must be one of NAMED that
        the index has the space of.
        """
        asked = word_probabilities(vectors[NAMED[column]], column)[0]
        return np.square(self._roots_of_beliefs(column) @ np.sqrt(asked)).astype(np.float32)

    def _roots_of_beliefs(self, column: str) -> Probabilities:
        """Return the roots of what is believed of each product, by picture and the shop's own word: (n, words)."""
        if column not in self._roots:
            words = self._named[column]
            believed = word_probabilities(self._index.in_memory().spaces[NAMED[column]], column)
            own_words, codes = self._own.get(column, ((), np.full(self._n, -1)))
            place_of = {word: place for place, word in enumerate(words)}
            places = np.array([place_of.get(word, -1) for word in own_words] + [-1])[codes]
            rows = np.flatnonzero(places >= 0)
            believed[rows] *= np.float32(1 - OWN_SHARE)
            believed[rows, places[rows]] += np.float32(OWN_SHARE)
            self._roots[column] = np.sqrt(believed)
        return self._roots[column]


def _probabilities(
    spaces: Vectors, named: Mapping[str, Sequence[str]], own: OwnWords, column: str, words: tuple[str, ...]
) -> Probabilities:
    """Return how sure it is that each of n products has one of the words: float32 (n,)."""
    believed = np.zeros(len(next(iter(spaces.values()))), np.float32)
    if column in named:
        places = [named[column].index(word) for word in words if word in named[column]]
        if places:
            every = word_probabilities(spaces[NAMED[column]], column)[:, places]
            believed = every[:, 0] + OTHER_WORDS * every[:, 1:].sum(axis=1)
    own_words, codes = own.get(column, ((), np.full(len(believed), -1)))
    if not own_words:
        return believed
    right = np.isin(codes, [place for place, word in enumerate(own_words) if word in words])
    share = OWN_SHARE if column in named else 1.0
    return np.where(codes >= 0, share * right + (1 - share) * believed, believed).astype(np.float32)
