"""How many pairs of products look as close as a picture and its changed copy, and how many of these pairs agree.

python benchmarks/look_alikes.py --index DIR: with same_picture.py, the figures behind SAME_PICTURE.
"""

import argparse

import numpy as np
import harness

from lookalike.types import Matrix

# Nearly every picture lies within this distance from itself with its rim cut.
MAX_DISTANCE = 0.34
BLOCK = 512


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True)
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    from lookalike.index.reading import load_index
    from lookalike.search.recommender import SAME_PICTURE
    from lookalike.search.explain import COLUMNS

    index = load_index(options.index)
    harness.print_head(f"{options.index}: {len(index.names)} products", "nothing is timed")
    words = [tuple(index.product(row).attributes.get(c) for c in COLUMNS) for row in range(len(index.names))]
    pairs = find_pairs(index.look, MAX_DISTANCE)
    look, fashion = (pair_distances(index.spaces[name], pairs) for name in SAME_PICTURE)
    agree = np.array([words[one] == words[other] for one, other in pairs])
    near = look < SAME_PICTURE["look"]
    for what, chosen in (
        (f"look < {MAX_DISTANCE}", np.ones(len(pairs), bool)),
        (f"look < {SAME_PICTURE['look']}", near),
        (f"and fashion < {SAME_PICTURE['fashion']}", near & (fashion < SAME_PICTURE["fashion"])),
    ):
        print(f"{what:22} {chosen.sum():6} pairs, {agree[chosen].mean():.0%} agree in {', '.join(COLUMNS)}")


def find_pairs(look: Matrix, max_distance: float) -> np.ndarray:
    """Return the rows, int (m, 2), of all pairs of looks (n, d) within that distance, each pair once."""
    found, min_cosine = [], 1 - max_distance**2 / 2
    for start in range(0, len(look), BLOCK):
        one, other = np.nonzero(look[start : start + BLOCK] @ look[start:].T > min_cosine)
        found.append(np.stack([one, other], axis=1)[one < other] + start)
    return np.concatenate(found)


def pair_distances(matrix: Matrix, pairs: np.ndarray) -> Matrix:
    return np.linalg.norm(matrix[pairs[:, 0]] - matrix[pairs[:, 1]], axis=1)


if __name__ == "__main__":
    main(parse_arguments())
