"""The commands that read or publish an index: similar, evaluate, tune, publish."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from lookalike.cli.garments import PART, Part
from lookalike.cli.options import COUNT, NAME, SERVED_INDEX, Command, read_filters
from lookalike.cli.terminal import announce, show, show_json, show_progress
from lookalike.settings import RANKINGS, Ranking

if TYPE_CHECKING:
    from lookalike.images.decoding import ImageSource
    from lookalike.index.reading import Index
    from lookalike.search.recommender import Match, Recommender
    from lookalike.types import Filters, Rows

INDEX = click.option("--index", default=".", type=NAME, metavar="DIR", show_default=True, help="Folder of the index.")
RANKING = click.option(
    "--ranking", default="default", type=click.Choice(RANKINGS), show_default=True,
    help="look: rank by the look alone, with scikit-learn's NearestNeighbors.",
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
@RANKING
@click.option("--words", type=NAME, metavar="WORDS", help='What should differ from the photo: "in red", "for women".')
@click.option("--part", type=PART, metavar="LEFT,TOP,RIGHT,BOTTOM", help="Only this part of each photo, in fractions.")
@click.option(
    "--filter", "chosen", type=NAME, multiple=True, metavar="COLUMN=WORD",
    help="Only products with this word; may be repeated. Prices: price=20..50.",
)  # fmt: skip
def similar(
    photos: tuple[str, ...],
    k: int,
    index: str,
    as_json: bool,
    as_jsonl: bool,
    ranking: Ranking,
    chosen: tuple[str, ...],
    part: Part | None,
    words: str | None,
) -> int:
    """Print the products that look most like each PHOTO: a file, a web address, or - for standard input.

    The exit code is 1 where a photo could not be used, or no word was understood; the others are answered all the same.
    """
    from lookalike.cli.output import as_dicts, as_lines
    from lookalike.cli.photos import read_photo
    from lookalike.errors import ImageError
    from lookalike.index.catalogue import readable
    from lookalike.search.loading import load_recommender

    if as_json and as_jsonl:
        raise click.UsageError("--json and --jsonl exclude each other.")
    filters = read_filters(chosen)
    recommender = load_recommender(index, ranking=ranking)
    recommender.facets.check(filters)
    find, is_understood = _matches_with_words(recommender, words) if words else (recommender.similar, True)
    answers, failed = [], 0 if is_understood else 1
    for photo in photos:
        try:
            matches = find(read_photo(photo), k, part, filters)
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


def _matches_with_words(
    recommender: "Recommender", words: str
) -> tuple[Callable[["ImageSource", int, Part | None, "Filters"], "list[Match]"], bool]:
    """Return what finds the matches of a photo that words join, and whether any word was understood."""
    from lookalike.cli.search import announce_unknown
    from lookalike.errors import CatalogueError
    from lookalike.search.steering import can_steer, steered_matches
    from lookalike.search.word_ranking import WordRanking

    if not can_steer(recommender):
        raise CatalogueError(
            "Words cannot join a photo here: that needs an index that is ranked by its fashion vectors. "
            "Leave out --words, or make the index again."
        )
    ranking = WordRanking(recommender.index)
    understood = ranking.understand(words)
    announce_unknown(understood)

    def find(photo: "ImageSource", k: int, part: Part | None, filters: "Filters") -> "list[Match]":
        vectors = recommender.photo_vectors(photo, part)
        return steered_matches(recommender, ranking, vectors, understood, k, filters=filters)

    return find, not understood.is_empty


@click.command(cls=Command)
@SERVED_INDEX
@click.option("--styles", type=NAME, metavar="FILE", help="Table of attributes; the index's own if absent.")
@click.option("--queries", type=NAME, metavar="DIR", help="Photos to ask with; each product of the index if absent.")
@click.option("--classes", type=NAME, metavar="FILE", help="JSON from DIR's subfolders to the article types that fit.")
@click.option(
    "--labels", type=NAME, metavar="FILE", help="CSV of photos in DIR: path, the types and colors that fit, a box."
)
@click.option(
    "--same-product", type=NAME, metavar="FILE", help="CSV of pictures, in DIR and of the index: file, product."
)
@click.option(
    "--held-out", type=NAME, metavar="FILE", help="JSON list of the ids to ask with, or held_out.product_ids."
)
@click.option(
    "--space", "spaces", type=NAME, multiple=True, metavar="NAME", help="A space, or default; may be repeated."
)
@click.option("--limit", type=COUNT, metavar="N", help="At most N queries, drawn with a fixed seed.")
@click.option(
    "--html", type=NAME, metavar="FILE", help="Also write a page of the questions and their five as pictures."
)
@click.option(
    "--clicks",
    type=NAME,
    metavar="PATH",
    help="Judge by what shoppers clicked instead: the folder of LOOKALIKE_CLICKS.",
)
@JSON
def evaluate(
    index: str,
    styles: str | None,
    queries: str | None,
    classes: str | None,
    labels: str | None,
    same_product: str | None,
    held_out: str | None,
    spaces: tuple[str, ...],
    limit: int | None,
    html: str | None,
    clicks: str | None,
    as_json: bool,
) -> None:
    """Print the precision at 5 of each space and of the default ranking, with 95 % intervals.

    With --clicks, print what shoppers clicked: the rate by rank, and products that are shown and never clicked.
    """
    if clicks:
        if any((styles, queries, classes, labels, same_product, held_out, spaces, limit, html)):
            raise click.UsageError("--clicks is judged alone. Leave out the other options but --json.")
        _evaluate_clicks(clicks, as_json)
        return
    from lookalike.analysis import metrics
    from lookalike.analysis.evaluation import leave_one_out, photo_queries, read_classes, read_ids
    from lookalike.analysis.labeled_photos import (
        labeled_photo_queries,
        read_labeled_photos,
        read_same_products,
        same_product_queries,
        with_products,
    )
    from lookalike.analysis.picture_page import picture_page
    from lookalike.cli.output import figures_as_dict, figures_as_table, write_output
    from lookalike.errors import CatalogueError
    from lookalike.index.attributes import read_styles
    from lookalike.index.reading import load_index
    from lookalike.search.loading import load_recommender
    from lookalike.search.ranking_rule import default_rule, usable_rule
    from lookalike.tuning.tune import forget_words

    if sum(map(bool, (classes, labels, same_product))) > 1:
        raise click.UsageError("--classes, --labels and --same-product exclude each other.")
    for option, given in (("--classes", classes), ("--labels", labels), ("--same-product", same_product)):
        if given and not queries:
            raise CatalogueError(f"{option} is about photos. Name the folder of the photos with --queries.")
    fitting = read_classes(classes) if classes else None
    only = read_ids(held_out) if held_out else None
    recommender = load_recommender(index) if queries else None
    judged = (recommender.index if recommender else load_index(index)).in_memory()
    attributes = read_styles(styles) if styles else judged.attributes
    products = read_same_products(same_product) if same_product else {}
    if products:
        attributes = with_products(judged, products)
    if not attributes:
        raise CatalogueError("The index has no attributes to judge by. Name their table with --styles.")
    if judged.head and not judged.attributes:
        # The table that its head learned from has gone. Without one, nobody could tell which words it has learned.
        judged = replace(judged, attributes=attributes)
    if recommender and queries and labels:
        asked = labeled_photo_queries(queries, read_labeled_photos(labels), recommender, limit, show_progress)
    elif recommender and queries and products:
        asked = same_product_queries(queries, products, recommender, limit, show_progress)
    elif recommender and queries:
        asked = photo_queries(queries, recommender, attributes, fitting, only, limit, show_progress)
    else:
        asked = leave_one_out(judged, attributes, only, limit)

    def forget(rows: "Rows") -> "Index":
        announce(f"Fitting a head without the words of {len(rows)} asked products, which the index's has learned.")
        return forget_words(judged, rows)

    figures = metrics.evaluate(judged, attributes, asked, spaces, show_progress, forget)
    for note in asked.notes:
        announce(note)
    if html:
        rows, scored, product_labels = metrics.default_matches(judged, attributes, asked, forget)
        page = picture_page(f"{len(rows)} questions by {scored}", judged, asked, rows, product_labels, scored)
        write_output(html, page.encode("utf-8", "replace"))
        announce(f"The pictures are in {html}.")
    rule = usable_rule(default_rule(judged.widths, len(judged.names)), judged.widths)
    if as_json:
        show_json(figures_as_dict(len(asked.rows), rule, figures))
    else:
        show(*figures_as_table(rule, figures))


def _evaluate_clicks(path: str, as_json: bool) -> None:
    from dataclasses import asdict

    from lookalike.analysis.clicks import judge_clicks
    from lookalike.cli.output import clicks_as_table
    from lookalike.search.clicks import read_clicks

    figures = judge_clicks(read_clicks(path))
    if as_json:
        show_json(asdict(figures))
    else:
        show(*clicks_as_table(figures))


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
