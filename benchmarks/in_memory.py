"""An index in memory at any size: its load, its search with sketches and without, and what the pages ask of it.

python benchmarks/in_memory.py --index DIR [--photos DIR] [--products N …]
python benchmarks/in_memory.py --index DIR --everything

--products times the search over synthetic catalogues around the index; --everything times all that the pages and the
terminal ask of the index itself, once each and again.
"""

import harness
import lookalike.cli  # noqa: F401  As in the app: sets, before numpy is imported, how long BLAS's threads spin.

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
from synthetic_catalogue import enlarge

from lookalike.index import sketch
from lookalike.index.reading import Index, load_index
from lookalike.index.vector_search import InMemorySearcher
from lookalike.search.ranking_rule import default_rule
from lookalike.types import Vectors

LEFT_OUT = "loading the networks; searches are in processor time, the best of three, old and new in turn"
K, TIMES, QUERIES, SEED = 20, 3, 60, 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True, help="folder of an index")
    parser.add_argument("--photos", help="folder of photos that ask (default: products with noise)")
    parser.add_argument("--products", type=int, nargs="*", default=[], help="sizes of synthetic catalogues around it")
    parser.add_argument("--look-width", type=int, help="random looks so wide instead of the index's own")
    parser.add_argument("--everything", action="store_true", help="time all that the pages ask of the index itself")
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    harness.print_head(f"{options.index}; {options.photos or 'products with noise'} ask", LEFT_OUT)
    with timed("load"):
        index = load_index(options.index)
    print(f"memory     {resident():.0f} MB held, {harness.peak_megabytes():.0f} MB at the peak", flush=True)
    if options.everything:
        time_everything(index, questions(index, options.photos))
    for count in options.products:
        larger = enlarge(index, count, options.look_width) if count != len(index.names) else index
        time_search(larger, questions(larger, options.photos))


def time_search(index: Index, queries: list[Vectors]) -> None:
    """Print how long the first stage of the default ranking takes with sketches and without, and compare answers."""
    weights = default_rule(index.widths, len(index.names)).weights
    spaces = {name: index.spaces[name] for name in weights}
    with_sketches, without = InMemorySearcher(spaces), InMemorySearcher(spaces)
    start = time.perf_counter()
    with_sketches.nearest(queries[0], weights, K)
    prepared = time.perf_counter() - start
    with mock.patch.object(sketch, "MIN_ROWS", len(index.names) + 1):
        without.nearest(queries[0], weights, K)
    found = {name: space.sketch() for name, space in with_sketches._spaces.items()}
    numbers = sum(one.rows.shape[1] for one in found.values() if one)
    times: dict[str, list[float]] = {"new": [], "old": []}
    same = True
    for query in queries:
        answers = {}
        for name, searcher in (("new", with_sketches), ("old", without)):
            answers[name], seconds = best_of(partial(searcher.nearest, query, weights, K))
            times[name].append(seconds)
        same &= all(np.array_equal(new, old) for new, old in zip(answers["new"], answers["old"], strict=True))
    text = "; ".join(f"{name} {spread(seconds)}" for name, seconds in times.items())
    ratio = statistics.median(times["old"]) / statistics.median(times["new"])
    verdict = "the same neighbors, distances and order" if same else "NOT THE SAME"
    print(
        f"search     {len(index.names):,} products, {' + '.join(weights)}: {text}; ratio {ratio:.1f}; {verdict}; "
        f"sketches of {numbers} numbers a product made in {prepared:.1f} s",
        flush=True,
    )


def time_everything(index: Index, queries: list[Vectors]) -> None:
    """Print how long each thing takes that the pages and the terminal ask of an index: the first time and again."""
    from lookalike.analysis import audit, catalogue_map, overview
    from lookalike.search.closeness import Closeness
    from lookalike.search.recommender import Ranking
    from lookalike.search.word_ranking import WordRanking

    ranking = Ranking(index)
    step("first answer", lambda: ranking.distinct_matches(queries[0]))
    step("five matches", lambda: ranking.distinct_matches(queries[1]))
    step("facets", lambda: ranking.facets)
    column = next(iter(ranking.facets.words))
    filters = {column: ranking.facets.words[column][:1]}
    step("five matches, filtered", lambda: ranking.distinct_matches(queries[1], filters=filters))
    step("counts of all filters", lambda: ranking.facets.counts(filters))
    step("a product by its id", lambda: ranking.row(ranking.index.product(5).id))
    made: list[WordRanking] = []
    step("words' index", lambda: made.append(WordRanking(index)), again=False)
    step("words", lambda: made[0].find("red dress for women"))
    step("overview", lambda: overview.summarize_index(index), again=False)
    samples: list[Index] = []
    step("sample of 20,000", lambda: samples.append(index.sample(20_000)))
    step("map of the sample", lambda: catalogue_map.place_products(samples[0]), again=False)
    step("duplicates in the sample", lambda: audit.find_duplicates(samples[0]), again=False)
    step("neighbors in the sample", lambda: audit.nearest_products(samples[0]), again=False)
    step("closeness", lambda: Closeness(index), again=False)
    print(f"memory     {resident():.0f} MB held, {harness.peak_megabytes():.0f} MB at the peak", flush=True)


def questions(index: Index, photos: str | None) -> list[Vectors]:
    """Return the vectors of photos, or of products with noise, space → (1, d) each."""
    if not photos:
        rng = np.random.default_rng(SEED)
        rows = rng.integers(0, len(index.names), QUERIES)
        return [{name: noisy(matrix[row : row + 1], rng) for name, matrix in index.spaces.items()} for row in rows]
    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder
    from lookalike.images.decoding import load_prepared

    embedder = load_embedder(find_backbone(index.manifest["backbone"]))
    found = []
    for path in sorted(path for path in Path(photos).rglob("*") if path.is_file())[::5][:QUERIES]:
        pixels, aspect = load_prepared(path, embedder.size)
        vectors = dict(index.with_tuned(embedder.vectors(pixels[None], [aspect])))
        vectors["look"] = fitted(vectors["look"], index.widths["look"])
        found.append(vectors)
    return found


def fitted(look: np.ndarray, width: int) -> np.ndarray:
    """Return a look of so many numbers: its first ones, normalized."""
    return look[:, :width] / np.linalg.norm(look[:, :width], axis=1, keepdims=True)


def noisy(vector: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_normal(vector.shape, np.float32) * np.float32(0.3 / vector.shape[1] ** 0.5)
    return (vector + noise) / np.linalg.norm(vector + noise)


def best_of(call: Callable[[], tuple]) -> tuple[tuple, float]:
    seconds = []
    for _ in range(TIMES):
        start = time.process_time()
        answer = call()
        seconds.append(time.process_time() - start)
    return answer, min(seconds)


def spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:.2f} ms (p90 {np.quantile(seconds, 0.9) * 1e3:.2f})"


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print the seconds, and the processor's seconds, that a block takes."""
    start, worked = time.perf_counter(), time.process_time()
    yield
    print(f"{what:24} {time.perf_counter() - start:8.3f} s, processor {time.process_time() - worked:.3f} s", flush=True)


def step(what: str, call: Callable[[], object], again: bool = True) -> None:
    with timed(what):
        call()
    if again:
        with timed("  again"):
            call()


def resident() -> float:
    """Return the memory that this process holds, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


if __name__ == "__main__":
    main(parse_arguments())
