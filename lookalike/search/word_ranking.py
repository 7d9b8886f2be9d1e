"""Products ranked by words: by what the network believes of their pictures, and by what the shop's own table says."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lookalike.embedding.fashion import OTHER_WORDS, describe_fashion, word_probabilities
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN
from lookalike.index.facets import encode_words
from lookalike.index.reading import Index
from lookalike.search.lexicon import PATTERN_COLUMN, USAGE_COLUMN, Lexicon, Understood
from lookalike.search.recommender import Match
from lookalike.search.word_search import WordSearch
from lookalike.types import Vectors

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


@dataclass(frozen=True)
class Found:
    """The products that words find, the best first, and what was understood of the words."""

    matches: list[Match]
    understood: Understood


class WordRanking:
    """Ranks the n products of an index in memory by words. An index without fashion is searched by its table alone.

    search is a WordSearch over the same products, if there is one already.
    """

    def __init__(self, index: Index, search: WordSearch | None = None) -> None:
        self._index = index
        self._n = len(index.names)
        attributes = [index.attributes_of(row) for row in range(self._n)]
        vocabularies = describe_fashion().vocabularies
        self._named = {column: vocabularies[column] for column, space in NAMED.items() if space in index.spaces}
        self._own = {
            column: encode_words([own.get(column) for own in attributes])
            for column in {**dict.fromkeys(self._named), **dict.fromkeys(index.facets().codes)}
        }
        columns = {**dict.fromkeys(self._named), **dict.fromkeys(self._own)}
        self._lexicon = Lexicon(
            {column: [*self._own.get(column, ((), None))[0], *self._named.get(column, ())] for column in columns}
        )
        self._search = search or WordSearch(attributes, index.names)
        self._roots: dict[str, Probabilities] = {}
        # The same words come again with each filter, each judgment and each page of results.
        self._probabilities = lru_cache(MAX_KEPT)(self._compute_probabilities)

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
        rows, shares, understood = self.rank(text, self._n, self._index.group_rows(excluded))
        places = groups.first_places(rows)[:k] if rows else np.empty(0, np.intp)
        return [rows[place] for place in places], shares[places], understood

    def rank(
        self, text: str, k: int = 5, excluded: Collection[int] = ()
    ) -> tuple[list[int], Probabilities, Understood]:
        """Return the rows of the k products that fit a text best, how well each does (0 to 1), and what was understood.

        See fit for how well.
        """
        understood = self.understand(text)
        if understood.is_empty:
            return [], np.empty(0, np.float32), understood
        fit = self.fit(understood)
        scores = fit.copy()
        scores[list(excluded)] = -1
        order = np.argsort(-scores, kind="stable")[: min(k, self._n - len(set(excluded)))]
        return order.tolist(), fit[order], understood

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
            has_it = np.zeros(self._n, bool)
            has_it[self._search.find(word, self._n)] = True
            scores += np.log(np.where(has_it, 1.0, MIN_PROBABILITY))
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
            believed = word_probabilities(self._index.spaces[NAMED[column]], column)
            own_words, codes = self._own.get(column, ((), np.full(self._n, -1)))
            place_of = {word: place for place, word in enumerate(words)}
            places = np.array([place_of.get(word, -1) for word in own_words] + [-1])[codes]
            rows = np.flatnonzero(places >= 0)
            believed[rows] *= np.float32(1 - OWN_SHARE)
            believed[rows, places[rows]] += np.float32(OWN_SHARE)
            self._roots[column] = np.sqrt(believed)
        return self._roots[column]

    def _compute_probabilities(self, column: str, words: tuple[str, ...]) -> Probabilities:
        """Return how sure it is that each product has one of the words: float32 (n,)."""
        believed = np.zeros(self._n, np.float32)
        if column in self._named:
            places = [self._named[column].index(word) for word in words if word in self._named[column]]
            if places:
                every = word_probabilities(self._index.spaces[NAMED[column]], column)[:, places]
                believed = every[:, 0] + OTHER_WORDS * every[:, 1:].sum(axis=1)
        own_words, codes = self._own.get(column, ((), np.full(self._n, -1)))
        if not own_words:
            return believed
        right = np.isin(codes, [place for place, word in enumerate(own_words) if word in words])
        share = OWN_SHARE if column in self._named else 1.0
        return np.where(codes >= 0, share * right + (1 - share) * believed, believed).astype(np.float32)
