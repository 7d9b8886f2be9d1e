"""`lookalike index` and `lookalike fetch`: a folder, a bucket or the Kaggle catalogue → an index."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lookalike.cli.options import COUNT, NAME, Command
from lookalike.cli.terminal import announce, show, show_progress
from lookalike.settings import ENGINES, PRECISIONS, usable_cores

if TYPE_CHECKING:
    from lookalike.embedding.embedder import Embedder
    from lookalike.extraction.build import Report
    from lookalike.extraction.feed_catalogue import FeedCatalogue
    from lookalike.types import StrPath


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--images", default="images", type=NAME, metavar="DIR", help="The catalogue's images, at any depth.")
@click.option("--feed", type=NAME, metavar="FILE", help="A product feed, or its address, instead of --images.")
@click.option(
    "--feed-host",
    "feed_hosts",
    type=NAME,
    multiple=True,
    metavar="HOST[:PORT]",
    help="A host of the shop's own network that the feed's pictures may come from; may be repeated.",
)
@click.option(
    "--feed-link",
    type=NAME,
    metavar="ADDRESS",
    help="The shop's page for products whose feed names none, with {id} or {group} for the product's id or group.",
)
@click.option("--accept-loss", is_flag=True, help="Go on though the feed has lost more than half of its products.")
@click.option("--output", default=".", type=NAME, metavar="DIR", help="Where the index is written.")
@click.option("--styles", type=NAME, metavar="FILE", help="Table of attributes; styles.csv near the images if absent.")
@click.option(
    "--backbone", default="auto", type=NAME, metavar="NAME", help="auto, resnet50, efficientnet-lite0 or FILE.onnx."
)
@click.option(
    "--weights", type=NAME, metavar="FILE", help="ResNet-50's weights: the .h5 that Keras publishes or a .weights.h5."
)
@click.option("--engine", default="auto", type=click.Choice(ENGINES), help="What runs the networks.")
@click.option("--precision", default="auto", type=click.Choice(PRECISIONS), help="What the engine computes in.")
@click.option("--batch-size", default=32, type=COUNT, metavar="N", help="Images embedded at a time.")
@click.option("--workers", default=usable_cores, type=COUNT, metavar="N", help="Decoding threads; cores with --ray.")
@click.option("--no-tune", is_flag=True, help="Do not learn the catalogue's own attributes.")
@click.option("--no-thumbnails", is_flag=True, help="Keep no small pictures beside the index for the page.")
@click.option("--rebuild", is_flag=True, help="Embed every image again.")
@click.option(
    "--ray", type=NAME, metavar="ADDRESS", help="Embed on the Ray cluster there; local starts one on this machine."
)
@click.option("--shard-size", default=512, type=COUNT, metavar="N", help="Images in a shard, with --ray.")
def index(
    images: str,
    feed: str | None,
    feed_hosts: tuple[str, ...],
    feed_link: str | None,
    accept_loss: bool,
    output: str,
    styles: str | None,
    backbone: str,
    weights: str | None,
    engine: str,
    precision: str,
    batch_size: int,
    workers: int,
    no_tune: bool,
    no_thumbnails: bool,
    rebuild: bool,
    ray: str | None,
    shard_size: int,
) -> None:
    """Index a catalogue's images, or those of a product feed. Work that an earlier run finished is not done again."""
    # Imported here so that --help and a mistyped option are answered at once.
    from functools import cache

    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder
    from lookalike.extraction.storage import Storage
    from lookalike.index.attributes import find_styles

    @cache
    def embedder() -> "Embedder":
        return load_embedder(find_backbone(backbone, weights, announce), engine, precision, throughput=True)

    refused: tuple[tuple[str, str], ...] = ()
    if feed:
        if styles:
            raise click.UsageError("--feed brings its own table: leave --styles out.")
        catalogue = fetch_catalogue_of(feed, output, feed_hosts, accept_loss, feed_link)
        images, styles, refused = str(catalogue.images), str(catalogue.styles), catalogue.refused + catalogue.missing
    folder = Storage(images).folder
    table = styles or (find_styles(folder) if folder else None)
    if former := find_replaced_index(images, output):
        announce(f"This replaces the index of {former} in {output}. To keep both, give each an --output of its own.")
    progress = partial(show_progress, unit="image", smoothing=0.1)
    if ray:
        from lookalike.extraction.ray_build import build_index_on_ray
        from lookalike.extraction.ray_worker import Recipe

        recipe = Recipe(backbone, weights, engine, precision, batch_size, cores=workers)
        report = build_index_on_ray(
            images, output, ray, recipe, table, shard_size, progress, rebuild, announce, refused
        )
        # The cluster has settled what auto stands for.
        backbone, precision = report.backbone, report.precision
    else:
        from lookalike.extraction.build import build_index

        kept = not no_thumbnails
        report = build_index(images, output, embedder, table, batch_size, workers, progress, rebuild, refused, kept)
    show(summary(report, output), *match_new_index(output, table))
    if table and not no_tune:
        tune_new_index(output, embedder)


def fetch_catalogue_of(
    feed: str, output: str, hosts: tuple[str, ...], accept_loss: bool, link: str | None
) -> "FeedCatalogue":
    """Fetch what a feed names, and say how much of it has changed."""
    from lookalike.extraction.feed_catalogue import fetch_feed

    progress = partial(show_progress, unit="product", smoothing=0.1)
    catalogue = fetch_feed(feed, output, hosts, accept_loss, progress, link=link)
    stale = f" {catalogue.stale:,} are earlier ones, because their hosts have trouble." if catalogue.stale else ""
    gone = f" {len(catalogue.missing):,} further pictures cannot be had." if catalogue.missing else ""
    announce(f"{catalogue.fetched:,} pictures fetched; {len(catalogue.refused):,} rows are no product.{gone}{stale}")
    return catalogue


def summary(report: "Report", output: str) -> str:
    """Return the one line that says what a run did."""
    from lookalike.index.skipped import SKIPPED

    see = f" (see {os.path.join(output, SKIPPED)})" if report.skipped else ""
    left_out = f" {report.unsuffixed} files without an image suffix were left out." if report.unsuffixed else ""
    return (
        f"{report.found} found, {report.indexed} indexed, {len(report.skipped)} skipped{see}; "
        f"{report.embedded} embedded in {report.seconds:.1f} s, {report.embedded / report.seconds:.1f} images/s, "
        f"backbone {report.backbone} in {report.precision}.{left_out}"
    )


def find_replaced_index(images: str, output: str) -> str | None:
    """Return the other folder of images whose index in output a run over images replaces, None if there is none."""
    from lookalike.errors import IndexFileError
    from lookalike.extraction.storage import Storage
    from lookalike.index.reading import read_manifest

    try:
        former = read_manifest(Path(output)).get("images")
    except IndexFileError:  # the run makes it anew
        return None
    return None if former == Storage(images).name(output) else former


def match_new_index(output: str, table: "StrPath | None") -> list[str]:
    """Return sentences on how the products of the index just written and the rows of its table find each other."""
    from lookalike.errors import LookalikeError
    from lookalike.files import read_regular_file
    from lookalike.index.attributes import match_table, read_styles
    from lookalike.index.catalogue import product_id
    from lookalike.index.product_groups import first_name
    from lookalike.index.reading import FILENAMES, read_names

    if not table:
        return ["No table of attributes: there is no styles.csv in the images' folder or next to it, and no --styles."]
    try:
        names = read_names(read_regular_file(Path(output, FILENAMES)))
        attributes = read_styles(table)
        # A further picture has the row of its product: the product is told once.
        ids = [own for own in map(product_id, names) if own in attributes or first_name(own) not in attributes]
        return match_table(ids, attributes, table).sentences()
    except (LookalikeError, OSError) as error:  # replaced in the meantime; the index is whole
        return [str(error)]


def tune_new_index(output: str, load: "Callable[[], Embedder]") -> None:
    """Tune the index just written and print what that brings. The index is whole without, so nothing here fails it."""
    from lookalike.errors import CatalogueError
    from lookalike.tuning.tune import tune_index

    try:
        show(tune_index(output, load, show_progress) or "Already tuned on the same attributes.")
    except CatalogueError as error:
        announce(f"Not tuned: {error}")
    except KeyboardInterrupt:
        command = f"python -m lookalike tune --index {output}"
        raise KeyboardInterrupt(f"Stopped. The index is whole; to tune it, run: {command}") from None


# The catalogue that fetch brings has its own images and table.
NOT_OF_FETCH = ("images", "styles", "feed", "feed_hosts", "accept_loss")


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--full", is_flag=True, help="The original images, 15 GB, instead of the small ones, 0.6 GB.")
@click.pass_context
def fetch(context: click.Context, full: bool, **options: Any) -> None:
    """Download the Kaggle catalogue "Fashion Product Images" and index it, with the options of index."""
    from lookalike.extraction.kaggle import fetch_catalogue

    catalogue = fetch_catalogue(full=full)
    show(f"Images: {catalogue.images}", f"Attributes: {catalogue.styles}")
    styles = str(catalogue.styles) if catalogue.styles else None
    own = {"feed": None, "feed_hosts": (), "accept_loss": False}
    context.invoke(index, images=str(catalogue.images), styles=styles, **own, **options)


fetch.params += [option for option in index.params if option.name not in NOT_OF_FETCH]
