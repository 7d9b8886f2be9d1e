"""What the commands print, matches and figures as text or as JSON, and the files that they write."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lookalike.analysis.clicks import ClickFigures
from lookalike.analysis.metrics import Figure
from lookalike.errors import CatalogueError
from lookalike.files import write_whole
from lookalike.index.catalogue import readable
from lookalike.search.ranking_rule import RankingRule
from lookalike.search.recommender import Match

# As many as a person reads; JSON has all of them.
MAX_NEVER_CLICKED = 20

Figures = Mapping[str, Mapping[str, Figure]]
"""From a space, or default, to what is scored, to its figure."""


def as_dicts(matches: Sequence[Match]) -> list[dict[str, Any]]:
    """Return matches as what JSON holds: rank, distance, path, attributes.

    A product that has variants, or whose path is not its first picture's, is named, and its variants with it.
    """
    return [
        {
            "rank": match.rank,
            "distance": round(match.distance, 6),
            "path": readable(str(match.product.path)),
            "attributes": match.product.attributes,
            **_of_group(match),
        }
        for match in matches
    ]


def _of_group(match: Match) -> dict[str, Any]:
    if not match.variants and not match.product.first:
        return {}
    return {"product": match.product.identity, "variants": [variant.identity for variant in match.variants]}


def as_lines(answer: Mapping[str, Any]) -> list[str]:
    """Return a line for a photo and, indented below it, a line for each of its matches."""
    lines = [answer["query"]]
    for match in answer["matches"]:
        attributes = ", ".join(match["attributes"].values())
        lines.append(f"  {match['rank']}  {match['distance']:.4f}  {match['path']}  {attributes}".rstrip())
    return lines


def figures_as_dict(count: int, rule: RankingRule, figures: Figures) -> dict[str, Any]:
    """Return the figures of count queries, rounded to six digits, as what JSON holds."""
    spaces = {
        name: {
            scored: {key: round(value, 6) for key, value in asdict(figure).items()} for scored, figure in row.items()
        }
        for name, row in figures.items()
    }
    second = {"block": rule.block, "weights": rule.order_weights} if rule.has_second_stage else None
    return {"queries": count, "default": rule.weights, "second_stage": second, "spaces": spaces}


def figures_as_table(rule: RankingRule, figures: Figures) -> list[str]:
    """Return a line for each space and a column for each thing scored: precision at 5 and its 95 % interval."""
    columns = next(iter(figures.values()))
    lines = [["precision at 5", *columns], ["queries", *(f"{figure.queries:,}" for figure in columns.values())]]
    for name, row in figures.items():
        lines.append([name, *(f"{at.precision:.3f} ({at.low:.3f}–{at.high:.3f})" for at in row.values())])
    return [*_columns(lines), f"default = {rule}"]


def clicks_as_table(figures: ClickFigures) -> list[str]:
    """Return what shoppers clicked as lines: events, the rate by rank, and the products never clicked."""
    events = ", ".join(f"{event} {count:,}" for event, count in figures.events.items())
    lines = [["rank", "shown", "clicked", "rate (95 % interval)"]]
    for one in figures.ranks:
        rate = f"{one.rate:.3f} ({one.low:.3f}–{one.high:.3f})"
        lines.append([str(one.rank), f"{one.shown:,}", f"{one.clicked:,}", rate])
    mean = "none" if figures.reciprocal_rank is None else f"{figures.reciprocal_rank:.3f}"
    never = [["never clicked", "shown", "clicks expected"]]
    for product in figures.never_clicked[:MAX_NEVER_CLICKED]:
        never.append([readable(product.product), f"{product.shown:,}", f"{product.expected:.1f}"])
    more = len(figures.never_clicked) - MAX_NEVER_CLICKED
    return [
        f"{figures.first_day} to {figures.last_day}: {events}",
        *_columns(lines),
        f"clicks by what was shown: {figures.rate:.3f}; mean reciprocal rank of clicks: {mean}",
        *(_columns(never) if figures.never_clicked else ["No product is shown often and never clicked."]),
        *([f"and {more:,} more, which --json lists"] if more > 0 else []),
    ]


def _columns(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]


def write_output(path: str, content: bytes) -> None:
    """Write a file that a command was asked for; raises CatalogueError."""
    try:
        write_whole(Path(path), content)
    except OSError as error:
        raise CatalogueError(
            f"{path} cannot be written ({error}). Name a file in a folder that you may write to."
        ) from None
