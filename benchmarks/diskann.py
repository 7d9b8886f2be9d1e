"""What a DiskANN index misses: built with its authors' library and the parameters of Milvus.

No Milvus of the package registries can build one (their libknowhere is compiled without it), so the algorithm is
measured by itself. diskannpy wants an old numpy and so a virtual environment of its own:

python -m venv .venv-diskann && .venv-diskann/bin/pip install diskannpy==0.7.0 pillow pillow-heif
.venv-diskann/bin/python benchmarks/diskann.py --index DIR [--products N] [--work FOLDER]

Without --products the index's own products are searched in all their spaces, by three rankings; with it, so many drawn
around them, in fashion and color, as benchmarks/search_at_scale.py does.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import harness
from search_at_scale import SEED, WEIGHTS, K, blocks, milliseconds

# Milvus' defaults: max_degree, search_list_size, pq_code_budget_gb_ratio.
DEGREE, BUILD_LIST, HELD = 56, 100, 0.125
BEAM, THREADS = 8, 2
DRAWN_SPACES = ("fashion", "color")
RANKINGS = {"usual": WEIGHTS, "same look": {"look": 1.0}, "same color": {"color": 1.0}}
WARM_UP = 20


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True, help="folder of a real index")
    parser.add_argument("--products", type=int, help="so many, drawn around the real ones; default: those themselves")
    parser.add_argument("--queries", type=int, default=200, help="answers counted and timed (default: 200)")
    parser.add_argument("--work", help="where the vectors and the index lie; default: a temporary folder")
    return parser.parse_args()


def main(options):
    from lookalike.index.reading import load_index
    from lookalike.milvus.layout import Layout
    from lookalike.index.vector_search import normalize_weights

    index = load_index(options.index)
    spaces = {name: m for name, m in index.spaces.items() if name in DRAWN_SPACES or not options.products}
    layout = Layout({name: m.shape[1] for name, m in spaces.items()})
    count = options.products or len(index.names)
    data = f"{count:,} products, {f'drawn, seed {SEED}' if options.products else 'real'}; {' + '.join(spaces)}: "
    harness.print_head(data + f"{layout.numbers} numbers", f"{WARM_UP} answers first", ("diskannpy", "numpy"))
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        stored = store(Path(folder) / "vectors.bin", index, spaces, layout, options.products)
        seconds = build(folder, stored)
        print(f"built      in {seconds:.0f} s, {weight(folder):.2f} GB beside {stored.nbytes / 1e9:.2f} GB of vectors")
        asked = queries(index, spaces, options)
        for name, weights in RANKINGS.items() if not options.products else [("usual", WEIGHTS)]:
            measure(name, folder, stored, layout.queries(asked, normalize_weights(weights, spaces)))


def store(path, index, spaces, layout, drawn):
    """Write the vectors as DiskANN reads them (rows, numbers, float32) and as Milvus has them; return them mapped."""
    stream = blocks(index, spaces, drawn, SEED) if drawn else [(index.names, spaces)]
    with open(path, "wb") as file:
        np.array([drawn or len(index.names), layout.numbers], np.int32).tofile(file)
        for _, vectors in stream:
            layout.packed(vectors).tofile(file)
    return np.memmap(path, np.float32, "r", 8, (drawn or len(index.names), layout.numbers))


def queries(index, spaces, options):
    """A dict from space to float32 (m, d): drawn ones as for other indexes, or so many of the products themselves."""
    if options.products:
        return next(blocks(index, spaces, options.queries, SEED + 1))[1]
    rows = np.random.default_rng(SEED).choice(len(index.names), options.queries, replace=False)
    return {name: matrix[rows] for name, matrix in spaces.items()}


def build(folder, stored):
    """Build the index in folder, from the vectors stored there; return the seconds it took."""
    import diskannpy

    start = time.perf_counter()
    with quiet():
        diskannpy.build_disk_index(
            data=str(Path(folder) / "vectors.bin"), distance_metric="mips", vector_dtype=np.float32,
            index_directory=folder, complexity=BUILD_LIST, graph_degree=DEGREE,
            search_memory_maximum=HELD * stored.nbytes / 2**30, build_memory_maximum=8, num_threads=THREADS,
        )  # fmt: skip
    return time.perf_counter() - start


def measure(name, folder, stored, asked):
    """Search, and print what was missed and how long an answer took."""
    import diskannpy

    from lookalike.milvus.layout import search_params
    from lookalike.milvus.searching import MARGIN

    # As the app asks Milvus: some more than K are found, and then measured exactly.
    wanted = K + MARGIN
    length = search_params("diskann", wanted)["params"]["search_list"]
    with quiet():
        found = diskannpy.StaticDiskIndex(folder, num_threads=THREADS, num_nodes_to_cache=0, distance_metric="mips",
                                          vector_dtype=np.float32)  # fmt: skip
    hits, seconds = 0, []
    for place in [*range(WARM_UP), *range(len(asked))]:
        start = time.perf_counter()
        near = found.search(asked[place], wanted, length, BEAM).identifiers.astype(int)
        near = near[np.argsort(-(stored[near] @ asked[place]), kind="stable")[:K]]
        seconds.append(time.perf_counter() - start)
        hits += len(seconds) > WARM_UP and len(set(near) & set(exact(stored, asked[place])))
    answers = milliseconds(sorted(seconds[WARM_UP:]))
    print(f"{name:11}recall@{K} {hits / (K * len(asked)):.4f}; an answer {answers}", flush=True)


@contextlib.contextmanager
def quiet():
    """Keep the library, which tells all it does, from writing to the screen."""
    sys.stdout.flush()
    kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


def exact(stored, query):
    """The rows of the K nearest."""
    return np.argpartition(-(stored @ query), K)[:K]


def weight(folder):
    """Gigabytes of an index, without the vectors it was built from."""
    return sum(p.stat().st_size for p in Path(folder).iterdir() if p.name != "vectors.bin") / 1e9


if __name__ == "__main__":
    main(arguments())
