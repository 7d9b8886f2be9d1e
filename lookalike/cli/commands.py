"""The terminal's edge: python -m lookalike similar | evaluate | tune | publish | fetch."""

import argparse
import json
import sys

from lookalike.cli.output import as_dicts, as_json, as_table, as_text
from lookalike.errors import CatalogueError, ImageError, LookalikeError, is_out_of_memory
from lookalike.index.catalogue import readable

NO_MEMORY = "error: This machine has too little memory free. Close other programs, then run the same command again."


def arguments(argv):
    parser = argparse.ArgumentParser(prog="lookalike", description="Find the products that look most like a photo.")
    commands = parser.add_subparsers(dest="command", required=True)
    similar_ = commands.add_parser("similar", help="print the nearest products of each photo")
    similar_.add_argument("photos", nargs="+", metavar="PHOTO")
    similar_.add_argument("-k", type=_positive, default=5, metavar="N", help="matches a photo (default: 5)")
    similar_.add_argument("--index", default=".", metavar="DIR", help="folder of the index, or milvus://HOST:PORT/NAME")
    similar_.add_argument("--json", action="store_true", help="print JSON and nothing else")
    similar_.set_defaults(run=similar)
    _evaluate_arguments(commands.add_parser("evaluate", help="print how many of the five nearest products are right"))
    tune_ = commands.add_parser("tune", help="learn the catalogue's own attributes, where that helps")
    tune_.add_argument("--index", default=".", metavar="DIR", help="folder of the index (default: this folder)")
    tune_.set_defaults(run=tune)
    _publish_arguments(commands.add_parser("publish", help="write an index to Milvus, to be searched there"))
    fetch_ = commands.add_parser("fetch", help="fetch the Kaggle catalogue and index it")
    fetch_.add_argument("--full", action="store_true", help="the original images, 15 GB, instead of the small ones")
    fetch_.add_argument(
        "--output", default=".", metavar="DIR", help="where the index is written (default: this folder)"
    )
    fetch_.set_defaults(run=fetch)
    return parser.parse_args(argv)


def _publish_arguments(parser):
    parser.add_argument("--index", default=".", metavar="DIR", help="folder of the index (default: this folder)")
    parser.add_argument("--to", required=True, metavar="ADDRESS", help="milvus://HOST:PORT/NAME; milvus+tls:// for TLS")
    kinds = ("flat", "ivf", "hnsw", "diskann")
    parser.add_argument("--search-index", choices=kinds, default="flat", help="flat, the default, is exact")
    parser.add_argument(
        "--shards", action="store_true", help="send the vectors that --ray left in DIR/shards, block by block"
    )
    parser.add_argument("--pictures", metavar="DIR", help="the index's folder where the app runs (default: --index)")
    parser.set_defaults(run=publish)


def _evaluate_arguments(parser):
    parser.add_argument("--index", default=".", metavar="DIR", help="folder of the index (default: this folder)")
    parser.add_argument("--styles", metavar="FILE", help="table of attributes (default: the index's own)")
    parser.add_argument("--queries", metavar="DIR", help="photos to ask with (default: each product of the index)")
    parser.add_argument("--classes", metavar="FILE", help="JSON from DIR's sub-folders to the article types that fit")
    parser.add_argument("--held-out", metavar="FILE", help="JSON list of the ids to ask with, or held_out.product_ids")
    parser.add_argument("--space", nargs="+", default=(), metavar="NAME", help="spaces, or default (default: all)")
    parser.add_argument("--limit", type=_positive, metavar="N", help="at most N queries, drawn by a seed")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.set_defaults(run=evaluate)


def similar(options):
    """Print the matches of each photo; 1 where a photo could not be used, the others are answered."""
    from lookalike.search.loading import load_recommender

    recommender = load_recommender(options.index)
    answers, failed = [], 0
    for photo in options.photos:
        try:
            answers.append({"query": readable(photo), "matches": as_dicts(recommender.similar(photo, options.k))})
        except ImageError as error:
            failed = 1
            print(f"error: {error}", file=sys.stderr)
    print(json.dumps(answers, indent=1, ensure_ascii=False) if options.json else as_text(answers))
    return failed


def evaluate(options):
    """Print the precision at 5 of each space and of the default ranking, with 95 % intervals."""
    from functools import partial

    from tqdm import tqdm

    from lookalike.analysis.evaluation import leave_one_out, photo_queries, read_classes, read_ids
    from lookalike.analysis.metrics import evaluate as evaluated
    from lookalike.index.attributes import read_styles
    from lookalike.index.reading import load_index
    from lookalike.search.loading import load_recommender
    from lookalike.search.recommender import default_weights

    classes = read_classes(options.classes) if options.classes else None
    if classes and not options.queries:
        raise CatalogueError("The classes are those of photos. Name the folder of the photos with --queries.")
    only = read_ids(options.held_out) if options.held_out else None
    recommender = load_recommender(options.index) if options.queries else None
    index = recommender.index if recommender else load_index(options.index)
    attributes = read_styles(options.styles) if options.styles else index.attributes
    if not attributes:
        raise CatalogueError("The index knows no attributes to judge by. Name their table with --styles.")
    progress = partial(tqdm, file=sys.stderr)
    if recommender:
        queries = photo_queries(options.queries, recommender, attributes, classes, only, options.limit, progress)
    else:
        queries = leave_one_out(index, attributes, only, options.limit)
    figures = evaluated(index, attributes, queries, options.space, progress)
    for note in queries.notes:
        print(note, file=sys.stderr)
    weights = default_weights(index.spaces)
    print(as_json(len(queries.rows), weights, figures) if options.json else as_table(weights, figures))
    return 0


def tune(options):
    """Tune an index and print what that brings."""
    from tqdm import tqdm

    from lookalike.search.loading import load_recommender
    from lookalike.tuning.tune import tune_index

    print(tune_index(options.index, lambda: load_recommender(options.index).embedder, tqdm, again=True))
    return 0


def publish(options):
    """Write an index to Milvus and print which version of it is searched from now on."""
    from functools import partial

    from tqdm import tqdm

    from lookalike.index.reading import load_index
    from lookalike.milvus.publishing import publish_index
    from lookalike.milvus.server import parse_address

    address, progress = parse_address(options.to), partial(tqdm, desc="publishing", unit="block")
    more = address, options.search_index, options.pictures, progress
    if options.shards:
        from lookalike.milvus.publishing import publish_shards

        version = publish_shards(options.index, *more)
    else:
        version = publish_index(load_index(options.index), *more)
    print(f"The index in {options.index} is in {address.server} as {address.name}, version {version}.")
    return 0


def fetch(options):
    """Download the Kaggle catalogue and hand its folder to extract_features.py's work."""
    from lookalike.extraction.kaggle import fetch_catalogue

    catalogue = fetch_catalogue(full=options.full)
    print(f"Images: {catalogue.images}\nAttributes: {catalogue.styles}")
    return _index(catalogue, options.output)


def _index(catalogue, output):
    import subprocess
    from pathlib import Path

    script = Path(__file__).resolve().parents[2] / "extract_features.py"
    command = [sys.executable, str(script), "--images", str(catalogue.images), "--output", output]
    if catalogue.styles:
        command += ["--styles", str(catalogue.styles)]
    return _ended(subprocess.Popen(command))  # noqa: S603 # nosec B603 - our own script, no shell


def _ended(process):
    """The exit code of a process, waited for through Ctrl-C: it hears that too, and says itself what is saved."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def _positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def main(argv=None):
    """Run one command; 0 when done, 1 with a sentence when it can't, 2 for usage."""
    options = arguments(argv)
    try:
        return options.run(options)
    except LookalikeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        print(NO_MEMORY, file=sys.stderr)
        return 1
