"""`lookalike index` and `lookalike fetch`: a folder, a bucket or the Kaggle catalogue → an index."""

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import click

from lookalike.cli.exit_codes import announce
from lookalike.settings import ENGINES, PRECISIONS, usable_cores

if TYPE_CHECKING:
    from lookalike.embedding.embedder import Embedder
    from lookalike.extraction.build import Report

COUNT = click.IntRange(min=1)


@click.command(context_settings={"show_default": True})
@click.option("--images", default="images", metavar="DIR", help="The catalogue's images, at any depth.")
@click.option("--output", default=".", metavar="DIR", help="Where the index is written.")
@click.option("--styles", metavar="FILE", help="Table of attributes; styles.csv near the images if absent.")
@click.option("--backbone", default="auto", metavar="NAME", help="auto, resnet50, efficientnet-lite0 or FILE.onnx.")
@click.option("--weights", metavar="FILE", help="ResNet-50's weights: the .h5 that Keras publishes or a .weights.h5.")
@click.option("--engine", default="auto", type=click.Choice(ENGINES), help="What runs the networks.")
@click.option("--precision", default="auto", type=click.Choice(PRECISIONS), help="What the engine computes in.")
@click.option("--batch-size", default=32, type=COUNT, metavar="N", help="Images embedded at a time.")
@click.option("--workers", default=usable_cores, type=COUNT, metavar="N", help="Decoding threads; cores with --ray.")
@click.option("--no-tune", is_flag=True, help="Do not learn the catalogue's own attributes.")
@click.option("--rebuild", is_flag=True, help="Embed every image again.")
@click.option("--ray", metavar="ADDRESS", help="Embed on the Ray cluster there; local starts one on this machine.")
@click.option("--shard-size", default=512, type=COUNT, metavar="N", help="Images in a shard, with --ray.")
def index(
    images: str,
    output: str,
    styles: str | None,
    backbone: str,
    weights: str | None,
    engine: str,
    precision: str,
    batch_size: int,
    workers: int,
    no_tune: bool,
    rebuild: bool,
    ray: str | None,
    shard_size: int,
) -> None:
    """Index a catalogue's images. Work that an earlier run finished is not done again."""
    # Imported here so that --help and a mistyped option are answered at once.
    from functools import cache

    from tqdm import tqdm

    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder
    from lookalike.index.attributes import find_styles

    @cache
    def embedder() -> "Embedder":
        return load_embedder(find_backbone(backbone, weights, announce), engine, precision, throughput=True)

    table = styles or find_styles(images)
    progress = partial(tqdm, unit="image", smoothing=0.1)
    if ray:
        from lookalike.extraction.ray_build import build_index_on_ray
        from lookalike.extraction.ray_worker import Recipe

        recipe = Recipe(backbone, weights, engine, precision, batch_size, cores=workers)
        report = build_index_on_ray(images, output, ray, recipe, table, shard_size, progress, rebuild, announce)
        # The cluster has settled what auto stands for.
        backbone, precision = report.backbone, report.precision
    else:
        from lookalike.extraction.build import build_index

        report = build_index(images, output, embedder, table, batch_size, workers, progress, rebuild)
    click.echo(summary(report, output))
    if table and not no_tune:
        tune_new_index(output, embedder)


def summary(report: "Report", output: str) -> str:
    """Return the one line that says what a run did."""
    from lookalike.index.skipped import SKIPPED

    see = f" (see {os.path.join(output, SKIPPED)})" if report.skipped else ""
    return (
        f"{report.found} found, {report.indexed} indexed, {len(report.skipped)} skipped{see}; "
        f"{report.embedded} embedded in {report.seconds:.1f} s, {report.embedded / report.seconds:.1f} images/s, "
        f"backbone {report.backbone} in {report.precision}."
    )


def tune_new_index(output: str, load: "Callable[[], Embedder]") -> None:
    """Tune the index just written and print what that brings. The index is whole without, so nothing here fails it."""
    from tqdm import tqdm

    from lookalike.errors import CatalogueError
    from lookalike.tuning.tune import tune_index

    try:
        click.echo(tune_index(output, load, tqdm) or "Already tuned on the same attributes.")
    except CatalogueError as error:
        announce(f"Not tuned: {error}")
    except KeyboardInterrupt:
        command = f"python -m lookalike tune --index {output}"
        raise KeyboardInterrupt(f"Stopped. The index is whole; to tune it, run: {command}") from None


@click.command()
@click.option("--full", is_flag=True, help="The original images, 15 GB, instead of the small ones, 0.6 GB.")
@click.option("--output", default=".", metavar="DIR", show_default=True, help="Where the index is written.")
@click.pass_context
def fetch(context: click.Context, full: bool, output: str) -> None:
    """Download the Kaggle catalogue "Fashion Product Images" and index it."""
    from lookalike.extraction.kaggle import fetch_catalogue

    catalogue = fetch_catalogue(full=full)
    click.echo(f"Images: {catalogue.images}\nAttributes: {catalogue.styles}")
    styles = str(catalogue.styles) if catalogue.styles else None
    context.invoke(index, images=str(catalogue.images), output=output, styles=styles)
