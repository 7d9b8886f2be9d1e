"""What a query looks like, apart from its matches: whether it is unrelated, its labels, its neighbors' votes.

None of it is worth losing an answer for. What cannot be computed, say while memory is short, is left out and
reported, and the next question tries again.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from lookalike.search.closeness import Calibration
from lookalike.search.explain import Vote, confident_labels, tally_votes
from lookalike.search.recommender import Match, Ranking
from lookalike.types import Vectors

# This many of the nearest products vote, whatever the filters are.
VOTERS = 20

Part = TypeVar("Part")


@dataclass(frozen=True)
class Assessment:
    """What no filter changes about a query.

    unrelated says that no photo of it shows anything like the catalogue's products; labels are the words that the
    fashion network is sure of; votes are what its nearest products have in common. Where a part could not be
    computed, is_complete is False.
    """

    unrelated: bool
    labels: tuple[str, ...]
    votes: list[Vote]
    is_complete: bool = True


def assess_query(
    ranking: Ranking,
    calibration: Calibration,
    vectors: Vectors,
    balance: float = 0.5,
    excluded: Collection[int] = (),
    may_be_unrelated: bool = True,
    report: Callable[[Exception], object] = lambda error: None,
) -> Assessment:
    """Return the Assessment of a query, space → (1, d); it never fails.

    excluded are rows that do not vote. may_be_unrelated=False skips the detector: for products of the catalogue,
    and for regions, where the visitor has already seen something. report is given the error of each missing part.
    """

    def detect() -> bool:
        return may_be_unrelated and calibration.detector().rejects(vectors)

    def read_labels() -> tuple[str, ...]:
        return confident_labels(vectors["fashion"][0]) if "fashion" in vectors else ()

    def vote() -> list[Vote]:
        rows, distances = ranking.nearest_groups(vectors, VOTERS, ranking.balanced_rule(balance), excluded)
        return tally_votes([ranking.index.product(row) for row in rows], distances)

    unrelated, labels, votes = _try(detect, report), _try(read_labels, report), _try(vote, report)
    return Assessment(bool(unrelated), labels or (), votes or [], None not in (unrelated, labels, votes))


def closer_than_neighbors(
    calibration: Calibration,
    balance: float,
    matches: Sequence[Match],
    report: Callable[[Exception], object] = lambda error: None,
    of_product: bool = False,
) -> list[float | None]:
    """Return for each match the share, 0 to 1, of products that are farther from their own nearest neighbor.

    of_product says that the query was a product's own vectors, not a photo's or a region's.
    The shares are None while the balance's Closeness is not ready, if it cannot be computed, which is reported, and
    if no product has a neighbor.
    """
    closeness = _try(lambda: calibration.closeness(balance), report)
    if closeness is None or not len(closeness.distances):
        return [None] * len(matches)
    return [closeness.closer_than(match.distance, of_product) for match in matches]


def _try(compute: Callable[[], Part], report: Callable[[Exception], object]) -> Part | None:
    """Return the result; None if that fails for whatever reason, which is reported."""
    try:
        return compute()
    except Exception as error:
        report(error)
        return None
