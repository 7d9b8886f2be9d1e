"""What speed costs: vectors in bf16, decoded small, or in int8, against TensorFlow in float32 and full decoding.

python benchmarks/precision.py --images DIR [--fullres DIR] [--int8 N --styles FILE, with nncf==3.4.0]
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import harness

K = 5
SIDE = 224
CALIBRATION_IMAGES = 300

Item = TypeVar("Item")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", help="folder of real images")
    parser.add_argument("--fullres", help="folder of large JPEGs, to compare decoding")
    parser.add_argument("--styles", help="styles.csv, for the relevance of int8")
    parser.add_argument("--weights", help="ResNet-50's weights (default: made from a seed)")
    parser.add_argument("--count", type=int, default=500, help="images compared (default: 500)")
    parser.add_argument("--int8", type=int, metavar="N", help="quantize the embedded backbone, and compare N images")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.images and not options.part:
        parser.error("--images DIR is needed")
    return options


def main(options: argparse.Namespace) -> None:
    from lookalike.images.discovery import find_images

    every = [str(path) for path in find_images(options.images)]
    paths = evenly_spread(every, options.count)
    data = f"{len(paths)} images, evenly spread over {options.images}; {options.fullres}"
    harness.print_head(data, "from rates only: imports, loading, decoding")
    with tempfile.TemporaryDirectory() as folder:
        weights = options.weights or str(harness.seeded_weights(folder))
        for backbone, file in (("resnet50", weights), ("efficientnet-lite0", None)):
            found = harness.child(__file__, "engines", paths=paths, backbone=backbone, weights=file)
            print(f"engine     {backbone}, {len(paths)} images: {found['text']}", flush=True)
            if options.fullres:
                large = [str(path) for path in find_images(options.fullres)]
                found = harness.child(__file__, "decoding", paths=large, backbone=backbone, weights=file)
                print(f"decoding   {backbone}, {len(large)} images: {found['text']}", flush=True)
    if options.int8:
        paths = evenly_spread(every, options.int8)
        found = harness.child(__file__, "int8", paths=paths, styles=options.styles)
        for line in found["lines"]:
            print(f"int8       efficientnet-lite0, {len(paths)} images, {line}")


def evenly_spread(items: Sequence[Item], count: int) -> list[Item]:
    """Return at most count of the items, evenly spread over all of them."""
    count = min(count, len(items))
    return [items[place * len(items) // count] for place in range(count)]


def load_all(paths: Sequence[str]):
    """Return the pixels of the images, uint8 (n, SIDE, SIDE, 3)."""
    import numpy as np

    from lookalike.images.decoding import load_pixels

    return np.stack([load_pixels(path, SIDE) for path in paths])


def compare(ours, reference) -> str:
    """Return a sentence: the cosines of the vectors, row by row, and how much of each image's top 5 is the same."""
    cosines = (ours.astype(float) * reference).sum(axis=1)
    return f"cosine min {cosines.min():.6f}, mean {cosines.mean():.6f}; top-5 overlap {overlap(ours, reference):.4f}"


def overlap(ours, reference) -> float:
    return sum(len(set(a) & set(b)) for a, b in zip(nearest(ours), nearest(reference))) / (K * len(ours))


def nearest(vectors):
    """Return the K nearest others of each vector, int (n, K)."""
    import numpy as np

    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    return np.argsort(-cosines, axis=1, kind="stable")[:, :K]


def part_engines(paths: Sequence[str], backbone: str, weights: str | None) -> dict[str, Any]:
    """Compare the engine and precision that auto chooses with TensorFlow in float32."""
    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder

    found, pixels = find_backbone(backbone, weights), load_all(paths)
    auto = load_embedder(found, throughput=True)
    reference = load_embedder(found, "tensorflow", "f32").embed(pixels)
    text = f"auto ({auto.precision}) against TensorFlow f32: {compare(auto.embed(pixels), reference)}"
    if auto.precision != "f32":
        f32 = load_embedder(found, "openvino", "f32", throughput=True).embed(pixels)
        text += f"; OpenVINO f32: {compare(f32, reference)}"
    return {"text": text}


def part_decoding(paths: Sequence[str], backbone: str, weights: str | None) -> dict[str, Any]:
    """Compare decoding at the smallest sufficient scale with decoding every pixel and resizing once."""
    import numpy as np
    from PIL import Image, ImageOps

    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder

    def decode_whole(path: str):
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))

    embedder = load_embedder(find_backbone(backbone, weights), precision="f32", throughput=True)
    start = time.perf_counter()
    small = load_all(paths)
    middle = time.perf_counter()
    whole = np.stack([decode_whole(path) for path in paths])
    end = time.perf_counter()
    text = compare(embedder.embed(small), embedder.embed(whole))
    ratio = (end - middle) / (middle - start)
    return {"text": f"{text}; {1e3 * (middle - start) / len(paths):.1f} ms an image, full decoding {ratio:.1f} × that"}


def part_int8(paths: Sequence[str], styles: str) -> dict[str, Any]:
    """Compare f32, bf16 and int8: rate, overlap with f32, and precision at 5 for the article type."""
    import openvino as ov

    from lookalike.index.attributes import TYPE_COLUMN, read_styles
    from lookalike.index.catalogue import product_id
    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder, normalize, pool
    from lookalike.embedding.engines.openvino import supported_precisions

    backbone, pixels = find_backbone("efficientnet-lite0"), load_all(paths)
    table = read_styles(styles)
    types = [table.get(product_id(path), {}).get(TYPE_COLUMN) for path in paths]
    vectors, rates = {}, {}
    for precision in supported_precisions():
        embedder = load_embedder(backbone, "openvino", precision, throughput=True)
        rates[precision], vectors[precision] = time_embedding(embedder.embed, pixels)
    model = quantize(backbone, pixels[:CALIBRATION_IMAGES])
    quantized = ov.Core().compile_model(model, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    rates["int8"], vectors["int8"] = time_embedding(lambda part: normalize(pool(run_all(quantized, part))), pixels)
    lines = []
    for name, found in vectors.items():
        right, queries = count_right(nearest(found), types)
        lines.append(
            f"{name}: {rates[name]:.0f} images/s, against f32 {compare(found, vectors['f32'])}; "
            f"precision at 5 for {TYPE_COLUMN} {right / queries / K:.4f} ({queries} queries)"
        )
    return {"lines": lines}


def quantize(backbone, pixels):
    """Return the converted model in int8, calibrated on the pixels."""
    import nncf
    import openvino as ov

    from lookalike.settings import Settings

    cache: Path = Settings.from_environment().cache
    model = ov.Core().read_model(next(cache.glob(f"*{backbone.manifest_key()}*/model.xml")))
    model.reshape([1, SIDE, SIDE, 3])
    return nncf.quantize(model, nncf.Dataset(list(pixels[:, None])), subset_size=len(pixels))


def run_all(compiled, pixels):
    """Return the feature maps of the pixels, computed with as many requests at once as the machine likes."""
    import numpy as np
    import openvino as ov

    maps = [None] * len(pixels)
    requests = ov.AsyncInferQueue(compiled)
    requests.set_callback(lambda request, place: maps.__setitem__(place, request.get_output_tensor(0).data[0].copy()))
    for place, image in enumerate(pixels):
        requests.start_async([image[None]], userdata=place)
    requests.wait_all()
    return np.stack(maps)


def time_embedding(embed: Callable[[Any], Any], pixels) -> tuple[float, Any]:
    """Return the images a second, and the vectors; the first 16 images are a warm-up."""
    embed(pixels[:16])
    start = time.perf_counter()
    vectors = embed(pixels)
    return len(pixels) / (time.perf_counter() - start), vectors


def count_right(rows, types: Sequence[str | None]) -> tuple[int, int]:
    """Return how many of the matches have their query's type, and how many queries have a type."""
    queries = [place for place, kind in enumerate(types) if kind]
    return sum(types[row] == types[place] for place in queries for row in rows[place]), len(queries)


if __name__ == "__main__":
    harness.run(main, parse_arguments(), engines=part_engines, decoding=part_decoding, int8=part_int8)
