"""Index a catalogue: python extract_features.py --images DIR. Run it once; the app reads what it writes."""

import argparse
import os
import sys


def arguments():
    parser = argparse.ArgumentParser(description="Index a catalogue's images for the look-up.")
    parser.add_argument(
        "--images", default="images", metavar="DIR", help="the catalogue's images, at any depth (default: images)"
    )
    parser.add_argument(
        "--output", default=".", metavar="DIR", help="where the index is written (default: this folder)"
    )
    parser.add_argument(
        "--styles", metavar="FILE", help="table of attributes (default: styles.csv beside the images' folder or in it)"
    )
    parser.add_argument(
        "--backbone",
        default="auto",
        metavar="NAME",
        help="auto, resnet50, efficientnet-lite0 or FILE.onnx (default: auto)",
    )
    parser.add_argument(
        "--weights", metavar="FILE", help="ResNet-50's weights: the .h5 that Keras publishes, or a .weights.h5"
    )
    parser.add_argument("--batch-size", type=positive, default=32, metavar="N", help="images a batch (default: 32)")
    parser.add_argument(
        "--workers", type=positive, default=os.cpu_count(), metavar="N", help="decoding threads (default: one a core)"
    )
    return parser.parse_args()


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def announce(text):
    print(text, file=sys.stderr)


def run(options):
    # Imported here so that --help and a mistyped option answer at once.
    from tqdm import tqdm

    from lookalike.attributes import find_styles, read_styles
    from lookalike.backbones import find_backbone
    from lookalike.embedder import load_embedder
    from lookalike.images import find_images
    from lookalike.indexing import SKIPPED, build_index

    find_images(options.images)
    styles = options.styles or find_styles(options.images)
    if styles:
        read_styles(styles)
    backbone = find_backbone(options.backbone, options.weights, announce)
    report = build_index(
        options.images,
        options.output,
        load_embedder(backbone),
        styles,
        options.batch_size,
        options.workers,
        progress=lambda items, total: tqdm(items, total=total, unit="image", smoothing=0.1),
    )
    rate = report.found / report.seconds
    skipped = f"{len(report.skipped)} skipped" + (
        f" (see {os.path.join(options.output, SKIPPED)})" if report.skipped else ""
    )
    print(
        f"{report.found} found, {report.indexed} indexed, {skipped}; "
        f"{report.seconds:.1f} s, {rate:.1f} images/s, backbone {report.backbone}."
    )


def main():
    options = arguments()
    from lookalike.errors import LookalikeError

    try:
        run(options)
    except LookalikeError as error:
        announce(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        announce("Stopped.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
