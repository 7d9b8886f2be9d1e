"""What the terminal's commands print: matches and figures, as text or as JSON."""

import json
from dataclasses import asdict

from lookalike.index.catalogue import readable


def as_dicts(matches):
    return [
        {
            "rank": match.rank,
            "distance": round(match.distance, 6),
            "path": readable(str(match.product.path)),
            "attributes": match.product.attributes,
        }
        for match in matches
    ]


def as_text(answers):
    lines = []
    for answer in answers:
        lines.append(answer["query"])
        for match in answer["matches"]:
            attributes = ", ".join(match["attributes"].values())
            lines.append(f"  {match['rank']}  {match['distance']:.4f}  {match['path']}  {attributes}".rstrip())
    return "\n".join(lines)


def as_json(count, weights, figures):
    def rounded(figure):
        return {key: round(value, 6) for key, value in asdict(figure).items()}

    spaces = {name: {scored: rounded(figure) for scored, figure in row.items()} for name, row in figures.items()}
    return json.dumps({"queries": count, "default": weights, "spaces": spaces}, indent=1, ensure_ascii=False)


def as_table(weights, figures):
    """A line a space, a column for what is scored: the precision at 5 and its 95 % interval."""
    columns = next(iter(figures.values()))
    lines = [["precision at 5", *columns], ["queries", *(f"{figure.queries:,}" for figure in columns.values())]]
    for name, row in figures.items():
        lines.append([name, *(f"{at.precision:.3f} ({at.low:.3f}–{at.high:.3f})" for at in row.values())])
    widths = [max(map(len, column)) for column in zip(*lines)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    return "\n".join([*text, "default = " + " + ".join(f"{weight:g} {name}" for name, weight in weights.items())])
