"""Search: vectors or a photo in; the nearest products of an index out, exactly."""

from collections.abc import Callable, Collection, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from lookalike.embedding.embedder import Embedder
from lookalike.errors import REBUILD, IndexFileError
from lookalike.images.decoding import ImageSource, load_prepared
from lookalike.index.catalogue import Catalogue, Product
from lookalike.index.facets import Facets
from lookalike.index.vector_search import InMemorySearcher, RowFilter, measure_distances
from lookalike.search.query import Rectangle, look_at
from lookalike.search.query import vectors as region_vectors
from lookalike.search.ranking_rule import RankingRule, balanced_rule, default_rule, usable_rule
from lookalike.types import Distances, Filters, Mask, Matrix, Rows, Vectors, Weights

# Products nearer than this in each of these spaces show the same picture, resized or slightly changed.
SAME_PICTURE = {"look": 0.25, "fashion": 0.15}
# Looks alone cannot tell a changed picture from another product: only those that are equal but for rounding count.
SAME_LOOK_VECTOR = {"look": 0.01}


@dataclass(frozen=True)
class Match:
    """One answer: rank from 1, euclidean distance between unit vectors (0 to 2), the product.

    The product is shown by the picture that is nearest. same holds further products with the same picture, variants
    those that the product has, in other colors or sizes: neither take a rank of their own.
    """

    rank: int
    distance: float
    product: Product
    same: tuple[Product, ...] = ()
    variants: tuple[Product, ...] = ()

    @property
    def cosine(self) -> float:
        """The cosine that belongs to the distance: 1 means the same, 0 nothing in common."""
        return 1 - self.distance**2 / 2


def same_picture_limits(spaces: Collection[str]) -> Weights:
    """Return the limits, by space, within all of which two products of an index with those spaces show one picture."""
    return SAME_PICTURE if SAME_PICTURE.keys() <= set(spaces) else SAME_LOOK_VECTOR


def show_same_picture(vectors: Vectors, limits: Weights, first: int, rows: Rows) -> Mask:
    """Return whether each of the rows (m,) shows the picture of the first, by same_picture_limits: bool (m,).

    vectors is space → float32 (n, d).
    """
    same = np.ones(len(rows), bool)
    for name in sorted(limits, key=lambda name: vectors[name].shape[1]):  # the quickest first
        same[same] = np.linalg.norm(vectors[name][rows[same]] - vectors[name][first], axis=1) < limits[name]
    return same


class Ranking:
    """Ranks the products of an index by their distance from a query's vectors. Any number of threads may use it.

    rule says how, unless a question says it: a RankingRule, or weights for one stage.
    """

    def __init__(self, index: Catalogue, rule: RankingRule | Weights | None = None) -> None:
        self.index = index
        self.rule = usable_rule(rule or default_rule(index.widths, len(index.names)), index.widths)
        self._searcher = index.searcher()

    def distinct_matches(
        self,
        vectors: Vectors,
        k: int = 5,
        rule: RankingRule | Weights | None = None,
        filters: Filters | None = None,
        excluded: Collection[int] = (),
    ) -> list[Match]:
        """Return the k matches of one query, space → (1, d), each another product with another picture.

        The order of pictures is what nearest says, and each group of pictures (see ProductGroups) stands where its
        first picture stands in it. So the k matches do not depend on k: with one stage, a group is as near as its
        nearest picture; with two, it is in the block of its nearest picture, at the place of that one of its pictures
        in this block that the second stage likes best. A block counts pictures, whatever products they show.

        rule replaces the usual one. filters and the excluded rows apply before the ranking, so that
        fewer than k come back only if fewer exist. Raises what nearest raises.
        """

        def nearest(count: int) -> tuple[Rows, Distances]:
            rows, distances = self.nearest(vectors, count, rule, filters, excluded)
            return rows[0], distances[0]

        return self.group_matches(nearest, k)

    def group_matches(self, find: Callable[[int], tuple[Rows, Distances]], k: int) -> list[Match]:
        """Return the first k matches, see distinct_matches, of what find gives: so many rows, and how far each is.

        Fewer come back only if find has no more.
        """
        if k < 1:
            return []
        groups = self.index.groups
        most, wanted = (
            min(len(self.index.names), self._searcher.max_matches),
            4 * k * (groups.mean_size if groups else 1),
        )
        while True:
            rows, distances = find(wanted)
            cards = self._group_by_picture(rows[groups.first_places(rows)] if groups else rows, k)
            if len(cards) >= k or wanted >= most or len(rows) < wanted:
                break
            wanted *= 4
        distance_of = dict(zip(rows, distances))
        return [
            self._match(rank, float(distance_of[first]), first, others)
            for rank, (first, *others) in enumerate(cards, start=1)
        ]

    def nearest_groups(
        self, vectors: Vectors, k: int = 5, rule: RankingRule | Weights | None = None, excluded: Collection[int] = ()
    ) -> tuple[Rows, Distances]:
        """Return rows (k,) and distances (k,) of one query as nearest does, but of each group the first row alone."""
        groups, most, wanted = self.index.groups, min(len(self.index.names), self._searcher.max_matches), k
        while True:
            rows, distances = (found[0] for found in self.nearest(vectors, wanted, rule, excluded=excluded))
            if groups is None:
                return rows, distances
            places = groups.first_places(rows)[:k]
            if len(places) >= k or wanted >= most:
                return rows[places], distances[places]
            wanted *= 4

    def nearest(
        self,
        vectors: Vectors,
        k: int = 5,
        rule: RankingRule | Weights | None = None,
        filters: Filters | None = None,
        excluded: Collection[int] = (),
    ) -> tuple[Rows, Distances]:
        """Return rows (m, k) and distances (m, k) of the nearest products, ties ordered by row.

        vectors is space → float32 (m, d). With a second stage, distances ascend within each block of rows. Raises
        IndexFileError if the vectors' widths are not the index's, LookalikeError if the weights rank nothing.
        """
        rule = usable_rule(rule, self._searcher.widths) if rule else self.rule
        self._check_widths(vectors, rule)
        n, allowed = len(self.index.names), None
        if filters or excluded:
            allowed = RowFilter(n, self.facets if filters else None, filters or {}, tuple(excluded))
        if k < 1:
            none = np.empty((len(vectors[next(iter(rule.weights))]), 0))
            return none.astype(int), none
        most = min(n, self._searcher.max_matches)
        if not rule.has_second_stage:
            return self._searcher.nearest(vectors, rule.weights, min(k, most), allowed)
        # Whole blocks: which products come first must not depend on how many are asked for.
        whole = -(-k // rule.block) * rule.block
        rows, _ = self._searcher.nearest(vectors, rule.weights, min(whole, most), allowed)
        rows, distances = self.order_blocks(vectors, rule, rows)
        return rows[:, :k], distances[:, :k]

    def order_blocks(self, vectors: Vectors, rule: RankingRule, rows: Rows) -> tuple[Rows, Distances]:
        """Return rows (m, k) with each block of them in the order of the second stage, and their distances by it."""
        ordered, measured = np.empty_like(rows), np.empty(rows.shape)
        for place, own in enumerate(rows):
            query = {name: vectors[name][place] for name in rule.order_weights}
            apart = measure_distances(query, self._searcher.vectors(own, rule.order_weights), rule.order_weights)
            order = np.lexsort((own, apart, np.arange(len(own)) // rule.block))
            ordered[place], measured[place] = own[order], apart[order]
        return ordered, measured

    @cached_property
    def facets(self) -> Facets:
        """The attributes that products can be filtered by."""
        return self.index.facets()

    def row(self, identity: str) -> int | None:
        """Return the row of the product with that id, the first of several, or with that name; None without one."""
        return self.index.row(identity)

    def product_vectors(self, row: int) -> Vectors:
        """Return a product of the catalogue as a query: space → float32 (1, d)."""
        return self._searcher.vectors([row])

    def mean_vectors(self, rows: Sequence[int]) -> Vectors:
        """Return the mean of products' vectors, space → float32 (1, d); {} without rows."""
        found = self._searcher.vectors(list(rows)) if rows else {}
        return {name: matrix.mean(axis=0, keepdims=True) for name, matrix in found.items()}

    def distances(self, vectors: Vectors, rows: Sequence[int], rule: RankingRule | None = None) -> Distances:
        """Return how far products are from a query's vectors, by the last stage of a rule: float64 (m,)."""
        weights = (usable_rule(rule, self._searcher.widths) if rule else self.rule).last_weights
        query = {name: vectors[name][0] for name in weights}
        return measure_distances(query, self._searcher.vectors(list(rows), weights), weights)

    def among(self, rows: Rows) -> Self:
        """Return this ranking over the products in some rows (m,) alone, in memory; its row 0 is the first of them."""
        other = copy(self)
        other.index = self.index.subset(rows)
        other._searcher = other.index.searcher()
        other.__dict__.pop("facets", None)
        return other

    def with_space(self, name: str, matrix: Matrix) -> Self:
        """Return this ranking with one more space, float32 (n, d); raises IndexFileError if vectors are on a server."""
        if not isinstance(self._searcher, InMemorySearcher):
            raise IndexFileError("A space can be added only to an index in this machine's memory.")
        other = copy(self)
        other._searcher = self._searcher.with_space(name, matrix)
        return other

    def balanced_rule(self, balance: float) -> RankingRule:
        """Return the rule for a balance between look and color; the usual one if the index has no colors."""
        return balanced_rule(self.rule, balance) if self.has_balance else self.rule

    @property
    def has_balance(self) -> bool:
        """Whether the same look or the same color can be asked for."""
        return "color" in self.index.widths

    def _match(self, rank: int, distance: float, row: int, others: Sequence[int]) -> Match:
        product = self.index.product(row)
        same = tuple(map(self.index.product, others))
        return Match(rank, distance, product, same, self.index.variants_of(product))

    def _check_widths(self, vectors: Vectors, rule: RankingRule) -> None:
        for name in sorted(rule.spaces):
            width, given = self._searcher.widths[name], vectors[name].shape[1] if name in vectors else 0
            if width != given:
                raise IndexFileError(
                    f"The index holds {name} vectors of {width} numbers, the photo's has {given}. {REBUILD}"
                )

    def _group_by_picture(self, rows: Rows, max_groups: int) -> list[list[int]]:
        """Return the first groups of rows that show the same picture, in the order of each group's first row.

        The work grows with the number of rows and of groups, not with its square: a shop may have one placeholder
        as the picture of thousands of products.
        """
        limits, groups = same_picture_limits(self.index.widths), list[list[int]]()
        vectors, left = self._searcher.vectors(rows, limits), np.arange(len(rows))
        while len(left) and len(groups) < max_groups:
            same = show_same_picture(vectors, limits, left[0], left)
            same[0] = True
            groups.append(rows[left[same]].tolist())
            left = left[~same]
        return groups


class Recommender(Ranking):
    """A Ranking with the embedder that its index was made with, so that it can answer a photo."""

    def __init__(self, index: Catalogue, embedder: Embedder, rule: RankingRule | Weights | None = None) -> None:
        super().__init__(index, rule)
        self.embedder = embedder

    def similar(
        self, photo: ImageSource, k: int = 5, part: Rectangle | None = None, filters: Filters | None = None
    ) -> list[Match]:
        """Return the k matches of one photo (a path or its bytes) or a part of it, nearest first; raises ImageError.

        Products with the same picture share one rank. filters apply before the ranking: column → words.
        """
        return self.distinct_matches(self.photo_vectors(photo, part), k, filters=filters)

    def photo_vectors(self, photo: ImageSource, part: Rectangle | None = None) -> Vectors:
        """Return one photo (a path or its bytes), or a part of it, as a query: space → float32 (1, d).

        Raises ImageError.
        """
        if part:
            return self.index.with_tuned(region_vectors(self.embedder, [look_at(self.embedder, photo)], part))
        pixels, aspect = load_prepared(photo, self.embedder.size)
        return self.index.with_tuned(self.embedder.vectors(pixels[None], [aspect]))
