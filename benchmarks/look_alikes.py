"""How many pairs of a catalogue's products look as near as one picture does to itself changed, and how many agree.

python benchmarks/look_alikes.py --index DIR: beside same_picture.py, the figures that SAME_PICTURE rests on.
"""

import argparse

import numpy as np
import harness

WIDE = 0.34  # as far as nearly every picture lies from itself with its rim cut
BLOCK = 512


def pairs(look, limit):
    """Rows (m, 2) of all pairs within the limit of looks (n, d), each pair once."""
    found, least = [], 1 - limit**2 / 2
    for start in range(0, len(look), BLOCK):
        one, other = np.nonzero(look[start : start + BLOCK] @ look[start:].T > least)
        found.append(np.stack([one, other], axis=1)[one < other] + start)
    return np.concatenate(found)


def distances(matrix, rows):
    return np.linalg.norm(matrix[rows[:, 0]] - matrix[rows[:, 1]], axis=1)


def main(options):
    from lookalike.index.reading import load_index
    from lookalike.search.recommender import SAME_PICTURE
    from lookalike.search.explain import COLUMNS

    index = load_index(options.index)
    harness.print_head(f"{options.index}: {len(index.names)} products", "nothing is timed")
    words = [tuple(index.product(row).attributes.get(c) for c in COLUMNS) for row in range(len(index.names))]
    rows = pairs(index.look, WIDE)
    look, fashion = (distances(index.spaces[name], rows) for name in SAME_PICTURE)
    agree = np.array([words[one] == words[other] for one, other in rows])
    near = look < SAME_PICTURE["look"]
    same = near & (fashion < SAME_PICTURE["fashion"])
    for what, chosen in (
        (f"look < {WIDE}", np.ones(len(rows), bool)),
        (f"look < {SAME_PICTURE['look']}", near),
        (f"and fashion < {SAME_PICTURE['fashion']}", same),
    ):
        print(f"{what:22} {chosen.sum():6} pairs, {agree[chosen].mean():.0%} agree in {', '.join(COLUMNS)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", required=True)
    main(parser.parse_args())
