"""Precision at 5 while training: of the five products nearest to a query, how many would a shopper call right.

lookalike/analysis/metrics.py measures whole indexes and what the app ranks by; here the network is measured alone. The
bootstraps draw different random numbers: figures published with the one cannot be repeated with the other.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from lookalike.types import Matrix, Pixels, Rows
from training.dataset import ALLOWED_TYPES, Dataset
from training.network import FashionNetwork, design, join_parts, preprocess

Labels: TypeAlias = Sequence[str] | NDArray[np.str_]

JOINT_ATTRIBUTES = ("articleType", "baseColour", "gender")


def embed(network: FashionNetwork, pixels: Pixels, batch: int = 64) -> dict[str, Matrix]:
    """Return parts, pulled parts (drawn_…) and garment grids of pixels (n, 224, 224, 3): float32 arrays of n rows."""
    network.eval()
    found: dict[str, list[Matrix]] = {}
    with torch.inference_mode():
        for start in range(0, len(pixels), batch):
            chunk = torch.from_numpy(np.stack([resize(image) for image in pixels[start : start + batch]]))
            parts, grid = network(preprocess(chunk))
            pulled = {f"drawn_{name}": value for name, value in network.pull_to_words(parts).items()}
            for name, value in {**parts, **pulled, "garment": torch.sigmoid(grid[:, 0])}.items():
                found.setdefault(name, []).append(value.float().numpy())
    return {name: np.concatenate(values) for name, values in found.items()}


def resize(image: Pixels) -> Pixels:
    """Return an image (224, 224, 3) at the size that the network is used at."""
    side = design()["input"]["side"]
    return np.asarray(Image.fromarray(np.asarray(image)).resize((side, side), Image.Resampling.BILINEAR))


def fashion_vectors(found: Mapping[str, Matrix], weights: Mapping[str, float] | None = None) -> Matrix:
    """Return the fashion vectors (n, 256) float32 of what embed found, with the parts weighted as in the app or so."""
    weights = weights or design()["part_weights"]
    return join_parts({name: torch.from_numpy(found[f"drawn_{name}"]) for name in weights}, weights).numpy()


def image_keys(pixels: Pixels) -> NDArray[np.int64]:
    """Return a number per image, int64 (n,), equal for equal pixels."""
    digests = (hashlib.md5(np.ascontiguousarray(image).data, usedforsecurity=False).hexdigest() for image in pixels)
    return np.array([int(digest[:15], 16) for digest in digests])


def nearest_rows(queries: Matrix, products: Matrix, query_keys: NDArray, product_keys: NDArray, count: int = 5) -> Rows:
    """Return the rows (q, count) of the nearest products, nearest first, never one with the query's own key."""
    rows = []
    for start in range(0, len(queries), 512):
        cosines = queries[start : start + 512] @ products.T
        cosines[query_keys[start : start + 512, None] == product_keys[None]] = -9
        rows.append(np.argsort(-cosines, 1, kind="stable")[:, :count])
    return np.concatenate(rows)


def bootstrap_interval(precisions: NDArray, seed: int = 0, rounds: int = 1000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval (low, high) of the mean of precisions (q,)."""
    picks = np.random.default_rng(seed).integers(0, len(precisions), (rounds, len(precisions)))
    low, high = np.percentile(precisions[picks].mean(1), (2.5, 97.5))
    return float(low), float(high)


def attribute_precisions(
    rows: Rows, query_labels: Mapping[str, Labels], product_labels: Mapping[str, Labels]
) -> dict[str, NDArray]:
    """Return the precision at 5 (q,) of each attribute, and of three together."""
    right = {a: np.array(product_labels[a])[rows] == np.array(own)[:, None] for a, own in query_labels.items()}
    right["together"] = np.logical_and.reduce([right[a] for a in JOINT_ATTRIBUTES])
    return {a: r.mean(1) for a, r in right.items()}


def class_precisions(rows: Rows, names: Labels, types: Labels) -> NDArray:
    """Return the precision at 5 (q,) of photos, whose class names allow some article types."""
    all_types = np.array(types)
    return np.array([np.isin(all_types[r], ALLOWED_TYPES[n]).mean() for r, n in zip(rows, names)])


def figure_line(name: str, precisions: NDArray) -> str:
    """Return one line with a mean precision, its interval and the number of queries."""
    low, high = bootstrap_interval(precisions)
    return f"{name:24s} {precisions.mean():.3f}  95% {low:.3f}..{high:.3f}  n={len(precisions)}"


def product_lines(vectors: Matrix, keys: NDArray, products: Dataset) -> list[str]:
    """Return the figures of the held-out products against all others."""
    queries = np.flatnonzero(products.held_out)
    rows = nearest_rows(vectors[queries], vectors, keys[queries], keys)
    return attribute_lines(rows, queries, products.labels)


def attribute_lines(rows: Rows, queries: Rows, labels: Mapping[str, Labels]) -> list[str]:
    """Return the figures of queries that are products themselves, at those rows of the labels."""
    query_labels = {a: np.array(v)[queries] for a, v in labels.items()}
    return [figure_line(a, p) for a, p in attribute_precisions(rows, query_labels, labels).items()]


def photo_lines(vectors: Matrix, names: Labels, products: Matrix, types: Labels, title: str) -> list[str]:
    """Return the figures of photos against the products, together and by class."""
    keep = np.array([n in ALLOWED_TYPES for n in names])
    kept = np.array(names)[keep]
    rows = nearest_rows(vectors[keep], products, np.zeros(keep.sum()), np.ones(len(products)))
    precisions = class_precisions(rows, kept, types)
    by_class = {n: precisions[kept == n].mean() for n in sorted(set(kept))}
    return [
        figure_line(f"{title}, photos", precisions),
        f"{title}, mean of {len(by_class)} classes {np.mean(list(by_class.values())):.3f}",
        "  " + " ".join(f"{n} {v:.2f} ({(kept == n).sum()})" for n, v in by_class.items()),
    ]
