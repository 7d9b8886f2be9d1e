"""What shoppers' clicks say of an index: how often each rank is clicked, and which products never are."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from lookalike.errors import CatalogueError
from lookalike.search.clicks import EVENTS, Key

# What counts as a click on an answer: to the shop's own page, or to more products like it.
CLICKS = ("link", "similar")
# A product is said to be never clicked once so many clicks would be expected at the ranks it was shown at. With 3, that
# is no accident in 19 of 20 cases.
MIN_EXPECTED = 3.0
# The normal deviate of a 95 % interval.
Z = 1.959964


@dataclass(frozen=True)
class RankFigure:
    """How often products at a rank were shown and clicked, with the 95 % interval (Wilson's) of their ratio."""

    rank: int
    shown: int
    clicked: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True)
class NeverClicked:
    """A product that was shown, so often that `expected` clicks were to be expected, and never clicked."""

    product: str
    shown: int
    expected: float


@dataclass(frozen=True)
class ClickFigures:
    """What clicks say.

    Attributes:
        first_day, last_day: the days that were counted, as 2026-11-30.
        events: how often each event happened, at any rank.
        ranks: a figure for each rank at which anything was shown.
        rate: clicks by what was shown, over all ranks.
        reciprocal_rank: the mean of 1 / rank over all clicks in answers; None without any.
        never_clicked: products shown often and never clicked, the most surprising first.
    """

    first_day: str
    last_day: str
    events: dict[str, int]
    ranks: tuple[RankFigure, ...]
    rate: float
    reciprocal_rank: float | None
    never_clicked: tuple[NeverClicked, ...]


def judge_clicks(lines: Iterable[tuple[str, Key, int]]) -> ClickFigures:
    """Return the figures of (day, key, count) lines; raises CatalogueError if nothing was shown."""
    days: set[str] = set()
    events: Counter[str] = Counter()
    shown: dict[str, Counter[int]] = defaultdict(Counter)
    clicked: Counter[str] = Counter()
    shown_at: Counter[int] = Counter()
    clicked_at: Counter[int] = Counter()
    for day, (event, product, rank), count in lines:
        days.add(day)
        events[event] += count
        if event in CLICKS:
            clicked[product] += count
        if rank and event == "shown":
            shown[product][rank] += count
            shown_at[rank] += count
        elif rank and event in CLICKS:
            clicked_at[rank] += count
    if not shown_at:
        raise CatalogueError(
            "Nothing was shown in these files, so that no rate can be told. Name others with --clicks."
        )
    rates = {rank: min(clicked_at[rank] / count, 1.0) for rank, count in shown_at.items()}
    never = [
        NeverClicked(product, sum(ranks.values()), sum(rates[rank] * count for rank, count in ranks.items()))
        for product, ranks in shown.items()
        if not clicked[product]
    ]
    in_answers = clicked_at.total()
    return ClickFigures(
        min(days),
        max(days),
        {event: events[event] for event in EVENTS},
        tuple(_figure(rank, shown_at[rank], clicked_at[rank]) for rank in sorted(shown_at)),
        in_answers / shown_at.total(),
        sum(count / rank for rank, count in clicked_at.items()) / in_answers if in_answers else None,
        tuple(
            sorted((one for one in never if one.expected >= MIN_EXPECTED), key=lambda one: (-one.expected, one.product))
        ),
    )


def _figure(rank: int, shown: int, clicked: int) -> RankFigure:
    # One product may be clicked several times in one answer.
    rate = min(clicked / shown, 1.0)
    middle = (rate + Z * Z / (2 * shown)) / (1 + Z * Z / shown)
    half = Z * math.sqrt(rate * (1 - rate) / shown + Z * Z / (4 * shown * shown)) / (1 + Z * Z / shown)
    return RankFigure(rank, shown, clicked, rate, max(middle - half, 0.0), min(middle + half, 1.0))
