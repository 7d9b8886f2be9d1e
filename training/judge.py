"""Precision at 5: of the five products nearest to a query, how many would a shopper call right."""

import hashlib

import numpy as np
import torch
from catalogue import ALLOWED
from network import SIDE, joined, prepared
from PIL import Image

TOGETHER = ("articleType", "baseColour", "gender")
WEIGHTS = {"article": 1.0, "gender": 0.7, "color": 1.0}


def embed(network, pixels, batch=64, progress=None):
    """Return the parts, also drawn, and garment grids of pixels (n, 224, 224, 3) uint8 as float32 arrays."""
    network.eval()
    found = {}
    with torch.inference_mode():
        for start in range(0, len(pixels), batch):
            some = torch.from_numpy(np.stack([resized(image) for image in pixels[start : start + batch]]))
            parts, grid = network(prepared(some))
            drawn = {f"drawn_{name}": value for name, value in network.drawn(parts).items()}
            for name, value in {**parts, **drawn, "garment": torch.sigmoid(grid[:, 0])}.items():
                found.setdefault(name, []).append(value.float().numpy())
            if progress:
                progress(start + len(some))
    return {name: np.concatenate(values) for name, values in found.items()}


def resized(image):
    """Return an image (224, 224, 3) uint8 at the side that the network is used on."""
    return np.asarray(Image.fromarray(np.asarray(image)).resize((SIDE, SIDE), Image.BILINEAR))


def fashion(found, weights=WEIGHTS):
    """Return the fashion vectors (n, 256) float32 of what embed found."""
    tensors = {name: torch.from_numpy(found[f"drawn_{name}"]) for name in weights}
    return joined(tensors, weights).numpy()


def digests(pixels):
    """Return a number (n,) for each image that is the same for the same bytes."""
    return np.array([int(hashlib.md5(np.ascontiguousarray(p)).hexdigest()[:15], 16) for p in pixels])


def nearest(queries, gallery, query_keys, gallery_keys, count=5):
    """Return rows (q, count) of gallery, nearest first, never one with the query's own key."""
    rows = []
    for start in range(0, len(queries), 512):
        near = queries[start : start + 512] @ gallery.T
        near[query_keys[start : start + 512, None] == gallery_keys[None]] = -9
        rows.append(np.argsort(-near, 1, kind="stable")[:, :count])
    return np.concatenate(rows)


def interval(scores, seed=0, rounds=1000):
    """Return the 95 % bootstrap interval of the mean of scores (q,)."""
    picks = np.random.default_rng(seed).integers(0, len(scores), (rounds, len(scores)))
    return tuple(np.percentile(scores[picks].mean(1), (2.5, 97.5)))


def attributes(rows, queries, labels):
    """Return the precision at 5 (q,) of each attribute, and of three together."""
    right = {a: np.array(v)[rows] == np.array(v)[queries][:, None] for a, v in labels.items()}
    right["together"] = np.logical_and.reduce([right[a] for a in TOGETHER])
    return {a: r.mean(1) for a, r in right.items()}


def classes(rows, names, types):
    """Return the precision at 5 (q,) of photos whose class names allow some article types."""
    types = np.array(types)
    return np.array([np.isin(types[r], ALLOWED[n]).mean() for r, n in zip(rows, names)])


def line(name, scores):
    """Return one printed figure with its interval and size."""
    low, high = interval(scores)
    return f"{name:24s} {scores.mean():.3f}  95% {low:.3f}..{high:.3f}  n={len(scores)}"


def judge_products(vectors, keys, products):
    """Return the printed figures and the scores of the held-out products against all others."""
    queries = np.flatnonzero(products.held)
    rows = nearest(vectors[queries], vectors, keys[queries], keys)
    scores = attributes(rows, queries, products.labels)
    return [line(a, s) for a, s in scores.items()], scores


def judge_photos(vectors, names, gallery, types, title):
    """Return the printed figures and the scores of photos against the catalogue."""
    keep = np.array([n in ALLOWED for n in names])
    names = np.array(names)[keep]
    rows = nearest(vectors[keep], gallery, np.zeros(keep.sum()), np.ones(len(gallery)))
    scores = classes(rows, names, types)
    each = {n: scores[names == n].mean() for n in sorted(set(names))}
    lines = [
        line(f"{title}, photos", scores),
        f"{title}, mean of {len(each)} classes {np.mean(list(each.values())):.3f}",
        "  " + " ".join(f"{n} {v:.2f} ({(names == n).sum()})" for n, v in each.items()),
    ]
    return lines, scores
