"""The short benchmarks, under three minutes: three ratios over the demo catalogue, compared with the committed ones.

python benchmarks/short.py [--renew] [--rounds N]

answer: plain Pillow, the same networks and scikit-learn's neighbors, against a photo's answer here; search:
scikit-learn's neighbors against the search here; indexing: its rate against that of the networks alone. Higher is
better. Both sides of each run one after the other in every round, and the median of the rounds counts. The exit code is
1 if a ratio is a fifth below the one in ratios.json, or more. --renew writes the ratios measured into that file.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import harness
import indexing
import query

RATIOS = Path(__file__).with_name("ratios.json")
IMAGES = harness.ROOT / "images"
# How much of a committed ratio may be lost.
MAX_LOSS = 0.2
PRODUCTS, ANSWERS, INDEXED = 20_000, 15, 64
LEFT_OUT = "imports, loading, one warm-up of each side; the plain side's networks are the ones used here"


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renew", action="store_true", help="write the ratios into ratios.json")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default: 3)")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    return parser.parse_args()


def main(options: argparse.Namespace) -> int:
    harness.print_head(f"{IMAGES}, enlarged to {PRODUCTS} products for the answer and the search", LEFT_OUT)
    rounds = [measure_round() for _ in range(options.rounds)]
    measured = {name: round(statistics.median(one[name] for one in rounds), 3) for name in rounds[0]}
    if options.renew:
        RATIOS.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
        print(f"written    {RATIOS}")
        return 0
    return compare(measured)


def compare(measured: Mapping[str, float]) -> int:
    """Print each ratio beside the committed one, and what fell; return the exit code."""
    committed = json.loads(RATIOS.read_text(encoding="utf-8"))
    for name, ratio in measured.items():
        print(f"{name:10s} {ratio:.2f}, committed {committed.get(name, float('nan')):.2f}")
    problems = find_fallen(measured, committed)
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    return 1 if problems else 0


def find_fallen(measured: Mapping[str, float], committed: Mapping[str, float]) -> list[str]:
    """Return a sentence for each committed ratio that fell by MAX_LOSS or more, or was not measured."""
    problems = []
    for name, before in committed.items():
        now = measured.get(name)
        if now is None:
            problems.append(f"{name} is in {RATIOS.name} and was not measured. Run: python benchmarks/short.py --renew")
        elif now <= before * (1 - MAX_LOSS):
            problems.append(
                f"{name} fell from {before:.2f} to {now:.2f}, by {1 - now / before:.0%}; less than {MAX_LOSS:.0%} is "
                "allowed. Run it again on an idle machine; if it stays, find the commit that slowed it down."
            )
    return problems


def measure_round() -> dict[str, float]:
    """Measure both sides of every ratio, each pair in one process or one right after the other."""
    with tempfile.TemporaryDirectory() as folder:
        photo = query.save_synthetic_photo(Path(folder, "photo.jpg"))
        answer = harness.child(__file__, "answer", photo=str(photo))
    search = harness.child(query.__file__, "search", count=PRODUCTS, times=ANSWERS)
    paths = [str(path) for path in sorted(IMAGES.glob("*.jpg"))]
    common = {"paths": paths, "backbone": "efficientnet-lite0", "weights": None, "precision": "auto"}
    ours, engine = (harness.child(indexing.__file__, part, **common) for part in ("ours", "engine"))
    rates = [side["images"] / side["seconds"] for side in (ours, engine)]
    print(
        f"round      answer {query.milliseconds(answer['ours'])}, plain {query.milliseconds(answer['plain'])}; search "
        f"{query.milliseconds(search['ours'])}, scikit-learn {query.milliseconds(search['neighbors'])}; indexing "
        f"{rates[0]:.1f} images/s, networks alone {rates[1]:.1f}; {harness.conditions(ours)}",
        flush=True,
    )
    return {
        "answer": answer["plain"][0] / answer["ours"][0],
        "search": search["neighbors"][0] / search["ours"][0],
        "indexing": rates[0] / rates[1],
    }


def part_answer(photo: str) -> dict[str, Any]:
    """Time a photo's answer here, and one made of plain Pillow, the same networks and scikit-learn."""
    import lookalike.cli  # noqa: F401  As in the app: sets, before numpy is imported, how long BLAS's threads spin.

    import numpy as np
    from PIL import Image
    from sklearn.neighbors import NearestNeighbors

    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder
    from lookalike.extraction.build import build_index
    from lookalike.index.reading import load_index
    from lookalike.search.recommender import Recommender
    from synthetic_catalogue import enlarge

    embedder = load_embedder(find_backbone("efficientnet-lite0", None))
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder, "images")
        images.mkdir()
        for path in sorted(IMAGES.glob("*.jpg"))[:INDEXED]:
            (images / path.name).symlink_to(path)
        build_index(images, Path(folder, "index"), embedder)
        index = enlarge(load_index(Path(folder, "index")), PRODUCTS)
    recommender = Recommender(index, embedder)
    neighbors = NearestNeighbors(n_neighbors=query.K, algorithm="brute", metric="euclidean").fit(index.look)

    def answer_plainly() -> None:
        image = Image.open(photo).convert("RGB")
        pixels = np.asarray(image.resize((embedder.size, embedder.size)))
        neighbors.kneighbors(embedder.vectors(pixels[None], [image.width / image.height])["look"])

    return {
        "ours": query.time_calls(lambda: recommender.similar(photo, query.K), ANSWERS),
        "plain": query.time_calls(answer_plainly, ANSWERS),
    }


if __name__ == "__main__":
    sys.exit(harness.run(main, parse_arguments(), answer=part_answer))
