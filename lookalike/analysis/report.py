"""A report on an index in one HTML file, for whoever answers for the shop: how good it is, and what is wrong."""

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lookalike.analysis.audit import DuplicateGroup, SuspectLabel
from lookalike.analysis.metrics import DEFAULT, Figure, K, Label, Queries
from lookalike.analysis.overview import Overview
from lookalike.analysis.picture_page import caption, figure, page, question_rows, thumbnail_of
from lookalike.index.reading import Index
from lookalike.types import Rows

MAX_GROUPS, MAX_LABELS, MAX_SKIPPED = 12, 24, 20
TITLE = "How good is the look-up?"
WHAT = {
    "articleType": "the right type",
    "baseColour": "the right color",
    "gender": "for the right gender",
    "subCategory": "the right category",
    "together": "all of these at once",
}


@dataclass(frozen=True)
class Questions:
    """m products asked, the rows (m, k) of what was found, and the products' labels by what is scored."""

    queries: Queries
    rows: Rows
    labels: Sequence[Label | None]
    scored: str


def report_page(
    index: Index,
    overview: Overview,
    figures: Mapping[str, Mapping[str, Figure]],
    questions: Questions | None,
    duplicates: Sequence[DuplicateGroup],
    suspects: Sequence[SuspectLabel],
) -> str:
    """Return the report as HTML; figures are those of evaluate, {} and None where the shop's table says too little."""
    return page(
        TITLE,
        [
            f"<h1>{TITLE}</h1>",
            f"<p>{html.escape(_in_numbers(overview))}</p>",
            *_figures(figures),
            *_skipped(overview),
            *_duplicates(index, duplicates),
            *_suspects(index, suspects),
            *_questions(index, questions),
        ],
    )


def _in_numbers(overview: Overview) -> str:
    made = f"{overview.written_at:%Y-%m-%d %H:%M} UTC"
    return (
        f"{overview.products:,} products, {overview.described:,} of them described by the shop's table; "
        f"index of {made}, made with {overview.backbone or 'an unknown network'}."
    )


def _figures(figures: Mapping[str, Mapping[str, Figure]]) -> Iterator[str]:
    yield "<h2>What shoppers get</h2>"
    if DEFAULT not in figures:
        yield "<p>The shop's table has no type, color or gender to judge by.</p>"
        return
    asked = max(at.queries for at in figures[DEFAULT].values())
    yield (
        f"<p>{asked:,} products were asked as if a shopper had sent their picture. Of the {K} others shown, so "
        "many are right by the shop's own words; the plain look is what a network gives that knows nothing of "
        "fashion.</p>"
    )
    yield "<table><tr><th></th><th>plain look</th><th>this shop</th></tr>"
    for scored, at in figures[DEFAULT].items():
        plain = figures.get("look", {}).get(scored)
        cells = "".join(f"<td>{_share(one)}</td>" for one in (plain, at))
        yield f"<tr><th>{html.escape(WHAT.get(scored, scored))}</th>{cells}</tr>"
    yield "</table>"


def _share(at: Figure | None) -> str:
    return f"{at.precision:.0%} ({at.low:.0%} to {at.high:.0%})" if at else ""


def _skipped(overview: Overview) -> Iterator[str]:
    if not overview.skipped:
        return
    yield f"<h2>{len(overview.skipped):,} left out</h2><ul>"
    for name, reason, *_ in overview.skipped[:MAX_SKIPPED]:
        yield f"<li>{html.escape(name)}: {html.escape(reason)}</li>"
    yield f"</ul>{_more(len(overview.skipped), MAX_SKIPPED)}"


def _duplicates(index: Index, groups: Sequence[DuplicateGroup]) -> Iterator[str]:
    if not groups:
        return
    yield f"<h2>{len(groups):,} pictures that several products share</h2>"
    for group in groups[:MAX_GROUPS]:
        shown = "".join(figure(thumbnail_of(index, one), f"{one.id}: {caption(one)}") for one in group.products[:K])
        yield f"<div>{shown}</div>{_more(len(group.products), K)}"
    yield _more(len(groups), MAX_GROUPS)


def _suspects(index: Index, suspects: Sequence[SuspectLabel]) -> Iterator[str]:
    if not suspects:
        return
    yield f"<h2>{len(suspects):,} words that the pictures contradict</h2><div>"
    for one in suspects[:MAX_LABELS]:
        words = (
            f"{one.product.id}, {one.column}: {one.word or 'nothing'}; {one.share:.0%} of its like say {one.suggested}"
        )
        yield figure(thumbnail_of(index, one.product), words)
    yield f"</div>{_more(len(suspects), MAX_LABELS)}"


def _questions(index: Index, questions: Questions | None) -> Iterator[str]:
    if questions is None:
        return
    yield f"<h2>{len(questions.rows):,} questions and their answers</h2>"
    yield "<p>A product is asked, at the left; a check mark stands where the shop's own words agree.</p>"
    yield from question_rows(index, questions.queries, questions.rows, questions.labels, questions.scored)


def _more(count: int, shown: int) -> str:
    return f"<p>… and {count - shown:,} more.</p>" if count > shown else ""
