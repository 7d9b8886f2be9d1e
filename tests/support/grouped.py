"""Random indexes whose products have several pictures and variants, and what brute force says of them."""

from pathlib import Path

import numpy as np

from lookalike.index.product_groups import further_name
from lookalike.index.reading import Index

WIDTHS = {"look": 24, "fashion": 12, "color": 6}


def random_grouped_index(products=300, seed=0):
    """Return an Index of products with 1 to 5 pictures each, a third of them in groups; similar within a group."""
    rng = np.random.default_rng(seed)
    names, attributes, middles = [], {}, {}
    rows = []
    for number in range(products):
        group = f"g{rng.integers(0, products // 8)}" if rng.random() < 0.33 else ""
        attributes[str(number)] = {"gender": ("Men", "Women", "Boys")[number % 3]} | (
            {"item_group_id": group} if group else {}
        )
        middle = middles.setdefault(group or number, {s: rng.normal(size=width) for s, width in WIDTHS.items()})
        for place in range(1, int(rng.integers(1, 6)) + 1):
            stem = str(number) if place == 1 else further_name(str(number), place)
            names.append(f"images/{stem}.jpg")
            rows.append({space: own + 0.6 * rng.normal(size=len(own)) for space, own in middle.items()})
    order = rng.permutation(len(names))  # pictures of a product need not follow each other
    spaces = {space: np.stack([rows[place][space] for place in order]).astype(np.float32) for space in WIDTHS}
    spaces = {space: matrix / np.linalg.norm(matrix, axis=1, keepdims=True) for space, matrix in spaces.items()}
    manifest = {"format": 1, "backbone": "toy", "files": {"embeddings.pkl": str(seed)}, "n": len(names), "channels": 24}
    return Index(Path("/shop"), tuple(names[place] for place in order), spaces, attributes, manifest)


def group_names(index):
    """Return what group each picture belongs to, read from names and attributes alone."""
    ids = [Path(name).stem.partition("~")[0] for name in index.names]
    return [index.attributes[one].get("item_group_id", f"only {one}") for one in ids]


def ordered_by_brute_force(index, query, rule, allowed):
    """Return the rows in allowed as two stages order them: all by the first, each block by the second; and distances.

    query is space → (1, d).
    """

    def apart(weights):
        parts = [
            weight * ((index.spaces[space].astype(float) - query[space].astype(float)) ** 2).sum(axis=1)
            for space, weight in weights.items()
        ]
        return np.sqrt(np.sum(parts, axis=0))

    distances = apart(rule.weights)
    rows = sorted(allowed, key=lambda row: (distances[row], row))
    if rule.has_second_stage:
        distances = apart(rule.order_weights)
        blocks = [rows[start : start + rule.block] for start in range(0, len(rows), rule.block)]
        rows = [row for block in blocks for row in sorted(block, key=lambda row: (distances[row], row))]
    return rows, distances


def first_of_each_group(index, rows):
    """Return the first row of each group, in order."""
    groups, seen = group_names(index), set()
    return [row for row in rows if not (groups[row] in seen or seen.add(groups[row]))]
