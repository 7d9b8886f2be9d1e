"""What speed costs: vectors in bf16, decoded small, or in int8, against TensorFlow in float32 and full decoding.

python benchmarks/precision.py --images DIR [--fullres DIR] [--int8 N --styles FILE, with nncf==3.4.0]
"""

import argparse
import tempfile
import time

import harness

K = 5


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", help="folder of real images")
    parser.add_argument("--fullres", help="folder of large JPEGs, for the decoding")
    parser.add_argument("--styles", help="styles.csv, for the precision of int8")
    parser.add_argument("--weights", help="ResNet-50's weights (default: made from a seed)")
    parser.add_argument("--count", type=int, default=500, help="images compared (default: 500)")
    parser.add_argument("--int8", type=int, metavar="N", help="quantize the embedded backbone, judge it on N images")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    return parser.parse_args()


def main(options):
    from lookalike.images.discovery import find_images

    paths = evenly([str(path) for path in find_images(options.images)], options.count)
    data = f"{len(paths)} images, taken evenly, of {options.images}; {options.fullres}"
    harness.print_head(data, "rates only: imports, loading, decoding")
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
        paths = evenly([str(path) for path in find_images(options.images)], options.int8)
        found = harness.child(__file__, "int8", paths=paths, styles=options.styles)
        for line in found["lines"]:
            print(f"int8       efficientnet-lite0, {len(paths)} images, {line}")


def evenly(items, count):
    """At most count of the items, from everywhere among them."""
    count = min(count, len(items))
    return [items[place * len(items) // count] for place in range(count)]


def pixels_of(paths):
    import numpy as np

    from lookalike.images.decoding import load_pixels

    return np.stack([load_pixels(path, 224) for path in paths])


def compared(ours, reference):
    """A sentence: cosines of the vectors, row by row, and how much of each image's top 5 is the same."""
    cosines = (ours.astype(float) * reference).sum(axis=1)
    return f"cosine min {cosines.min():.6f}, mean {cosines.mean():.6f}; top-5 overlap {overlap(ours, reference):.4f}"


def overlap(ours, reference):
    return sum(len(set(a) & set(b)) for a, b in zip(nearest(ours), nearest(reference))) / (K * len(ours))


def nearest(vectors):
    """The K nearest others of each vector among all of them, int (n, K)."""
    import numpy as np

    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    return np.argsort(-cosines, axis=1, kind="stable")[:, :K]


def part_engines(paths, backbone, weights):
    """Engine and precision chosen by auto against TensorFlow in float32."""
    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder

    found, pixels = find_backbone(backbone, weights), pixels_of(paths)
    auto = load_embedder(found, throughput=True)
    reference = load_embedder(found, "tensorflow", "f32").embed(pixels)
    text = f"auto ({auto.precision}) against TensorFlow f32: {compared(auto.embed(pixels), reference)}"
    if auto.precision != "f32":
        f32 = load_embedder(found, "openvino", "f32", throughput=True).embed(pixels)
        text += f"; OpenVINO f32: {compared(f32, reference)}"
    return {"text": text}


def part_decoding(paths, backbone, weights):
    """Decoding at the smallest sufficient scale against every pixel of the file, resized in one step."""
    import numpy as np
    from PIL import Image, ImageOps

    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder

    def full(path):
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        return np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR))

    embedder = load_embedder(find_backbone(backbone, weights), precision="f32", throughput=True)
    start = time.perf_counter()
    small = pixels_of(paths)
    middle = time.perf_counter()
    whole = np.stack([full(path) for path in paths])
    end = time.perf_counter()
    text = compared(embedder.embed(small), embedder.embed(whole))
    ratio = (end - middle) / (middle - start)
    return {"text": f"{text}; {1e3 * (middle - start) / len(paths):.1f} ms an image, full decoding {ratio:.1f} × that"}


def part_int8(paths, styles):
    """Rates, overlap with float32 and precision at 5 for articleType of f32, bf16 and int8."""
    import openvino as ov

    from lookalike.index.attributes import read_styles
    from lookalike.index.catalogue import product_id
    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder, normalize, pool
    from lookalike.embedding.engines.openvino import supported_precisions

    backbone, pixels = find_backbone("efficientnet-lite0"), pixels_of(paths)
    table = read_styles(styles)
    kinds = [table.get(product_id(path), {}).get("articleType") for path in paths]
    vectors, rates = {}, {}
    for precision in supported_precisions():
        embedder = load_embedder(backbone, "openvino", precision, throughput=True)
        rates[precision], vectors[precision] = rated(embedder.embed, pixels)
    quantized = ov.Core().compile_model(quantize(backbone, pixels[:300]), "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
    rates["int8"], vectors["int8"] = rated(lambda part: normalize(pool(many(quantized, part))), pixels)
    lines = []
    for name, found in vectors.items():
        right, asked = agreeing(nearest(found), kinds)
        lines.append(
            f"{name}: {rates[name]:.0f} images/s, against f32 {compared(found, vectors['f32'])}; "
            f"precision at 5 for articleType {right / asked / K:.4f} ({asked} queries)"
        )
    return {"lines": lines}


def quantize(backbone, pixels):
    """The converted model in int8, calibrated on pixels."""
    import nncf
    import openvino as ov

    from lookalike.embedding.engines.openvino import default_cache

    file = next(default_cache().glob(f"*{backbone.manifest_key()}*/model.xml"))
    model = ov.Core().read_model(file)
    model.reshape([1, 224, 224, 3])
    return nncf.quantize(model, nncf.Dataset(list(pixels[:, None])), subset_size=len(pixels))


def many(compiled, pixels):
    """The feature maps of pixels, with as many requests at once as the machine likes."""
    import numpy as np
    import openvino as ov

    maps = [None] * len(pixels)
    requests = ov.AsyncInferQueue(compiled)
    requests.set_callback(lambda request, place: maps.__setitem__(place, request.get_output_tensor(0).data[0].copy()))
    for place, image in enumerate(pixels):
        requests.start_async([image[None]], userdata=place)
    requests.wait_all()
    return np.stack(maps)


def rated(embed, pixels):
    """Images a second, and the vectors, of an embed; the first 16 images warm it up."""
    embed(pixels[:16])
    start = time.perf_counter()
    vectors = embed(pixels)
    return len(pixels) / (time.perf_counter() - start), vectors


def agreeing(rows, kinds):
    """How many of the matches have their query's kind, and how many queries have one."""
    asked = [place for place, kind in enumerate(kinds) if kind]
    return sum(kinds[row] == kinds[place] for place in asked for row in rows[place]), len(asked)


if __name__ == "__main__":
    given = arguments()
    if given.part:
        parts = {"engines": part_engines, "decoding": part_decoding, "int8": part_int8}
        harness.answer_parent(parts, given.part)
    else:
        main(given)
