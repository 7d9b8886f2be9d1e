"""The commands that read or publish an index: similar, evaluate, tune, publish."""

from functools import partial
from typing import TYPE_CHECKING

import click

from lookalike.cli.options import COUNT, NAME, Command
from lookalike.cli.terminal import announce, show, show_json, show_progress

if TYPE_CHECKING:
    from lookalike.index.reading import Index
    from lookalike.types import Rows

INDEX = click.option("--index", default=".", type=NAME, metavar="DIR", show_default=True, help="Folder of the index.")
SERVED_INDEX = click.option(
    "--index", default=".", type=NAME, metavar="DIR", show_default=True,
    help="Folder of the index, or milvus://HOST:PORT/NAME.",
)  # fmt: skip
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


@click.command(cls=Command)
@click.argument("photos", nargs=-1, required=True, type=NAME, metavar="PHOTO...")
@click.option("-k", default=5, type=COUNT, metavar="N", show_default=True, help="Matches for each photo.")
@SERVED_INDEX
@JSON
@click.option(
    "--jsonl", "as_jsonl", is_flag=True, help="Print a line of JSON for each photo as soon as it is answered."
)
def similar(photos: tuple[str, ...], k: int, index: str, as_json: bool, as_jsonl: bool) -> int:
    """Print the products that look most like each PHOTO: a file, a web address, or - for standard input.

    The exit code is 1 where a photo could not be used; the others are answered all the same.
    """
    from lookalike.cli.output import as_dicts, as_lines
    from lookalike.cli.photos import read_photo
    from lookalike.errors import ImageError
    from lookalike.index.catalogue import readable
    from lookalike.search.loading import load_recommender

    if as_json and as_jsonl:
        raise click.UsageError("--json and --jsonl exclude each other.")
    recommender = load_recommender(index)
    answers, failed = [], 0
    for photo in photos:
        try:
            matches = recommender.similar(read_photo(photo), k)
        except ImageError as error:
            failed = 1
            announce(f"error: {error}")
            continue
        answer = {"query": readable(photo), "matches": as_dicts(matches)}
        if as_jsonl:
            show_json(answer, indent=None)
        elif as_json:
            answers.append(answer)
        else:
            show(*as_lines(answer))
    if as_json:
        show_json(answers)
    return failed


@click.command(cls=Command)
@SERVED_INDEX
@click.option("--styles", type=NAME, metavar="FILE", help="Table of attributes; the index's own if absent.")
@click.option("--queries", type=NAME, metavar="DIR", help="Photos to ask with; each product of the index if absent.")
@click.option("--classes", type=NAME, metavar="FILE", help="JSON from DIR's subfolders to the article types that fit.")
@click.option(
    "--held-out", type=NAME, metavar="FILE", help="JSON list of the ids to ask with, or held_out.product_ids."
)
@click.option(
    "--space", "spaces", type=NAME, multiple=True, metavar="NAME", help="A space, or default; may be repeated."
)
@click.option("--limit", type=COUNT, metavar="N", help="At most N queries, drawn with a fixed seed.")
@JSON
def evaluate(
    index: str,
    styles: str | None,
    queries: str | None,
    classes: str | None,
    held_out: str | None,
    spaces: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> None:
    """Print the precision at 5 of each space and of the default ranking, with 95 % intervals."""
    from lookalike.analysis import metrics
    from lookalike.analysis.evaluation import leave_one_out, photo_queries, read_classes, read_ids
    from lookalike.cli.output import figures_as_dict, figures_as_table
    from lookalike.errors import CatalogueError
    from lookalike.index.attributes import read_styles
    from lookalike.index.reading import load_index
    from lookalike.search.loading import load_recommender
    from lookalike.search.recommender import default_weights
    from lookalike.tuning.tune import forget_words

    fitting = read_classes(classes) if classes else None
    if fitting and not queries:
        raise CatalogueError("--classes are the classes of photos. Name the folder of the photos with --queries.")
    only = read_ids(held_out) if held_out else None
    recommender = load_recommender(index) if queries else None
    judged = (recommender.index if recommender else load_index(index)).in_memory()
    attributes = read_styles(styles) if styles else judged.attributes
    if not attributes:
        raise CatalogueError("The index has no attributes to judge by. Name their table with --styles.")
    if recommender and queries:
        asked = photo_queries(queries, recommender, attributes, fitting, only, limit, show_progress)
    else:
        asked = leave_one_out(judged, attributes, only, limit)

    def forget(rows: "Rows") -> "Index":
        announce(f"Fitting a head without the words of {len(rows)} asked products, which the index's has learned.")
        return forget_words(judged, rows)

    figures = metrics.evaluate(judged, attributes, asked, spaces, show_progress, forget)
    for note in asked.notes:
        announce(note)
    weights = default_weights(judged.widths)
    if as_json:
        show_json(figures_as_dict(len(asked.rows), weights, figures))
    else:
        show(*figures_as_table(weights, figures))


@click.command(cls=Command)
@INDEX
def tune(index: str) -> None:
    """Learn the catalogue's own attributes where that helps, and print what it brings."""
    from lookalike.search.loading import load_recommender
    from lookalike.tuning.tune import tune_index

    show(tune_index(index, lambda: load_recommender(index).embedder, show_progress, again=True))


@click.command(cls=Command)
@INDEX
@click.option(
    "--to", required=True, type=NAME, metavar="ADDRESS", help="milvus://HOST:PORT/NAME, or milvus+tls://… for TLS."
)
@click.option(
    "--search-index", default="flat", type=click.Choice(["flat", "ivf", "hnsw", "diskann"]), show_default=True,
    help="Milvus's own index; flat is exact.",
)  # fmt: skip
@click.option("--shards", is_flag=True, help="Send the vectors that --ray left in DIR/shards, block by block.")
@click.option("--pictures", type=NAME, metavar="DIR", help="The index's folder where the app runs; --index if absent.")
def publish(index: str, to: str, search_index: str, shards: bool, pictures: str | None) -> None:
    """Write an index to Milvus, to be searched there."""
    from lookalike.index.reading import load_index
    from lookalike.milvus.publishing import publish_index, publish_shards
    from lookalike.milvus.server import parse_address

    address, progress = parse_address(to), partial(show_progress, desc="publishing", unit="block")
    if shards:
        version = publish_shards(index, address, search_index, pictures, progress)
    else:
        version = publish_index(load_index(index), address, search_index, pictures, progress)
    show(f"The index in {index} is in {address.server} as {address.name}, version {version}.")
