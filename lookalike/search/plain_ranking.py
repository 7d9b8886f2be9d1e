"""The plain ranking: look alone, by scikit-learn's NearestNeighbors (brute force, euclidean), and nothing else."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from lookalike.embedding.embedder import Embedder
from lookalike.index.catalogue import Catalogue
from lookalike.index.vector_search import RowFilter
from lookalike.search.ranking_rule import RankingRule
from lookalike.search.recommender import Recommender
from lookalike.types import Distances, Filters, Matrix, Rows, Vectors, Weights

if TYPE_CHECKING:  # imported late: it takes a second
    from sklearn.neighbors import NearestNeighbors

LOOK = RankingRule({"look": 1.0})


class PlainRecommender(Recommender):
    """A Recommender that ranks by the look alone, whatever else the index holds and a question asks for."""

    def __init__(self, index: Catalogue, embedder: Embedder) -> None:
        super().__init__(index, embedder, LOOK)
        self._look = index.in_memory().look
        self._neighbors = _fit(self._look)

    def nearest(
        self,
        vectors: Vectors,
        k: int = 5,
        rule: RankingRule | Weights | None = None,
        filters: Filters | None = None,
        excluded: Collection[int] = (),
    ) -> tuple[Rows, Distances]:
        """See Ranking.nearest; the rule is LOOK. With filters, only what they leave is searched."""
        self._check_widths(vectors, LOOK)
        neighbors, rows = self._neighbors, np.arange(len(self._look))
        if filters or excluded:
            facets = self.facets if filters else None
            rows = np.flatnonzero(RowFilter(len(rows), facets, filters or {}, tuple(excluded)).mask())
            neighbors = _fit(self._look[rows]) if len(rows) else neighbors
        count = min(max(k, 0), len(rows))
        if not count:
            none = np.empty((len(vectors["look"]), 0))
            return none.astype(int), none
        distances, places = neighbors.kneighbors(vectors["look"], n_neighbors=count)
        # scikit-learn leaves ties in any order; ordering them by row makes answers repeatable.
        order = np.lexsort((places, distances))
        return rows[np.take_along_axis(places, order, axis=1)], np.take_along_axis(distances, order, axis=1)

    @property
    def has_balance(self) -> bool:
        """See Ranking.has_balance."""
        return False


def _fit(look: Matrix) -> "NearestNeighbors":
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(algorithm="brute", metric="euclidean").fit(look)
