"""What the vectors say about a catalogue itself: duplicate pictures, and words that contradict the pictures."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.index.attribute_head import columns_to_learn
from lookalike.index.attribute_table import encode_words
from lookalike.index.catalogue import Catalogue, Product
from lookalike.index.reading import Index
from lookalike.index.vector_search import join_spaces, normalize_weights
from lookalike.search.recommender import same_picture_limits, show_same_picture
from lookalike.types import Codes, Mask, Matrix, Rows, Vectors, Weights

# The tuned space is left out: it was trained on the very words that are audited here.
# Of wrong types put into 9,583 real products these weights find 98 %, of wrong colors and genders 80 %.
AUDIT_WEIGHTS = {"fashion": 0.85, "color": 0.15}
NEIGHBORS = 20
# A product is listed if the share of its neighbors with another word exceeds the share with its own word by this much.
MIN_STRENGTH = 0.5
# With 44,441 products, the cosines of this many rows take 90 MB.
ROWS_PER_BLOCK = 512
# Distances between two runs over one file's pixels are smaller, those of the slightest retouch larger.
EXACT_DISTANCE = 1e-3
# Larger than the rounding error of a float32 cosine of unit vectors.
ROUNDING = 1e-4


@dataclass(frozen=True)
class DuplicateGroup:
    """Products with the same picture, in catalogue order.

    distance is how far the farthest is from the first in look; differing are the columns in which their words differ.
    """

    products: tuple[Product, ...]
    distance: float
    differing: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether the pictures are identical, not just nearly."""
        return self.distance < EXACT_DISTANCE


@dataclass(frozen=True)
class SuspectLabel:
    """A product whose word in a column ("" if it has none) differs from what its neighbors say.

    share and own_share, 0 to 1, are the shares of the neighbors with the suggested word and with the product's own.
    """

    product: Product
    column: str
    word: str
    suggested: str
    share: float
    own_share: float

    @property
    def strength(self) -> float:
        """How strongly the neighbors disagree, from 0 to 1."""
        return self.share - self.own_share


def find_duplicates(index: Index) -> tuple[DuplicateGroup, ...]:
    """Return the groups of products with one picture, largest first, by the rule of search.

    No picture is in two groups. That pictures of one product are alike, or those of its variants, is no finding: of
    each product with its variants, one picture stands in a group.
    """
    limits = same_picture_limits(index.spaces)
    taken, groups = np.zeros(len(index.names), bool), []
    for first, candidates in _candidate_pairs(index.spaces, limits, taken):
        # Check again: the group found just before may have taken them.
        rows = candidates[~taken[candidates]]
        rows = rows[show_same_picture(index.spaces, limits, first, rows)]
        if len(rows) and not taken[first]:
            taken[rows] = True
            others = index.one_of_each([first, *rows.tolist()])[1:]
            if others:
                groups.append(_make_group(index, first, np.array(others)))
    return tuple(sorted(groups, key=lambda group: -len(group.products)))


def _candidate_pairs(spaces: Vectors, limits: Weights, taken: Mask) -> Iterator[tuple[int, Rows]]:
    """Yield each row and the later rows that may be near it, judged by the narrowest space alone."""
    name = min(limits, key=lambda name: spaces[name].shape[1])
    matrix, min_cosine = spaces[name], np.float32(1 - limits[name] ** 2 / 2 - ROUNDING)
    for start in range(0, len(matrix), ROWS_PER_BLOCK):
        near = matrix[start : start + ROWS_PER_BLOCK] @ matrix[start:].T > min_cosine
        for offset in np.flatnonzero(near.sum(axis=1) > 1).tolist():
            if not taken[start + offset]:
                yield start + offset, start + offset + 1 + np.flatnonzero(near[offset, offset + 1 :])


def _make_group(index: Index, first: int, rows: Rows) -> DuplicateGroup:
    distance = np.linalg.norm(index.look[rows] - index.look[first], axis=1).max()
    products = tuple(index.product(row) for row in (first, *rows))
    columns = dict.fromkeys(column for product in products for column in product.attributes)
    differing = (c for c in columns if len({product.attributes.get(c) for product in products}) > 1)
    return DuplicateGroup(products, float(distance), tuple(differing))


def auditable_columns(index: Catalogue) -> list[str]:
    """Return the columns whose words can be checked against neighbors."""
    return columns_to_learn([index.attributes_of(row) for row in range(len(index.names))])


def nearest_products(index: Index, k: int = NEIGHBORS) -> NDArray[np.int32]:
    """Return each picture's k nearest of other products by fashion and color, int32 (n, k), nearest first, ties by row.

    An index with the look space only is judged by that. Pictures of a product, and of its variants, are none of its
    neighbors. k is at most what all pictures have of others: n - 1 where each is a product of its own.
    """
    vectors, groups = join_audit_spaces(index.spaces), index.groups
    n = len(vectors)
    k = min(k, n - (groups.max_size if groups else 1))
    found = np.empty((n, k), np.int32)
    for start in range(0, n if k else 0, ROWS_PER_BLOCK):
        cosines = vectors[start : start + ROWS_PER_BLOCK] @ vectors.T
        own = np.arange(len(cosines))
        cosines[own, start + own] = -np.inf
        if groups:
            cosines[groups.group[start + own, None] == groups.group] = -np.inf
        found[start : start + ROWS_PER_BLOCK] = [_largest_places(row, k) for row in cosines]
    return found


def _largest_places(values: Matrix, k: int) -> Rows:
    """Return the places of the k largest values, largest first, ties in their order."""
    # Selecting the few that reach a lower bound first is six times as fast as partitioning all of them. The bound is
    # the k-th largest maximum of many stretches: at least k values reach it, and not many more.
    stretches = min(8 * k, len(values))
    maxima = np.maximum.reduceat(values, np.arange(stretches) * len(values) // stretches)
    places = np.flatnonzero(values >= np.partition(maxima, stretches - k)[stretches - k])
    return places[np.argsort(-values[places], kind="stable")[:k]]


def join_audit_spaces(spaces: Vectors) -> Matrix:
    """Return the spaces used for auditing side by side, scaled by their weights: float32 (n, d)."""
    return join_spaces(spaces, normalize_weights(AUDIT_WEIGHTS, spaces) or {"look": 1.0})


def find_suspect_labels(
    index: Catalogue, column: str, nearest: NDArray[np.int32], min_strength: float = MIN_STRENGTH
) -> tuple[SuspectLabel, ...]:
    """Return products whose word differs from what most neighbors say, strongest first.

    nearest is what nearest_products returns. A neighbor without a word has no vote. A product is judged by its first
    picture.
    """
    words, own = encode_words([index.attributes_of(row).get(column) for row in range(len(index.names))], in_order=True)
    if not words:
        return ()
    votes = _count_votes(own[nearest], len(words))
    voters = np.maximum(votes.sum(axis=1), 1)
    best = votes.argmax(axis=1)
    share = votes[np.arange(len(own)), best] / voters
    own_share = np.where(own >= 0, votes[np.arange(len(own)), own], 0) / voters
    enough = voters * 2 > nearest.shape[1]
    judged = True if index.groups is None else index.groups.is_first
    rows = np.flatnonzero((best != own) & (share - own_share >= min_strength) & enough & judged)
    rows = rows[np.lexsort((rows, -(share - own_share)[rows]))]
    named = (*words, "")  # code -1 reads the last
    return tuple(
        SuspectLabel(index.product(r), column, named[own[r]], words[best[r]], float(share[r]), float(own_share[r]))
        for r in rows.tolist()
    )


def _count_votes(codes: Codes, width: int) -> NDArray[np.intp]:
    """Return how many voters of each row say each word: int (n, width) from codes (n, k), -1 for no vote."""
    rows, _ = np.nonzero(codes >= 0)
    flat = rows * width + codes[codes >= 0]
    return np.bincount(flat, minlength=len(codes) * width).reshape(len(codes), width)
