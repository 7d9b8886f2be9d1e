"""What a query looks like, apart from its matches: whether it is unrelated, its labels, its neighbors' votes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lookalike.search.closeness import Calibration
from lookalike.search.explain import Vote, confident_labels, tally_votes
from lookalike.search.recommender import Match, Ranking
from lookalike.types import Vectors

# This many of the nearest products vote, whatever the filters are.
VOTERS = 20


@dataclass(frozen=True)
class Assessment:
    """What no filter changes about a query.

    unrelated says that no photo of it shows anything like the catalogue's products; labels are the words that the
    fashion network is sure of; votes are what its nearest products have in common.
    """

    unrelated: bool
    labels: tuple[str, ...]
    votes: list[Vote]


def assess_query(
    ranking: Ranking,
    calibration: Calibration,
    vectors: Vectors,
    balance: float = 0.5,
    excluded: Collection[int] = (),
    may_be_unrelated: bool = True,
) -> Assessment:
    """Return the Assessment of a query, space → (1, d); raises LookalikeError.

    excluded are rows that do not vote. may_be_unrelated=False skips the detector: for products of the catalogue,
    and for regions, where the visitor has already seen something.
    """
    unrelated = may_be_unrelated and calibration.detector().rejects(vectors)
    labels = confident_labels(vectors["fashion"][0]) if "fashion" in vectors else ()
    rows, distances = ranking.nearest(vectors, VOTERS, ranking.balanced_weights(balance), excluded=excluded)
    return Assessment(unrelated, labels, tally_votes([ranking.index.product(row) for row in rows[0]], distances[0]))


def closer_than_neighbors(calibration: Calibration, balance: float, matches: Sequence[Match]) -> list[float | None]:
    """Return for each match the share, 0 to 1, of products that are farther from their own nearest neighbor.

    The shares are None while the balance's Closeness is not ready, and if no product has a neighbor.
    """
    closeness = calibration.closeness(balance)
    if closeness is None or not len(closeness.distances):
        return [None] * len(matches)
    return [closeness.closer_than(match.distance) for match in matches]
