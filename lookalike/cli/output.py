"""What the commands print: matches and figures, as text or as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lookalike.analysis.metrics import Figure
from lookalike.index.catalogue import readable
from lookalike.search.recommender import Match
from lookalike.types import Weights

Figures = Mapping[str, Mapping[str, Figure]]
"""From a space, or default, to what is scored, to its figure."""


def as_dicts(matches: Sequence[Match]) -> list[dict[str, Any]]:
    """Return matches as what JSON holds: rank, distance, path, attributes."""
    return [
        {
            "rank": match.rank,
            "distance": round(match.distance, 6),
            "path": readable(str(match.product.path)),
            "attributes": match.product.attributes,
        }
        for match in matches
    ]


def as_lines(answer: Mapping[str, Any]) -> list[str]:
    """Return a line for a photo and, indented below it, a line for each of its matches."""
    lines = [answer["query"]]
    for match in answer["matches"]:
        attributes = ", ".join(match["attributes"].values())
        lines.append(f"  {match['rank']}  {match['distance']:.4f}  {match['path']}  {attributes}".rstrip())
    return lines


def figures_as_dict(count: int, weights: Weights, figures: Figures) -> dict[str, Any]:
    """Return the figures of count queries, rounded to six digits, as what JSON holds."""
    spaces = {
        name: {
            scored: {key: round(value, 6) for key, value in asdict(figure).items()} for scored, figure in row.items()
        }
        for name, row in figures.items()
    }
    return {"queries": count, "default": weights, "spaces": spaces}


def figures_as_table(weights: Weights, figures: Figures) -> list[str]:
    """Return a line for each space and a column for each thing scored: precision at 5 and its 95 % interval."""
    columns = next(iter(figures.values()))
    lines = [["precision at 5", *columns], ["queries", *(f"{figure.queries:,}" for figure in columns.values())]]
    for name, row in figures.items():
        lines.append([name, *(f"{at.precision:.3f} ({at.low:.3f}–{at.high:.3f})" for at in row.values())])
    widths = [max(map(len, column)) for column in zip(*lines)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    return [*text, "default = " + " + ".join(f"{weight:g} {name}" for name, weight in weights.items())]
