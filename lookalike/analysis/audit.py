"""What the vectors say about a catalogue itself: pictures that come twice, words the pictures speak against."""

from dataclasses import dataclass, replace

import numpy as np

from lookalike.index.attribute_head import columns_to_learn
from lookalike.index.catalogue import Product
from lookalike.index.vector_search import joined, normalize_weights
from lookalike.search.recommender import SAME_PICTURE

# The tuned space is no witness: it was made from the very words that are judged here.
# Of wrong types put into 9,583 real products these find 98 %, of wrong colors and genders 80 %.
WITNESSES = {"fashion": 0.85, "color": 0.15}

NEIGHBORS = 20

# Of the neighbors, how many more must say another word than the product's own before it is listed.
MIN_STRENGTH = 0.5

# Rows compared at a time: with 44,441 products a block of cosines takes 90 MB.
BLOCK = 512

# Two runs of one file's pixels differ by less; the smallest retouch by more.
VERY_SAME = 1e-3

# More than a float32 cosine of unit vectors can be off by.
MARGIN = 1e-4


@dataclass(frozen=True)
class SamePicture:
    """Products with one picture, in catalogue order and apart from their index.

    distance is how far in look the farthest is from the first; differing are the columns in which their words are
    not all equal.
    """

    products: tuple
    distance: float
    differing: tuple

    @property
    def exact(self):
        """Whether the pictures are the very same, not just nearly."""
        return self.distance < VERY_SAME


@dataclass(frozen=True)
class Doubt:
    """A product, apart from its index, whose word in a column ("" where it has none) is not what its neighbors say.

    share and own_share, from 0 to 1, are the neighbors that say the suggested word and the product's own.
    """

    product: Product
    column: str
    word: str
    suggested: str
    share: float
    own_share: float

    @property
    def strength(self):
        """How strongly the neighbors disagree, from 0 to 1."""
        return self.share - self.own_share


def same_pictures(index):
    """A tuple of SamePicture, the largest group first, by the limits that search uses; no product is in two.

    An index of looks alone is judged by looks alone.
    """
    limits = {name: limit for name, limit in SAME_PICTURE.items() if name in index.spaces}
    taken, groups = np.zeros(len(index.names), bool), []
    for first, candidates in _candidates(index.spaces, limits, taken):
        # Asked again: a group found just before may have taken them.
        rows = candidates[~taken[candidates]]
        rows = rows[_near(index.spaces, limits, first, rows)]
        if len(rows) and not taken[first]:
            taken[rows] = True
            groups.append(_group(index, first, rows))
    return tuple(sorted(groups, key=lambda group: -len(group.products)))


def _candidates(spaces, limits, taken):
    """Yield (row, later rows that may be near it) of the narrowest space, in the order of the rows."""
    name = min(limits, key=lambda name: spaces[name].shape[1])
    matrix, least = spaces[name], np.float32(1 - limits[name] ** 2 / 2 - MARGIN)
    for start in range(0, len(matrix), BLOCK):
        near = matrix[start : start + BLOCK] @ matrix[start:].T > least
        for offset in np.flatnonzero(near.sum(axis=1) > 1):
            if not taken[start + offset]:
                yield start + offset, start + offset + 1 + np.flatnonzero(near[offset, offset + 1 :])


def _near(spaces, limits, first, rows):
    """Whether each row is within the limit of the first in every space: bool (m,)."""
    near = np.ones(len(rows), bool)
    for name, limit in limits.items():
        near[near] = np.linalg.norm(spaces[name][rows[near]] - spaces[name][first], axis=1) < limit
    return near


def _group(index, first, rows):
    distance = np.linalg.norm(index.look[rows] - index.look[first], axis=1).max()
    products = tuple(_product(index, row) for row in (first, *rows))
    columns = dict.fromkeys(column for product in products for column in product.attributes)
    differing = (c for c in columns if len({product.attributes.get(c) for product in products}) > 1)
    return SamePicture(products, float(distance), tuple(differing))


def _product(index, row):
    """The product alone: whoever keeps what was found must not keep a whole index with it."""
    return replace(index.product(row), index=None)


def columns(index):
    """The columns whose words can be judged by neighbors."""
    return columns_to_learn([index.product(row).attributes for row in range(len(index.names))])


def nearest_products(index, k=NEIGHBORS):
    """Each product's nearest others by fashion and color, int32 (n, k), nearest first, equal ones by row.

    An index of looks alone is judged by looks; k is at most n - 1.
    """
    joined = joined_witnesses(index.spaces)
    n = len(joined)
    k = min(k, n - 1)
    found = np.empty((n, k), np.int32)
    for start in range(0, n if k else 0, BLOCK):
        cosines = joined[start : start + BLOCK] @ joined.T
        own = np.arange(len(cosines))
        cosines[own, start + own] = -np.inf
        found[start : start + BLOCK] = [_largest(row, k) for row in cosines]
    return found


def _largest(values, k):
    """The places of the k largest values, the largest first, equal ones in their order."""
    # Sorting out the few above a bound first is six times as fast as partitioning them all.
    places = np.flatnonzero(values >= _bound(values, k))
    return places[np.argsort(-values[places], kind="stable")[:k]]


def _bound(values, k):
    """A value that at least k reach, and not many more: the k-th largest of the maxima of many stretches."""
    stretches = min(8 * k, len(values))
    maxima = np.maximum.reduceat(values, np.arange(stretches) * len(values) // stretches)
    return np.partition(maxima, stretches - k)[stretches - k]


def joined_witnesses(spaces):
    """The spaces that judge side by side, scaled by their shares: float32 (n, d)."""
    return joined(spaces, normalize_weights(WITNESSES, spaces) or {"look": 1.0})


def doubts(index, column, nearest, least=MIN_STRENGTH):
    """A tuple of Doubt, the strongest first: products whose word differs from what most neighbors say.

    nearest is int (n, k), as nearest_products gives it. A neighbor without a word counts as no voice.
    """
    own, words = _coded(index, column)
    if not words:
        return ()
    votes = _votes(own[nearest], len(words))
    voices = np.maximum(votes.sum(axis=1), 1)
    best = votes.argmax(axis=1)
    share = votes[np.arange(len(own)), best] / voices
    own_share = np.where(own >= 0, votes[np.arange(len(own)), own], 0) / voices
    enough = voices * 2 > nearest.shape[1]
    rows = np.flatnonzero((best != own) & (share - own_share >= least) & enough)
    rows = rows[np.lexsort((rows, -(share - own_share)[rows]))]
    said = ("", *words)
    return tuple(
        Doubt(_product(index, r), column, said[own[r] + 1], words[best[r]], float(share[r]), float(own_share[r]))
        for r in rows
    )


def _coded(index, column):
    """Each product's word as a place among the sorted words, -1 for none: int (n,), and the words."""
    own = [index.product(row).attributes.get(column) for row in range(len(index.names))]
    words = sorted({word for word in own if word})
    places = {word: place for place, word in enumerate(words)}
    return np.array([places.get(word, -1) for word in own]), words


def _votes(said, width):
    """How many of each row's voices say each word: int (n, width) from places (n, k), -1 for no voice."""
    rows, _ = np.nonzero(said >= 0)
    flat = rows * width + said[said >= 0]
    return np.bincount(flat, minlength=len(said) * width).reshape(len(said), width)
