"""How soon an answer is there: a cold start, a warm server, and the search alone against scikit-learn.

python benchmarks/query.py --photo FILE [--index DIR] [--products N …] [--weights FILE]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harness

LEFT_OUT = (
    "warm: imports, loading, one warm-up answer; cold: nothing but the file cache, which is warm, and the "
    "conversion of the model, which is cached"
)
K = 5


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", help="a photo to ask with (default: a drawn one of 1800 × 2400)")
    parser.add_argument("--index", help="folder of an index, for the cold start and, grown, the warm server")
    parser.add_argument("--products", type=int, nargs="*", default=[44_441, 500_000], help="sizes of the search")
    parser.add_argument("--weights", help="ResNet-50's weights (default: made from a seed)")
    parser.add_argument("--times", type=int, default=30, help="answers timed (default: 30)")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    return parser.parse_args()


def main(options):
    harness.print_head("products are random unit vectors of 2048 numbers, seed 0", LEFT_OUT)
    with tempfile.TemporaryDirectory() as folder:
        photo = options.photo or drawn_photo(Path(folder, "photo.jpg"))
        if options.index:
            cold(photo, options.index)
        weights = options.weights or str(harness.seeded_weights(folder))
        if options.products:
            warm(photo, weights, options.products[0], options.times, options.index)
    for count in options.products:
        side = harness.child(__file__, "search", count=count, times=options.times)
        print(
            f"search     {count} × 2048: ours {milliseconds(side['ours'])}, NearestNeighbors "
            f"{milliseconds(side['neighbors'])}, ratio {side['neighbors'][0] / side['ours'][0]:.2f}; "
            f"a bare float32 product {milliseconds(side['product'])}; {side['equal']}; {harness.footing(side)}"
        )


def cold(photo, index, times=5):
    """From the start of the process to printed matches."""
    command = [sys.executable, "-m", "lookalike", "similar", str(Path(photo).resolve()), "--index"]
    command.append(str(Path(index).resolve()))
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run(command, cwd=harness.ROOT, check=True, capture_output=True)  # noqa: S603
        seconds.append(time.perf_counter() - start)
    print(f"cold       {index}: {milliseconds(spread(seconds))} from process start to printed matches, {times} starts")


def warm(photo, weights, count, times, index):
    side = harness.child(__file__, "warm", photo=str(photo), weights=weights, count=count, times=times, index=index)
    parts = ", ".join(f"{name} {milliseconds(side[name])}" for name in ("decode", "vectors", "search"))
    print(
        f"warm       {side['pixels']}, {count} × 2048, resnet50 in {side['precision']}, ranked by {side['ranking']}: "
        f"{milliseconds(side['answer'])} to {K} matches; by itself: {parts}; {harness.footing(side)}",
        flush=True,
    )


def drawn_photo(path):
    """A JPEG of 1800 × 2400 as smooth and as noisy as a photo: about a megabyte."""
    import numpy as np
    from PIL import Image

    numbers = np.random.default_rng(0)
    smooth = Image.fromarray(numbers.integers(0, 256, (12, 9, 3), dtype=np.uint8)).resize((1800, 2400))
    noisy = np.asarray(smooth) + numbers.normal(0, 6, (2400, 1800, 3))
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return path


def milliseconds(spread_):
    """Median and 90th percentile for people."""
    return f"{spread_[0] * 1e3:.1f} ms (p90 {spread_[1] * 1e3:.1f})"


def spread(seconds):
    """The median and the 90th percentile."""
    ordered = sorted(seconds)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]


def timed(call, times):
    """The spread of the seconds that call takes, after one that does not count."""
    call()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return spread(seconds)


def random_index(count):
    """An Index of count random unit vectors, made block by block so that no second copy is held."""
    import numpy as np

    from lookalike.index.reading import Index

    numbers = np.random.default_rng(0)
    look = np.empty((count, 2048), np.float32)
    for start in range(0, count, 4096):
        block = look[start : start + 4096]
        block[:] = numbers.standard_normal(block.shape, np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return Index(Path("."), tuple(f"{row}.jpg" for row in range(count)), {"look": look}, {}, {})


def part_warm(photo, weights, count, times, index):
    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder
    from lookalike.images.decoding import load_prepared
    from lookalike.index.reading import load_index
    from lookalike.search.recommender import Recommender

    # After lookalike, as in the app: who imports numpy first sets how long BLAS's threads stay awake.
    from synthetic_catalogue import grown
    from PIL import Image

    embedder = load_embedder(find_backbone("resnet50", weights))
    # The default ranking over a real catalogue's other spaces; without one, look alone over random vectors.
    recommender = Recommender(grown(load_index(index), count, 2048) if index else random_index(count), embedder)
    pixels, aspect = load_prepared(photo, embedder.size)
    vectors = recommender.index.with_tuned(embedder.vectors(pixels[None], [aspect]))
    return {
        "pixels": "{} × {}".format(*Image.open(photo).size),
        "precision": embedder.precision,
        "ranking": " + ".join(f"{weight:.2f} {name}" for name, weight in recommender.weights.items()),
        "answer": timed(lambda: recommender.similar(photo, K), times),
        "decode": timed(lambda: load_prepared(photo, embedder.size), times),
        "vectors": timed(lambda: embedder.vectors(pixels[None], [aspect]), times),
        "search": timed(lambda: recommender.nearest(vectors, K), times),
    }


def part_search(count, times):
    """Our search, scikit-learn's and the bare product of the same query, and whether the answers agree."""
    import numpy as np
    from sklearn.neighbors import NearestNeighbors

    from lookalike.search.recommender import Recommender

    index = random_index(count)
    recommender = Recommender(index, None)
    neighbors = NearestNeighbors(n_neighbors=K, algorithm="brute", metric="euclidean").fit(index.look)
    query = index.look[123:124] + np.float32(0.01) * index.look[7:8]
    query /= np.linalg.norm(query)
    rows, distances = recommender.nearest({"look": query}, K)
    expected, places = neighbors.kneighbors(query)
    same = bool((rows == places).all() and np.allclose(distances, expected, atol=1e-6))
    return {
        "equal": "the same neighbors and distances" if same else "NOT THE SAME NEIGHBORS",
        "ours": timed(lambda: recommender.nearest({"look": query}, K), times),
        "neighbors": timed(lambda: neighbors.kneighbors(query), times),
        "product": timed(lambda: index.look @ query[0], times),
    }


if __name__ == "__main__":
    given = arguments()
    if given.part:
        harness.answer_parent({"warm": part_warm, "search": part_search}, given.part)
    else:
        main(given)
