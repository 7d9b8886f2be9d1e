"""What likes and dislikes bring: simulated visits of shoppers who look for a type, a color and a gender.

python benchmarks/feedback.py --index DIR --queries DIR --styles FILE [--visits 500]

A visit asks with the picture of a product that the index does not have. The shopper wants its words. The first three of
the first ten are judged: those with all three words are liked, the others disliked. Then the five best of the products
that were not among these ten are counted, without and with the judgments; and the five that the page shows before and
after them, where liked products stay and disliked ones are gone.
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import harness

from lookalike.analysis.metrics import bootstrap_interval, joint_label
from lookalike.images.decoding import load_prepared
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN, read_styles
from lookalike.search import feedback
from lookalike.search.loading import load_recommender
from lookalike.search.recommender import Recommender
from lookalike.types import Vectors

WANTED = (TYPE_COLUMN, COLOR_COLUMN, GENDER_COLUMN)
SEEN, JUDGED, K, SEED = 10, 3, 5, 5


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True)
    parser.add_argument("--queries", required=True, type=Path, help="folder of pictures named by id, none in the index")
    parser.add_argument("--styles", required=True)
    parser.add_argument("--visits", type=int, default=500)
    parser.add_argument("--weights", type=float, nargs="*", help="pairs of weights for liked and disliked to try")
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    harness.print_head(options.queries, "nothing is timed")
    recommender, styles = load_recommender(options.index), read_styles(options.styles)
    wanted = {path: joint_label(styles.get(path.stem, {}), WANTED) for path in sorted(options.queries.iterdir())}
    known = [path for path, label in wanted.items() if label]
    chosen = random.Random(SEED).sample(known, min(options.visits, len(known)))
    labels = [joint_label(styles.get(recommender.index.product(row).id, {}), WANTED) for row in products(recommender)]
    visits = [(vectors_of(recommender, path), wanted[path]) for path in chosen]
    tried = options.weights or [feedback.LIKED_WEIGHT, feedback.DISLIKED_WEIGHT]
    for liked, disliked in zip(tried[::2], tried[1::2]):
        feedback.LIKED_WEIGHT, feedback.DISLIKED_WEIGHT = liked, disliked
        figures = np.array([visit(recommender, vectors, label, labels) for vectors, label in visits])
        low, high = bootstrap_interval([figures[:, 1] - figures[:, 0]])
        means = figures.mean(axis=0)
        print(
            f"liked {liked:g}, disliked {disliked:g}: {len(visits)} visits, unseen products {means[0]:.3f} → "
            f"{means[1]:.3f} ({low:+.3f} to {high:+.3f}); on the page {means[2]:.3f} → {means[3]:.3f}",
            flush=True,
        )


def products(recommender: Recommender) -> range:
    return range(len(recommender.index.names))


def vectors_of(recommender: Recommender, path: Path) -> Vectors:
    pixels, aspect = load_prepared(path, recommender.embedder.size)
    return recommender.index.with_tuned(recommender.embedder.vectors(pixels[None], [aspect]))


def visit(recommender: Recommender, vectors: Vectors, label: object, labels: Sequence[object]) -> list[float]:
    """Return precision at K of unseen products without and with judgments, and of the page before and after them."""
    rows = recommender.nearest(vectors, SEEN + K)[0][0].tolist()
    seen, right = rows[:SEEN], [labels[row] == label for row in rows]
    liked = [row for row, is_right in zip(seen[:JUDGED], right) if is_right]
    disliked = [row for row in seen[:JUDGED] if row not in liked]
    moved = feedback.move_query(vectors, recommender, liked, disliked)
    unseen = recommender.nearest(moved, K, excluded=seen)[0][0]
    page = recommender.nearest(moved, K, excluded=disliked)[0][0]
    return [float(np.mean([labels[row] == label for row in found])) for found in (rows[SEEN:], unseen, rows[:K], page)]


if __name__ == "__main__":
    main(parse_arguments())
