"""A catalogue of any size in a real Milvus: how long publishing and answers take, and what each index misses.

tests/scale/run python benchmarks/search_at_scale.py --index DIR [--products N] [--spaces NAME …] [--kinds NAME …]

The server listens on every interface, so tests/scale/run gives it a network of its own. MILVUS_SERVER names its
program (make test-scale installs it); or MILVUS_URI names a running server, as milvus://HOST:PORT.
"""

import argparse
import contextlib
import gc
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import harness
from synthetic_catalogue import NOISE, copy_name, copy_names

from lookalike.index.catalogue import Catalogue
from lookalike.index.reading import Index, load_index
from lookalike.index.vector_search import RowFilter, normalize_weights
from lookalike.types import Rows, Vectors, Weights

WARM_UP = 20
LEFT_OUT = f"making the vectors (timed apart), starting the server; {WARM_UP} answers before those that count"
NAME, K, BLOCK, SEED = "lookalike_benchmark", 5, 2000, 0
# Of the published spaces; normalized if some are left out.
WEIGHTS = {"tuned": 0.5, "fashion": 0.45, "look": 0.05, "color": 0.05}


@dataclass(frozen=True)
class Task:
    """What every kind of index publishes and answers: count products in spaces, and best, the exact rows (m, K)."""

    index: Index
    spaces: Vectors
    count: int
    queries: Vectors
    weights: Weights
    best: Rows


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True, help="folder of a real index; synthetic products lie around its own")
    parser.add_argument("--products", type=int, default=1_000_000, help="default: 1,000,000")
    parser.add_argument("--spaces", nargs="+", default=["fashion", "color"], help="default: fashion color, 1.2 kB each")
    parser.add_argument("--kinds", nargs="+", default=["flat", "ivf", "hnsw"], help="and diskann where it can be built")
    parser.add_argument("--queries", type=int, default=200, help="answers timed (default: 200)")
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    index, count = load_index(options.index), options.products
    spaces = {name: index.spaces[name] for name in options.spaces}
    weights = normalize_weights(WEIGHTS, spaces)
    numbers, every = sum(matrix.shape[1] for matrix in spaces.values()), sum(index.widths.values())
    data = f"{count:,} synthetic products around {len(index.names):,} real ones, seed {SEED}, noise {NOISE}; "
    harness.print_head(data + f"{' + '.join(spaces)}: {numbers} numbers, {4 * numbers} bytes each", LEFT_OUT)
    print("ranking    " + " + ".join(f"{weight:.2f} {name}" for name, weight in weights.items()))
    gigabytes, of_every = (4 * each * count / 1e9 for each in (numbers, every))
    print(f"memory     {gigabytes:.1f} GB of vectors; {of_every:.1f} GB with all spaces of this index", flush=True)
    start = time.perf_counter()
    queries = next(make_blocks(index, spaces, options.queries, SEED + 1))[1]
    best, making = find_exact(make_blocks(index, spaces, count, SEED), queries, weights)
    finding = time.perf_counter() - start - making
    print(f"vectors    made in {making:.0f} s; the exact answers found here in {finding:.0f} s more", flush=True)
    task = Task(index, spaces, count, queries, weights, best)
    with running_server() as uri:
        for kind in options.kinds:
            measure(kind, f"{uri}/{NAME}", task)
    print(f"total      {time.perf_counter() - start:.0f} s")


def make_blocks(index: Index, spaces: Vectors, count: int, seed: int) -> Iterator[tuple[list[str], Vectors]]:
    """Yield (names, space → float32 (m, d)) in blocks, the same at every call: the real products with noise."""
    rng, n = np.random.default_rng(seed), len(index.names)
    for start in range(0, count, BLOCK):
        rows = np.arange(start, min(start + BLOCK, count))
        block = {}
        for name, matrix in spaces.items():
            noise = rng.standard_normal((len(rows), matrix.shape[1]), np.float32)
            vectors = matrix[rows % n] + noise * (NOISE / matrix.shape[1] ** 0.5)
            block[name] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        yield [copy_name(index.names[row % n], row // n) for row in rows], block


def find_exact(
    blocks: Iterable[tuple[Sequence[str], Vectors]], queries: Vectors, weights: Weights
) -> tuple[Rows, float]:
    """Return the rows, int (m, K), of the K nearest, found block by block, and the seconds spent making the blocks."""
    count = len(next(iter(queries.values())))
    best, rows = np.full((count, K), -np.inf, np.float32), np.full((count, K), -1)
    first, making, start = 0, 0.0, time.perf_counter()
    for names, vectors in blocks:
        making += time.perf_counter() - start
        scores = sum(np.float32(w) * (queries[name] @ vectors[name].T) for name, w in weights.items())
        scores = np.concatenate([best, scores], axis=1)
        own = np.concatenate([rows, np.broadcast_to(np.arange(first, first + len(names)), (count, len(names)))], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :K]
        best, rows = np.take_along_axis(scores, order, axis=1), np.take_along_axis(own, order, axis=1)
        first, start = first + len(names), time.perf_counter()
    return rows, making


def measure(kind: str, address: str, task: Task) -> None:
    """Publish with one kind of index, search, print, and drop what was published."""
    from lookalike.milvus.loading import load_published
    from lookalike.milvus.publishing import Publication, publish
    from lookalike.milvus.server import parse_address

    known = [task.index.product(row).attributes for row in range(len(task.index.names))]
    names = copy_names(task.index, task.count)
    attributes = {Path(name).stem: known[row % len(known)] for row, name in enumerate(names)}
    manifest = {**task.index.manifest, "files": {}}
    publication = Publication(manifest, "/", attributes, None, time.time(), f"{task.count} {list(task.spaces)}")
    start = time.perf_counter()
    try:
        publish(make_blocks(task.index, task.spaces, task.count, SEED), publication, parse_address(address), kind)
    except Exception as error:
        print(f"{kind:11}{error}", flush=True)
        return drop(address)
    published = time.perf_counter() - start
    del attributes, publication
    gc.collect()
    before, start = resident_megabytes(), time.perf_counter()
    found = load_published(address)
    loaded, held = time.perf_counter() - start, resident_megabytes() - before
    answers, plain = time_answers(found, task, None)
    _, filtered = time_answers(found, task, filter_first_facet(found))
    hits = sum(len(set(mine) & set(right)) for mine, right in zip(answers, task.best))
    print(
        f"{kind:11}published in {published:.0f} s ({task.count / published:,.0f} products/s), names and attributes "
        f"read in {loaded:.1f} s ({held:.0f} MB); recall@{K} {hits / task.best.size:.4f}; an answer "
        f"{percentiles(plain)}, filtered {percentiles(filtered)}",
        flush=True,
    )
    return drop(address)


def filter_first_facet(found: Catalogue) -> RowFilter:
    """Return a filter on the most frequent word of the first facet."""
    facets = found.facets()
    column = next(iter(facets.words))
    return RowFilter(len(found.names), facets, {column: facets.words[column][:1]}, ())


def time_answers(found: Catalogue, task: Task, allowed: RowFilter | None) -> tuple[list[Rows], list[float]]:
    """Return the answers, rows (m, K), and the sorted seconds of each, after a warm-up."""
    searcher, rows, seconds = found.searcher(), [], []
    count = len(task.best)
    for place in [*range(min(WARM_UP, count)), *range(count)]:
        query = {name: matrix[place : place + 1] for name, matrix in task.queries.items()}
        start = time.perf_counter()
        rows.append(searcher.nearest(query, task.weights, K, allowed)[0][0])
        seconds.append(time.perf_counter() - start)
    return rows[-count:], sorted(seconds[-count:])


def percentiles(ordered: Sequence[float]) -> str:
    """Return the median and the 95th percentile of sorted seconds as text."""
    p50, p95 = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3 for share in (0.5, 0.95))
    return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms"


def drop(address: str) -> None:
    """Drop everything that this benchmark published."""
    from lookalike.milvus.server import Milvus, parse_address

    milvus = Milvus(parse_address(address))
    if NAME in milvus.call("list_aliases")["aliases"]:
        milvus.call("drop_alias", NAME)
    for collection in milvus.call("list_collections"):
        if collection.startswith(NAME):
            milvus.call("drop_collection", collection)


@contextlib.contextmanager
def running_server() -> Iterator[str]:
    """Yield the address of the running server that MILVUS_URI names, or of one that runs within the block."""
    from tests.scale.milvus_server import URI, Server

    if os.environ.get(URI):
        yield os.environ[URI].rstrip("/")
        return
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        server.start()
        try:
            yield server.uri
        finally:
            server.kill()


def resident_megabytes() -> float:
    """Return the memory that this process holds, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main(parse_arguments())
