"""A catalogue of any size in a real Milvus: how long it takes to publish, to answer, and what each index misses.

tests/scale/run python benchmarks/search_at_scale.py --index DIR [--products N] [--spaces NAME …] [--kinds NAME …]

Its server listens on every interface: tests/scale/run gives it a network of its own. MILVUS_SERVER names its
program (make test-scale installs it), or MILVUS_URI a server that runs, as milvus://HOST:PORT.
"""

import argparse
import gc
import os
import sys
import tempfile
import time
from pathlib import Path

import harness

sys.path.insert(0, str(harness.ROOT / "tests" / "scale"))
LEFT_OUT = "drawing the vectors (timed apart), starting the server; 20 answers before those that count"
NAME, K, BLOCK, SEED = "lookalike_benchmark", 5, 2000, 0
# As long as so much of a vector: copies are neighbors, not the same picture.
NOISE = 0.3
# Of the spaces that are published; normalize_weights of them where some are left out.
WEIGHTS = {"tuned": 0.5, "fashion": 0.45, "look": 0.05, "color": 0.05}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True, help="folder of a real index, around whose products others are drawn")
    parser.add_argument("--products", type=int, default=1_000_000, help="default: 1,000,000")
    parser.add_argument("--spaces", nargs="+", default=["fashion", "color"], help="default: fashion color, 1.2 kB each")
    parser.add_argument("--kinds", nargs="+", default=["flat", "ivf", "hnsw"], help="and diskann where it can be built")
    parser.add_argument("--queries", type=int, default=200, help="answers timed (default: 200)")
    return parser.parse_args()


def main(options):
    from lookalike.index.reading import load_index
    from lookalike.index.vector_search import normalize_weights

    index = load_index(options.index)
    spaces = {name: index.spaces[name] for name in options.spaces}
    weights = normalize_weights(WEIGHTS, spaces)
    numbers = sum(matrix.shape[1] for matrix in spaces.values())
    data = f"{options.products:,} products drawn around {len(index.names):,} real ones, seed {SEED}, noise {NOISE}; "
    harness.print_head(data + f"{' + '.join(spaces)}: {numbers} numbers, {4 * numbers} bytes each", LEFT_OUT)
    print("ranking    " + " + ".join(f"{weight:.2f} {name}" for name, weight in weights.items()))
    print(f"memory     {4 * numbers * options.products / 1e9:.1f} GB of vectors; with all spaces of this index it "
          f"were {4 * sum(index.widths.values()) * options.products / 1e9:.1f} GB", flush=True)  # fmt: skip
    start = time.perf_counter()
    asked = next(blocks(index, spaces, options.queries, SEED + 1))[1]
    best, drawing = exact(blocks(index, spaces, options.products, SEED), asked, weights)
    print(f"drawing    {drawing:.0f} s for all vectors; exact answers found here besides, in "
          f"{time.perf_counter() - start - drawing:.0f} s", flush=True)  # fmt: skip
    with server() as uri:
        for kind in options.kinds:
            measure(kind, f"{uri}/{NAME}", index, spaces, options, asked, weights, best)
    print(f"in all     {time.perf_counter() - start:.0f} s")


def blocks(index, spaces, count, seed):
    """(names, dict from space to float32 (m, d)) block by block: the same ones every time."""
    import numpy as np
    from synthetic_catalogue import _name

    numbers, n = np.random.default_rng(seed), len(index.names)
    for start in range(0, count, BLOCK):
        rows = np.arange(start, min(start + BLOCK, count))
        drawn = {}
        for name, matrix in spaces.items():
            noise = numbers.standard_normal((len(rows), matrix.shape[1]), np.float32)
            vectors = matrix[rows % n] + noise * (NOISE / matrix.shape[1] ** 0.5)
            drawn[name] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        yield [_name(index.names[row % n], row // n) for row in rows], drawn


def exact(stream, asked, weights):
    """The rows int (m, K) of the K nearest, found block by block, and the seconds that drawing took."""
    import numpy as np

    count = len(next(iter(asked.values())))
    best, rows = np.full((count, K), -np.inf, np.float32), np.full((count, K), -1)
    first, drawing, start = 0, 0.0, time.perf_counter()
    for names, vectors in stream:
        drawing += time.perf_counter() - start
        scores = sum(np.float32(w) * (asked[name] @ vectors[name].T) for name, w in weights.items())
        scores = np.concatenate([best, scores], axis=1)
        own = np.concatenate([rows, np.broadcast_to(np.arange(first, first + len(names)), (count, len(names)))], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :K]
        best, rows = np.take_along_axis(scores, order, axis=1), np.take_along_axis(own, order, axis=1)
        first, start = first + len(names), time.perf_counter()
    return rows, drawing


def measure(kind, text, index, spaces, options, asked, weights, best):
    """Publish with one kind of index, search, print, and take it away again."""
    from lookalike.milvus.server import parse_address
    from lookalike.milvus.loading import load_published
    from lookalike.milvus.publishing import Publication, publish

    known = [index.product(row).attributes for row in range(len(index.names))]
    attributes = {Path(n).stem: known[row % len(known)] for row, n in enumerate(names_of(index, options.products))}
    manifest = {**index.manifest, "files": {}}
    publication = Publication(manifest, "/", attributes, None, time.time(), f"{options.products} {options.spaces}")
    start = time.perf_counter()
    try:
        publish(blocks(index, spaces, options.products, SEED), publication, parse_address(text), kind)
    except Exception as error:
        print(f"{kind:11}{error}", flush=True)
        return drop(text)
    published = time.perf_counter() - start
    del attributes, publication
    gc.collect()
    before, start = resident(), time.perf_counter()
    found = load_published(text)
    loaded, held = time.perf_counter() - start, resident() - before
    answers, plain = timed(found, asked, weights, None)
    _, filtered = timed(found, asked, weights, first_words(found))
    hits = sum(len(set(mine) & set(right)) for mine, right in zip(answers, best))
    print(
        f"{kind:11}published in {published:.0f} s ({options.products / published:,.0f} products/s), names and "
        f"attributes read in {loaded:.1f} s ({held:.0f} MB); recall@{K} {hits / best.size:.4f}; an answer "
        f"{milliseconds(plain)}, filtered {milliseconds(filtered)}",
        flush=True,
    )
    drop(text)


def names_of(index, count):
    from synthetic_catalogue import _name

    return (_name(index.names[row % len(index.names)], row // len(index.names)) for row in range(count))


def first_words(found):
    """What is allowed by a filter on the first facet's most frequent word."""
    from lookalike.index.vector_search import RowFilter

    facets = found.facets()
    column = next(iter(facets.words))
    return RowFilter(len(found.names), facets, {column: facets.words[column][:1]}, ())


def timed(found, asked, weights, allowed):
    """The answers, rows (m, K), and the sorted seconds of each, the first twenty left out."""
    searcher, rows, seconds = found.searcher(), [], []
    count = len(next(iter(asked.values())))
    for place in [*range(min(20, count)), *range(count)]:
        query = {name: matrix[place : place + 1] for name, matrix in asked.items()}
        start = time.perf_counter()
        rows.append(searcher.nearest(query, weights, K, allowed)[0][0])
        seconds.append(time.perf_counter() - start)
    return rows[-count:], sorted(seconds[-count:])


def milliseconds(ordered):
    at = [ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1e3 for share in (0.5, 0.95)]
    return f"p50 {at[0]:.1f} ms, p95 {at[1]:.1f} ms"


def drop(text):
    from lookalike.milvus.server import parse_address
    from lookalike.milvus.server import Milvus

    milvus = Milvus(parse_address(text))
    if NAME in milvus.ask("list_aliases")["aliases"]:
        milvus.ask("drop_alias", NAME)
    for collection in milvus.ask("list_collections"):
        if collection.startswith(NAME):
            milvus.ask("drop_collection", collection)


class server:
    """The address of a server: one that runs, or one that is started in a folder of its own and ended again."""

    def __enter__(self):
        from tests.scale.milvus_server import URI, Server

        if os.environ.get(URI):
            return os.environ[URI].rstrip("/")
        self._folder = tempfile.TemporaryDirectory()
        self._server = Server(Path(self._folder.name))
        self._server.start()
        return self._server.uri

    def __exit__(self, *_):
        if hasattr(self, "_server"):
            self._server.kill()
            self._folder.cleanup()


def resident():
    """The memory this process holds, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main(arguments())
