"""`lookalike report`: what a shop's index is worth, as one HTML file."""

import click

from lookalike.cli.options import NAME, Command
from lookalike.cli.terminal import announce, show, show_progress

# Products asked for the figures, and shown as pictures.
ASKED, SHOWN = 1500, 60


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--index", default=".", type=NAME, metavar="DIR", help="Folder of the index.")
@click.option("--output", default="report.html", type=NAME, metavar="FILE", help="The file to write.")
def report(index: str, output: str) -> None:
    """Write a report on an index: how often shoppers see what fits, what is wrong in the catalogue, sixty answers."""
    from lookalike.analysis import metrics
    from lookalike.analysis.audit import auditable_columns, find_duplicates, find_suspect_labels, nearest_products
    from lookalike.analysis.evaluation import leave_one_out
    from lookalike.analysis.overview import summarize_index
    from lookalike.analysis.report import Questions, report_page
    from lookalike.cli.output import write_output
    from lookalike.errors import CatalogueError
    from lookalike.index.reading import Index, load_index
    from lookalike.tuning.tune import forget_words
    from lookalike.types import Rows

    judged = load_index(index)

    def forget(rows: Rows) -> Index:
        return forget_words(judged, rows)

    figures: dict[str, dict[str, metrics.Figure]] = {}
    questions = None
    try:
        asked = leave_one_out(judged, judged.attributes, None, ASKED)
        names = ("look", metrics.DEFAULT)
        figures = metrics.evaluate(judged, judged.attributes, asked, names, show_progress, forget)
        some = leave_one_out(judged, judged.attributes, None, SHOWN)
        rows, scored, labels = metrics.default_matches(judged, judged.attributes, some, forget)
        questions = Questions(some, rows, labels, scored)
    except CatalogueError as error:
        announce(f"No figures: {error}")
    nearest = nearest_products(judged) if len(judged.names) > 1 else None
    suspects = [
        suspect
        for column in auditable_columns(judged)
        if nearest is not None
        for suspect in find_suspect_labels(judged, column, nearest)
    ]
    page = report_page(judged, summarize_index(judged), figures, questions, find_duplicates(judged), suspects)
    write_output(output, page.encode("utf-8", "replace"))
    show(f"The report is in {output}.")
