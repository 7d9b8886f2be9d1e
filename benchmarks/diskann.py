"""The recall and speed of DiskANN, built with its authors' library and Milvus' parameters.

No Milvus of the package registries can build a DiskANN index (their libknowhere is compiled without it), so the
algorithm is measured by itself. diskannpy needs an old numpy and so a virtual environment of its own:

python -m venv .venv-diskann && .venv-diskann/bin/pip install diskannpy==0.7.0 pillow pillow-heif
.venv-diskann/bin/python benchmarks/diskann.py --index DIR [--products N] [--work FOLDER]

Without --products, the index's own products are searched in all their spaces, by three rankings. With it, that many
synthetic products around the real ones are searched in fashion and color, as benchmarks/search_at_scale.py does.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import harness
from search_at_scale import SEED, WEIGHTS, K, make_blocks, percentiles

from lookalike.index.reading import Index, load_index
from lookalike.index.vector_search import normalize_weights
from lookalike.milvus.layout import Layout, search_params
from lookalike.milvus.searching import MARGIN
from lookalike.types import Matrix, Vectors

# Milvus' defaults: max_degree, search_list_size, pq_code_budget_gb_ratio.
DEGREE, BUILD_LIST, MEMORY_SHARE = 56, 100, 0.125
BEAM, THREADS = 8, 2
SYNTHETIC_SPACES = ("fashion", "color")
RANKINGS = {"usual": WEIGHTS, "same look": {"look": 1.0}, "same color": {"color": 1.0}}
WARM_UP = 20


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True, help="folder of a real index")
    parser.add_argument("--products", type=int, help="synthetic products around the real ones (default: only the real)")
    parser.add_argument("--queries", type=int, default=200, help="answers counted and timed (default: 200)")
    parser.add_argument("--work", help="folder for the vectors and the index (default: a temporary folder)")
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    if not find_spec("diskannpy"):
        sys.exit("diskannpy is not installed. It needs an environment of its own: see --help.")
    index = load_index(options.index)
    spaces = {name: m for name, m in index.spaces.items() if name in SYNTHETIC_SPACES or not options.products}
    layout = Layout({name: m.shape[1] for name, m in spaces.items()})
    count, kind = options.products or len(index.names), f"synthetic, seed {SEED}" if options.products else "real"
    data = f"{count:,} products, {kind}; {' + '.join(spaces)}: {layout.numbers} numbers"
    harness.print_head(data, f"{WARM_UP} answers first", ("diskannpy", "numpy"))
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        folder = Path(name)
        stored = store(folder / "vectors.bin", index, spaces, layout, options.products)
        seconds = build(folder, stored)
        size = index_gigabytes(folder)
        print(f"built      in {seconds:.0f} s, {size:.2f} GB in addition to {stored.nbytes / 1e9:.2f} GB of vectors")
        queries = make_queries(index, spaces, options)
        for name, weights in RANKINGS.items() if not options.products else [("usual", WEIGHTS)]:
            measure(name, folder, stored, layout.pack_queries(queries, normalize_weights(weights, spaces)))


def store(path: Path, index: Index, spaces: Vectors, layout: Layout, synthetic: int | None) -> Matrix:
    """Write the vectors in DiskANN's format (rows, numbers, float32), packed as Milvus has them; return them mapped."""
    stream = make_blocks(index, spaces, synthetic, SEED) if synthetic else [(index.names, spaces)]
    shape = (synthetic or len(index.names), layout.numbers)
    with open(path, "wb") as file:
        np.array(shape, np.int32).tofile(file)
        for _, vectors in stream:
            layout.pack(vectors).tofile(file)
    return np.memmap(path, np.float32, "r", 8, shape)


def make_queries(index: Index, spaces: Vectors, options: argparse.Namespace) -> Vectors:
    """Return space → float32 (m, d): synthetic queries as for other indexes, or a sample of the products themselves."""
    if options.products:
        return next(make_blocks(index, spaces, options.queries, SEED + 1))[1]
    rows = np.random.default_rng(SEED).choice(len(index.names), options.queries, replace=False)
    return {name: matrix[rows] for name, matrix in spaces.items()}


def build(folder: Path, stored: Matrix) -> float:
    """Build the index in folder, from the vectors stored there, and return the seconds that it took."""
    import diskannpy

    start = time.perf_counter()
    with silence():
        diskannpy.build_disk_index(
            data=str(folder / "vectors.bin"), distance_metric="mips", vector_dtype=np.float32,
            index_directory=str(folder), complexity=BUILD_LIST, graph_degree=DEGREE,
            search_memory_maximum=MEMORY_SHARE * stored.nbytes / 2**30, build_memory_maximum=8, num_threads=THREADS,
        )  # fmt: skip
    return time.perf_counter() - start


def measure(name: str, folder: Path, stored: Matrix, queries: Matrix) -> None:
    """Search, and print the recall and how long an answer took."""
    import diskannpy

    # As the app asks Milvus: find some more than K, then measure those exactly.
    wanted = K + MARGIN
    length = search_params("diskann", wanted)["params"]["search_list"]
    with silence():
        found = diskannpy.StaticDiskIndex(str(folder), num_threads=THREADS, num_nodes_to_cache=0,
                                          distance_metric="mips", vector_dtype=np.float32)  # fmt: skip
    hits, seconds = 0, []
    for place in [*range(WARM_UP), *range(len(queries))]:
        start = time.perf_counter()
        near = found.search(queries[place], wanted, length, BEAM).identifiers.astype(int)
        near = near[np.argsort(-(stored[near] @ queries[place]), kind="stable")[:K]]
        seconds.append(time.perf_counter() - start)
        if len(seconds) > WARM_UP:
            hits += len(set(near) & set(find_exact(stored, queries[place])))
    answers = percentiles(sorted(seconds[WARM_UP:]))
    print(f"{name:11}recall@{K} {hits / (K * len(queries)):.4f}; an answer {answers}", flush=True)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Keep the library's many messages off the screen."""
    sys.stdout.flush()
    kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


def find_exact(stored: Matrix, query: Matrix) -> np.ndarray:
    """Return the rows of the K nearest."""
    return np.argpartition(-(stored @ query), K)[:K]


def index_gigabytes(folder: Path) -> float:
    """Return the size of an index without the vectors that it was built from."""
    return sum(p.stat().st_size for p in folder.iterdir() if p.name != "vectors.bin") / 1e9


if __name__ == "__main__":
    main(parse_arguments())
