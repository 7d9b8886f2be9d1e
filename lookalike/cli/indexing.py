"""Index a catalogue: python extract_features.py --images DIR. Run it once; the app reads what it writes."""

import argparse
import os
import sys
from functools import partial

OPTIONS = {
    "--images": {"default": "images", "metavar": "DIR", "help": "the catalogue's images, at any depth"},
    "--output": {"default": ".", "metavar": "DIR", "help": "where the index is written"},
    "--styles": {"metavar": "FILE", "help": "table of attributes (default: styles.csv beside the images or in them)"},
    "--backbone": {"default": "auto", "help": "auto, resnet50, efficientnet-lite0 or FILE.onnx"},
    "--weights": {"metavar": "FILE", "help": "ResNet-50's weights: the .h5 that Keras publishes, or a .weights.h5"},
    "--engine": {"default": "auto", "choices": ("auto", "openvino", "tensorflow"), "help": "what runs the backbone"},
    "--precision": {"default": "auto", "choices": ("auto", "bf16", "f32"), "help": "what it computes in"},
    "--batch-size": {"type": "positive", "default": 32, "metavar": "N", "help": "images handed on at a time"},
    "--workers": {
        "type": "positive",
        "default": os.cpu_count(),
        "metavar": "N",
        "help": "decoding threads; with --ray: a worker's cores",
    },
    "--no-tune": {"action": "store_true", "help": "do not learn the catalogue's own attributes"},
    "--rebuild": {"action": "store_true", "help": "embed every image anew"},
    "--ray": {"metavar": "ADDRESS", "help": "embed on the Ray cluster there; local: on one started here"},
    "--shard-size": {"type": "positive", "default": 512, "metavar": "N", "help": "with --ray: images to a shard"},
}

NO_MEMORY = (
    "error: This machine has too little memory free; finished work is kept and an index that was there is unchanged. "
    "Close other programs or lower --batch-size and --workers, then run the same command again."
)


def arguments():
    parser = argparse.ArgumentParser(
        description="Index a catalogue's images; what an earlier run did is not done again.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.register("type", "positive", positive)
    for name, settings in OPTIONS.items():
        parser.add_argument(name, **settings)
    return parser.parse_args()


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def announce(text):
    print(text, file=sys.stderr)


def index_here(options, backbone, styles, progress):
    from lookalike.embedding.embedder import load_embedder
    from lookalike.extraction.build import build_index

    embedder = load_embedder(backbone, options.engine, options.precision, throughput=True)
    places = options.images, options.output
    sizes = options.batch_size, options.workers
    report = build_index(*places, embedder, styles, *sizes, progress=progress, rebuild=options.rebuild)
    return report, lambda: embedder


def index_on_ray(options, backbone, styles, progress):
    from lookalike.embedding.embedder import load_embedder
    from lookalike.extraction.ray_build import build_index_on_ray
    from lookalike.extraction.ray_worker import Recipe

    weights = str(backbone.weights.resolve()) if options.weights else None
    recipe = Recipe(backbone.name, weights, options.engine, options.precision, options.batch_size)
    report = build_index_on_ray(
        options.images,
        options.output,
        options.ray,
        recipe,
        backbone,
        styles,
        options.shard_size,
        options.workers,
        progress,
        options.rebuild,
    )
    return report, lambda: load_embedder(backbone, options.engine, report.precision, throughput=True)


def run(options):
    # Imported here so that --help and a mistyped option answer at once.
    from tqdm import tqdm

    from lookalike.embedding.backbones import find_backbone
    from lookalike.errors import CatalogueError
    from lookalike.images.discovery import find_images
    from lookalike.index.attributes import find_styles, read_styles
    from lookalike.index.skipped import SKIPPED
    from lookalike.tuning.tune import tune_index

    if not options.ray:
        find_images(options.images)
    styles = options.styles or find_styles(options.images)
    if styles:
        read_styles(styles)
    backbone = find_backbone(options.backbone, options.weights, announce)
    index = index_on_ray if options.ray else index_here
    report, embedder = index(options, backbone, styles, partial(tqdm, unit="image", smoothing=0.1))
    see = f" (see {os.path.join(options.output, SKIPPED)})" if report.skipped else ""
    print(
        f"{report.found} found, {report.indexed} indexed, {len(report.skipped)} skipped{see}; "
        f"{report.embedded} embedded in {report.seconds:.1f} s, {report.embedded / report.seconds:.1f} images/s, "
        f"backbone {report.backbone} in {report.precision}."
    )
    if styles and not options.no_tune:
        try:
            print(tune_index(options.output, embedder, tqdm) or "Tuned before on the same attributes.")
        except CatalogueError as error:  # too few attributes: the index is whole without
            announce(f"Not tuned: {error}")
        except KeyboardInterrupt:
            tune = f"python -m lookalike tune --index {options.output}"
            raise KeyboardInterrupt(f"Stopped. The index is whole; tune it: {tune}") from None


def main():
    options = arguments()
    from lookalike.errors import LookalikeError, is_out_of_memory

    try:
        run(options)
    except LookalikeError as error:
        announce(f"error: {error}")
        return 1
    except KeyboardInterrupt as interrupt:
        announce(str(interrupt) or "Stopped before the first image; nothing is lost.")
        return 130
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        announce(NO_MEMORY)
        return 1
    return 0
