"""The commands that read or publish an index: similar, evaluate, tune, publish."""

import json
import sys
from functools import partial

import click

from lookalike.cli.exit_codes import announce

COUNT = click.IntRange(min=1)
INDEX = click.option("--index", default=".", metavar="DIR", show_default=True, help="Folder of the index.")
SERVED_INDEX = click.option(
    "--index", default=".", metavar="DIR", show_default=True, help="Folder of the index, or milvus://HOST:PORT/NAME."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


@click.command()
@click.argument("photos", nargs=-1, required=True, metavar="PHOTO...")
@click.option("-k", default=5, type=COUNT, metavar="N", show_default=True, help="Matches for each photo.")
@SERVED_INDEX
@JSON
def similar(photos: tuple[str, ...], k: int, index: str, as_json: bool) -> int:
    """Print the products that look most like each PHOTO.

    The exit code is 1 where a photo could not be used; the others are answered all the same.
    """
    from lookalike.cli.output import as_dicts, as_text
    from lookalike.errors import ImageError
    from lookalike.index.catalogue import readable
    from lookalike.search.loading import load_recommender

    recommender = load_recommender(index)
    answers, failed = [], 0
    for photo in photos:
        try:
            answers.append({"query": readable(photo), "matches": as_dicts(recommender.similar(photo, k))})
        except ImageError as error:
            failed = 1
            announce(f"error: {error}")
    click.echo(json.dumps(answers, indent=1, ensure_ascii=False) if as_json else as_text(answers))
    return failed


@click.command()
@SERVED_INDEX
@click.option("--styles", metavar="FILE", help="Table of attributes; the index's own if absent.")
@click.option("--queries", metavar="DIR", help="Photos to ask with; each product of the index if absent.")
@click.option("--classes", metavar="FILE", help="JSON from DIR's subfolders to the article types that fit.")
@click.option("--held-out", metavar="FILE", help="JSON list of the ids to ask with, or held_out.product_ids.")
@click.option("--space", "spaces", multiple=True, metavar="NAME", help="A space, or default; may be repeated.")
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
    from tqdm import tqdm

    from lookalike.analysis import metrics
    from lookalike.analysis.evaluation import leave_one_out, photo_queries, read_classes, read_ids
    from lookalike.cli.output import figures_as_json, figures_as_table
    from lookalike.errors import CatalogueError
    from lookalike.index.attributes import read_styles
    from lookalike.index.reading import load_index
    from lookalike.search.loading import load_recommender
    from lookalike.search.recommender import default_weights

    fitting = read_classes(classes) if classes else None
    if fitting and not queries:
        raise CatalogueError("--classes are the classes of photos. Name the folder of the photos with --queries.")
    only = read_ids(held_out) if held_out else None
    recommender = load_recommender(index) if queries else None
    judged = (recommender.index if recommender else load_index(index)).in_memory()
    attributes = read_styles(styles) if styles else judged.attributes
    if not attributes:
        raise CatalogueError("The index has no attributes to judge by. Name their table with --styles.")
    progress = partial(tqdm, file=sys.stderr)
    if recommender and queries:
        asked = photo_queries(queries, recommender, attributes, fitting, only, limit, progress)
    else:
        asked = leave_one_out(judged, attributes, only, limit)
    figures = metrics.evaluate(judged, attributes, asked, spaces, progress)
    for note in asked.notes:
        announce(note)
    weights = default_weights(judged.widths)
    count = len(asked.rows)
    click.echo(figures_as_json(count, weights, figures) if as_json else figures_as_table(weights, figures))


@click.command()
@INDEX
def tune(index: str) -> None:
    """Learn the catalogue's own attributes where that helps, and print what it brings."""
    from tqdm import tqdm

    from lookalike.search.loading import load_recommender
    from lookalike.tuning.tune import tune_index

    click.echo(tune_index(index, lambda: load_recommender(index).embedder, tqdm, again=True))


@click.command()
@INDEX
@click.option("--to", required=True, metavar="ADDRESS", help="milvus://HOST:PORT/NAME, or milvus+tls://… for TLS.")
@click.option(
    "--search-index", default="flat", type=click.Choice(["flat", "ivf", "hnsw", "diskann"]), show_default=True,
    help="Milvus's own index; flat is exact.",
)  # fmt: skip
@click.option("--shards", is_flag=True, help="Send the vectors that --ray left in DIR/shards, block by block.")
@click.option("--pictures", metavar="DIR", help="The index's folder where the app runs; --index if absent.")
def publish(index: str, to: str, search_index: str, shards: bool, pictures: str | None) -> None:
    """Write an index to Milvus, to be searched there."""
    from tqdm import tqdm

    from lookalike.index.reading import load_index
    from lookalike.milvus.publishing import publish_index, publish_shards
    from lookalike.milvus.server import parse_address

    address, progress = parse_address(to), partial(tqdm, desc="publishing", unit="block")
    if shards:
        version = publish_shards(index, address, search_index, pictures, progress)
    else:
        version = publish_index(load_index(index), address, search_index, pictures, progress)
    click.echo(f"The index in {index} is in {address.server} as {address.name}, version {version}.")
