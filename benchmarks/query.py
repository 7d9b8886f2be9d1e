"""How fast a query is answered: a cold start, a warm server, and the search alone against scikit-learn.

python benchmarks/query.py --photo FILE [--index DIR] [--products N …] [--weights FILE]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import harness

LEFT_OUT = (
    "warm: imports, loading, one warm-up answer; cold: only that the file cache is warm and the converted model is "
    "already cached"
)
K = 5
COLD_STARTS = 5


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", help="photo to query with (default: a synthetic one of 1800 × 2400)")
    parser.add_argument("--index", help="folder of an index, for the cold start and, enlarged, the warm server")
    parser.add_argument("--products", type=int, nargs="*", default=[44_441, 500_000], help="sizes of the search")
    parser.add_argument("--weights", help="ResNet-50's weights (default: made from a seed)")
    parser.add_argument("--times", type=int, default=30, help="answers timed (default: 30)")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    harness.print_head("products are random unit vectors of 2048 numbers, seed 0", LEFT_OUT)
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(options.photo) if options.photo else save_synthetic_photo(Path(folder, "photo.jpg"))
        if options.index:
            measure_cold(photo, options.index)
        if options.products:
            weights = options.weights or str(harness.seeded_weights(folder))
            measure_warm(photo, weights, options.products[0], options.times, options.index)
    for count in options.products:
        side = harness.child(__file__, "search", count=count, times=options.times)
        print(
            f"search     {count} × 2048: ours {milliseconds(side['ours'])}, NearestNeighbors "
            f"{milliseconds(side['neighbors'])}, ratio {side['neighbors'][0] / side['ours'][0]:.2f}; "
            f"a bare float32 product {milliseconds(side['product'])}; {side['equal']}; {harness.conditions(side)}"
        )


def measure_cold(photo: Path, index: str) -> None:
    """Measure from the start of the process to printed matches."""
    command = [sys.executable, "-m", "lookalike", "similar", str(photo.resolve()), "--index"]
    command.append(str(Path(index).resolve()))
    seconds = []
    for _ in range(COLD_STARTS):
        start = time.perf_counter()
        subprocess.run(command, cwd=harness.ROOT, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    times = milliseconds(median_and_p90(seconds))
    print(f"cold       {index}: {times} from process start to printed matches, {COLD_STARTS} starts")


def measure_warm(photo: Path, weights: str, count: int, times: int, index: str | None) -> None:
    side = harness.child(__file__, "warm", photo=str(photo), weights=weights, count=count, times=times, index=index)
    parts = ", ".join(f"{name} {milliseconds(side[name])}" for name in ("decode", "vectors", "search"))
    print(
        f"warm       {side['pixels']}, {count} × 2048, resnet50 in {side['precision']}, ranked by {side['ranking']}: "
        f"{milliseconds(side['answer'])} to {K} matches; by itself: {parts}; {harness.conditions(side)}",
        flush=True,
    )


def save_synthetic_photo(path: Path) -> Path:
    """Save a JPEG of 1800 × 2400, as smooth and as noisy as a photo: about a megabyte."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (12, 9, 3), dtype=np.uint8)).resize((1800, 2400))
    noisy = np.asarray(smooth) + rng.normal(0, 6, (2400, 1800, 3))
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return path


def milliseconds(spread: Sequence[float]) -> str:
    """Return a median and a 90th percentile, in seconds, as text."""
    return f"{spread[0] * 1e3:.1f} ms (p90 {spread[1] * 1e3:.1f})"


def median_and_p90(seconds: Sequence[float]) -> tuple[float, float]:
    ordered = sorted(seconds)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]


def time_calls(call: Callable[[], object], times: int) -> tuple[float, float]:
    """Return the median and the 90th percentile of the seconds that a call takes, after one that does not count."""
    call()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return median_and_p90(seconds)


def random_index(count: int):
    """Return an Index of count random unit vectors, made in blocks so that no second copy is held."""
    import numpy as np

    from lookalike.index.reading import Index

    rng = np.random.default_rng(0)
    look = np.empty((count, 2048), np.float32)
    for start in range(0, count, 4096):
        block = look[start : start + 4096]
        block[:] = rng.standard_normal(block.shape, np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return Index(Path("."), tuple(f"{row}.jpg" for row in range(count)), {"look": look}, {}, {})


def part_warm(photo: str, weights: str, count: int, times: int, index: str | None) -> dict[str, Any]:
    import lookalike.cli  # noqa: F401  As in the app: sets, before numpy is imported, how long BLAS's threads spin.

    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder
    from lookalike.images.decoding import load_prepared
    from lookalike.index.reading import load_index
    from lookalike.search.recommender import Recommender
    from PIL import Image
    from synthetic_catalogue import enlarge

    embedder = load_embedder(find_backbone("resnet50", weights))
    # The default ranking over a real catalogue's other spaces; without one, look alone over random vectors.
    recommender = Recommender(enlarge(load_index(index), count, 2048) if index else random_index(count), embedder)
    pixels, aspect = load_prepared(photo, embedder.size)
    vectors = recommender.index.with_tuned(embedder.vectors(pixels[None], [aspect]))
    return {
        "pixels": "{} × {}".format(*Image.open(photo).size),
        "precision": embedder.precision,
        "ranking": str(recommender.rule),
        "answer": time_calls(lambda: recommender.similar(photo, K), times),
        "decode": time_calls(lambda: load_prepared(photo, embedder.size), times),
        "vectors": time_calls(lambda: embedder.vectors(pixels[None], [aspect]), times),
        "search": time_calls(lambda: recommender.nearest(vectors, K), times),
    }


def part_search(count: int, times: int) -> dict[str, Any]:
    """Time our search, scikit-learn's and the bare product of the same query, and compare the answers."""
    import numpy as np
    from sklearn.neighbors import NearestNeighbors

    from lookalike.search.recommender import Ranking

    index = random_index(count)
    ranking = Ranking(index)
    neighbors = NearestNeighbors(n_neighbors=K, algorithm="brute", metric="euclidean").fit(index.look)
    query = index.look[123:124] + np.float32(0.01) * index.look[7:8]
    query /= np.linalg.norm(query)
    rows, distances = ranking.nearest({"look": query}, K)
    expected, places = neighbors.kneighbors(query)
    same = bool((rows == places).all() and np.allclose(distances, expected, atol=1e-6))
    return {
        "equal": "the same neighbors and distances" if same else "NOT THE SAME NEIGHBORS",
        "ours": time_calls(lambda: ranking.nearest({"look": query}, K), times),
        "neighbors": time_calls(lambda: neighbors.kneighbors(query), times),
        "product": time_calls(lambda: index.look @ query[0], times),
    }


if __name__ == "__main__":
    harness.run(main, parse_arguments(), warm=part_warm, search=part_search)
