"""How fast indexing is: the plain loop over single images, ours, and the networks alone; and how much memory it takes.

python benchmarks/indexing.py --images DIR [--backbone resnet50] [--weights FILE] [--limit N]
"""

import argparse
import os
import pickle
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import harness

LEFT_OUT = "imports, loading and converting models, one warm-up image of each side; files are dropped from the cache"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", help="folder of the catalogue's images")
    parser.add_argument("--backbone", default="resnet50", choices=("resnet50", "efficientnet-lite0"))
    parser.add_argument("--weights", help="ResNet-50's weights (default: made from a seed)")
    parser.add_argument("--limit", type=int, default=2000, help="number of images for our side (default: 2000)")
    parser.add_argument("--plain-limit", type=int, default=60, help="number of images for the plain loop (default: 60)")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--memory", type=int, nargs="+", metavar="N", help="measure only the peak memory at N images")
    parser.add_argument(
        "--distinct", type=int, metavar="N", help="contents among them; the rest are copies (default: all)"
    )
    parser.add_argument("--part", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.images and not options.part:
        parser.error("--images DIR is needed")
    return options


def main(options: argparse.Namespace) -> None:
    from lookalike.images.discovery import find_images

    paths = [str(path.resolve()) for path in find_images(options.images)]
    chosen = paths[: options.limit]
    size = sum(os.path.getsize(path) for path in chosen) / len(chosen) / 1e3
    harness.print_head(f"{options.images}: {len(chosen)} of {len(paths)} images, {size:.0f} KB on average", LEFT_OUT)
    with tempfile.TemporaryDirectory() as folder:
        weights = options.weights
        if options.backbone == "resnet50" and not weights:
            weights = str(harness.seeded_weights(folder))
        common = {"backbone": options.backbone, "weights": weights, "precision": options.precision}
        if options.memory:
            measure_memory(options.memory, options.distinct, paths, common)
        else:
            measure_speed(chosen, options.plain_limit, common)


def measure_speed(paths: Sequence[str], plain_limit: int, common: dict[str, Any]) -> None:
    """Run the three sides one after the other, each in a process of its own."""
    sides = {
        "plain": harness.child(__file__, "plain", paths=paths[:plain_limit], **common),
        "ours": harness.child(__file__, "ours", paths=paths, **common),
        "engine": harness.child(__file__, "engine", paths=paths[:256], **common),
    }
    for name, side in sides.items():
        rate, detail = side["images"] / side["seconds"], side.get("detail", "")
        print(f"{name:10} {rate:7.1f} images/s, {side['images']} images, {harness.conditions(side)}  {detail}")
    plain, ours, engine = (side["images"] / side["seconds"] for side in sides.values())
    print(f"ratios     ours / plain {ours / plain:.2f}, ours / engine {ours / engine:.3f}")


def measure_memory(counts: Sequence[int], distinct: int | None, paths: Sequence[str], common: dict[str, Any]) -> None:
    """Measure the peak of the indexing process at each number of files; a repeated content is only hashed."""
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            write_copies(paths, count, distinct or count, Path(folder, "images"))
            side = harness.child(__file__, "ours", folder=folder, **common)
        embedded, seconds = side["images"], side["seconds"]
        print(
            f"memory     {count} images: peak {side['peak']:.0f} MB; {embedded} embedded in {seconds:.0f} s", flush=True
        )


def write_copies(paths: Sequence[str], count: int, distinct: int, folder: Path) -> None:
    """Fill a folder with count files of that many distinct contents: those of paths with a number appended."""
    folder.mkdir()
    for number in range(count):
        which = number % distinct
        content = Path(paths[which % len(paths)]).read_bytes()
        (folder / f"{number:06}.jpg").write_bytes(content + b"%d" % which)


def part_plain(paths: Sequence[str], backbone: str, weights: str | None, **_: Any) -> dict[str, Any]:
    """Run the loop of the many scripts of this design: one image, one predict, one append."""
    import numpy as np
    from keras import Sequential, layers, utils

    network, preprocess = plain_network(backbone, weights)
    model = Sequential([network, layers.GlobalMaxPooling2D()])
    model.predict(np.zeros((1, 224, 224, 3), np.float32), verbose=0)
    harness.drop_from_cache(paths)
    start, features = time.perf_counter(), []
    for path in paths:
        image = utils.img_to_array(utils.load_img(path, target_size=(224, 224)))
        result = model.predict(preprocess(image[None]), verbose=0).flatten()
        features.append(result / np.linalg.norm(result))
    with tempfile.TemporaryDirectory() as folder, open(Path(folder, "embeddings.pkl"), "wb") as file:
        pickle.dump(features, file)
    return {"images": len(paths), "seconds": time.perf_counter() - start}


def plain_network(backbone: str, weights: str | None) -> tuple[Any, Callable[[Any], Any]]:
    """Return the Keras model of a backbone and its preprocessing."""
    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.engines.keras_models import keras_model

    found = find_backbone(backbone, weights)
    if backbone == "resnet50":
        from keras.applications.resnet50 import preprocess_input
    else:

        def preprocess_input(image):
            return (image - 127) / 128

    return keras_model(backbone, found.weights), preprocess_input


def part_ours(
    backbone: str, weights: str | None, precision: str, paths: Sequence[str] = (), folder: str | None = None
) -> dict[str, Any]:
    """Run build_index from uncached files into a fresh folder; paths are linked into one."""
    import numpy as np

    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder
    from lookalike.extraction.build import build_index

    shop = folder or tempfile.mkdtemp()
    images, output = Path(shop, "images"), Path(shop, "index")
    try:
        if not folder:
            images.mkdir()
            for number, path in enumerate(paths):
                (images / f"{number:06}{Path(path).suffix}").symlink_to(path)
        embedder = load_embedder(find_backbone(backbone, weights), precision=precision, throughput=True)
        embedder.rows(np.zeros((4, embedder.size, embedder.size, 3), np.uint8))
        harness.drop_from_cache(images.iterdir())
        report = build_index(images, output, embedder)
    finally:
        shutil.rmtree(output if folder else shop, ignore_errors=True)
    detail = f"{report.precision}, {' + '.join(('look', *embedder.widths_after_look))}, {len(report.skipped)} skipped"
    return {"images": report.embedded, "seconds": report.seconds, "detail": detail}


def part_engine(paths: Sequence[str], backbone: str, weights: str | None, precision: str) -> dict[str, Any]:
    """Run the networks alone over prepared pixels in memory, with as many streams as indexing uses."""
    import numpy as np

    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.engines.openvino import OpenVinoEngine, supported_precisions
    from lookalike.embedding.fashion import INDEXED_OUTPUTS, find_fashion
    from lookalike.embedding.padding import pad_to_frame
    from lookalike.images.decoding import load_pixels

    precision = supported_precisions()[-1] if precision == "auto" else precision
    prepared = np.stack([load_pixels(path, 224) for path in paths])
    streams, seconds = harness.usable_cores(), []
    for network, max_outputs in ((find_backbone(backbone, weights), None), (find_fashion(), INDEXED_OUTPUTS)):
        pixels = pad_to_frame(prepared, None, network.preprocessing.size)[0]
        engine = OpenVinoEngine(network, precision, streams, max_outputs=max_outputs)
        engine.outputs(pixels[:8])
        start = time.perf_counter()
        for _ in range(2):
            engine.outputs(pixels)
        seconds.append(time.perf_counter() - start)
    rates = ", ".join(f"{2 * len(prepared) / each:.1f}" for each in seconds)
    detail = f"{precision}, {streams} streams; {backbone} and fashion by themselves {rates} images/s"
    return {"images": 2 * len(prepared), "seconds": sum(seconds), "detail": detail}


if __name__ == "__main__":
    harness.run(main, parse_arguments(), plain=part_plain, ours=part_ours, engine=part_engine)
