"""How fast indexing is: the plain one-image loop, ours, and what the networks alone allow; and its memory.

python benchmarks/indexing.py --images DIR [--backbone resnet50] [--weights FILE] [--limit N]
"""

import argparse
import os
import pickle
import shutil
import tempfile
import time
from pathlib import Path

import harness

LEFT_OUT = "imports, loading and converting models, one warm-up image of each side; files are dropped from the cache"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", help="folder of the catalogue's images")
    parser.add_argument("--backbone", default="resnet50", choices=("resnet50", "efficientnet-lite0"))
    parser.add_argument("--weights", help="ResNet-50's weights (default: made from a seed)")
    parser.add_argument("--limit", type=int, default=2000, help="images of ours (default: 2000)")
    parser.add_argument("--plain-limit", type=int, default=60, help="images of the plain loop (default: 60)")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--memory", type=int, nargs="+", metavar="N", help="only the peak memory at N images each")
    parser.add_argument("--distinct", type=int, metavar="N", help="contents among them; more are copies (default: all)")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    return parser.parse_args()


def main(options):
    from lookalike.images.discovery import find_images

    paths = [str(path.resolve()) for path in find_images(options.images)]
    kept = paths[: options.limit]
    size = sum(os.path.getsize(path) for path in kept) / len(kept) / 1e3
    harness.print_head(f"{options.images}: {len(kept)} of {len(paths)} images, {size:.0f} KB on average", LEFT_OUT)
    with tempfile.TemporaryDirectory() as folder:
        weights = options.weights
        if options.backbone == "resnet50" and not weights:
            weights = str(harness.seeded_weights(folder))
        common = {"backbone": options.backbone, "weights": weights, "precision": options.precision}
        if options.memory:
            return memory(options.memory, options.distinct, paths, common)
        speed(kept, options.plain_limit, common)


def speed(paths, plain_limit, common):
    """The three sides one after the other, each in a process of its own."""
    sides = {
        "plain": harness.child(__file__, "plain", paths=paths[:plain_limit], **common),
        "ours": harness.child(__file__, "ours", paths=paths, **common),
        "engine": harness.child(__file__, "engine", paths=paths[:256], **common),
    }
    for name, side in sides.items():
        rate, detail = side["images"] / side["seconds"], side.get("detail", "")
        print(f"{name:10} {rate:7.1f} images/s, {side['images']} images, {harness.footing(side)}  {detail}")
    plain, ours, engine = (side["images"] / side["seconds"] for side in sides.values())
    print(f"ratios     ours / plain {ours / plain:.2f}, ours / engine {ours / engine:.3f}")


def memory(counts, distinct, paths, common):
    """The peak of the indexing process at each number of files; a content seen before is only hashed."""
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            copies(paths, count, distinct or count, Path(folder, "images"))
            side = harness.child(__file__, "ours", folder=folder, **common)
        embedded, seconds = side["images"], side["seconds"]
        print(
            f"memory     {count} images: peak {side['peak']:.0f} MB; {embedded} embedded in {seconds:.0f} s", flush=True
        )


def copies(paths, count, distinct, folder):
    """Fill a folder with count files of so many contents: those of paths, with a number at their end."""
    folder.mkdir()
    for number in range(count):
        which = number % distinct
        content = Path(paths[which % len(paths)]).read_bytes()
        (folder / f"{number:06}.jpg").write_bytes(content + b"%d" % which)


def plain(paths, backbone, weights, **_):
    """The loop of the many scripts of this design: one image, one predict, one append."""
    import numpy as np
    from keras import Sequential, layers, utils

    network, preprocess = plain_network(backbone, weights)
    model = Sequential([network, layers.GlobalMaxPooling2D()])
    model.predict(np.zeros((1, 224, 224, 3), np.float32), verbose=0)
    harness.forget_cached(paths)
    start, features = time.perf_counter(), []
    for path in paths:
        image = utils.img_to_array(utils.load_img(path, target_size=(224, 224)))
        result = model.predict(preprocess(image[None]), verbose=0).flatten()
        features.append(result / np.linalg.norm(result))
    with tempfile.TemporaryDirectory() as folder, open(Path(folder, "embeddings.pkl"), "wb") as file:
        pickle.dump(features, file)
    return {"images": len(paths), "seconds": time.perf_counter() - start}


def plain_network(backbone, weights):
    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.engines.keras_models import keras_model

    found = find_backbone(backbone, weights)
    if backbone == "resnet50":
        from keras.applications.resnet50 import preprocess_input
    else:

        def preprocess_input(image):
            return (image - 127) / 128

    return keras_model(backbone, found.weights), preprocess_input


def ours(backbone, weights, precision, paths=(), folder=None):
    """build_index from cold files into a fresh folder; paths are linked into one."""
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
        harness.forget_cached(images.iterdir())
        done = build_index(images, output, embedder, workers=os.cpu_count())
    finally:
        shutil.rmtree(shop if not folder else output, ignore_errors=True)
    detail = f"{done.precision}, {' + '.join(('look', *embedder.widths_after_look))}, {len(done.skipped)} skipped"
    return {"images": done.embedded, "seconds": done.seconds, "detail": detail}


def engine(paths, backbone, weights, precision):
    """The networks alone over prepared pixels in memory, with the streams that indexing uses."""
    import numpy as np

    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.engines.openvino import OpenVinoEngine, supported_precisions
    from lookalike.embedding.fashion import INDEXED_OUTPUTS, find_fashion
    from lookalike.embedding.padding import pad_to_frame
    from lookalike.images.decoding import load_pixels

    precision = supported_precisions()[-1] if precision == "auto" else precision
    prepared = np.stack([load_pixels(path, 224) for path in paths])
    seconds = []
    for network, first in ((find_backbone(backbone, weights), None), (find_fashion(), INDEXED_OUTPUTS)):
        pixels = pad_to_frame(prepared, None, network.preprocessing.size)[0]
        running = OpenVinoEngine(network, precision, os.cpu_count(), first=first)
        running.outputs(pixels[:8])
        start = time.perf_counter()
        for _ in range(2):
            running.outputs(pixels)
        seconds.append(time.perf_counter() - start)
    rates = ", ".join(f"{2 * len(prepared) / each:.1f}" for each in seconds)
    detail = f"{precision}, {os.cpu_count()} streams; {backbone} and fashion by themselves {rates} images/s"
    return {"images": 2 * len(prepared), "seconds": sum(seconds), "detail": detail}


if __name__ == "__main__":
    given = arguments()
    if given.part:
        harness.answer_parent({"plain": plain, "ours": ours, "engine": engine}, given.part)
    else:
        main(given)
