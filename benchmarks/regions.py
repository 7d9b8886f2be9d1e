"""Regions of a photo: its maps pooled anew over the region's cells, or a crop of it embedded anew.

python benchmarks/regions.py --catalogue DIR [--queries N] [--sizes SHARE …] [--margin SHARE]

DIR holds images/ and styles.csv. Held-out products are cut out and put, at several sizes, on made-up backgrounds
among others; the region is the rectangle around the product asked for. whole: the photo without a region. pooled:
its maps pooled anew over the region. closer: a crop around the region embedded anew and pooled over it. mixed: the
mean of the last two. Right is who has the product's article type and base color.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import harness
from PIL import Image

SIDE, OTHERS, OTHERS_SIDE, SEED, K = 1024, 4, 0.28, 7, 5
# The longest side of the product asked for, as a share of the photo's.
SIZES = (1.0, 0.85, 0.7, 0.55, 0.4, 0.3, 0.2, 0.12)


def main(options):
    from lookalike.search import query
    from lookalike.embedding.backbones import find_backbone
    from lookalike.embedding.embedder import load_embedder

    query.MARGIN = query.MARGIN if options.margin is None else options.margin
    held = json.loads((harness.ROOT / "lookalike/weights/fashion.json").read_text())["held_out"]["product_ids"]
    styles = kinds(options.catalogue / "styles.csv")
    names = [name for name in sorted(held) if name in styles]
    harness.print_head(f"{options.catalogue}: {len(names)} held-out products", "nothing is timed")
    pixels = np.stack([read(options.catalogue, name) for name in names])
    index = embedded(load_embedder(find_backbone(options.backbone), throughput=True), pixels)
    labels = [styles[name] for name in names]
    asked = askable(labels, pixels, options.queries)
    embedder = load_embedder(find_backbone(options.backbone))
    print(f"queries    {len(asked)} a size, {options.backbone}, margin {query.MARGIN}, seed {SEED}; precision at {K}")
    print("longest side  share  whole  pooled  closer  mixed   closer - pooled, 95 %")
    for size in options.sizes:
        table_row(size, *judged(embedder, query, size, asked, pixels, index, labels))


def table_row(size, share, shares):
    from lookalike.analysis.metrics import interval

    low, high = interval([shares["closer"] - shares["pooled"]])
    figures = [float(np.mean(shares[name])) for name in ("whole", "pooled", "closer", "mixed")]
    columns = "".join(f"  {figure:6.3f}" for figure in figures[1:])
    print(f"{size:12.2f}  {share:5.3f}  {figures[0]:5.3f}{columns}   {low:+.3f} to {high:+.3f}", flush=True)


def judged(embedder, query, size, asked, pixels, index, labels):
    """The mean share of the photo a region takes, and precision at K, one number a query, by way of asking."""
    rng, found, areas = np.random.default_rng(SEED), {}, []
    for row, mask in asked:
        image, region = scene(row, mask, size, asked, pixels, rng)
        view = query.View(image, *seen(embedder, image))
        ways = {
            "whole": query.vectors(embedder, [view]),
            "pooled": query.vectors(embedder, [view], region, closer=0),
            "closer": query.vectors(embedder, [view], region, closer=1),
        }
        ways["mixed"] = {name: unit(ways["pooled"][name] + ways["closer"][name]) for name in index}
        for name, vectors in ways.items():
            found.setdefault(name, []).append(right(vectors, row, index, labels))
        areas.append((region[2] - region[0]) * (region[3] - region[1]))
    return float(np.mean(areas)), {name: np.array(values) for name, values in found.items()}


def seen(embedder, image):
    from lookalike.images.decoding import aspect, prepare

    pixels = prepare(image, embedder.size)
    return pixels, embedder.feature_maps(pixels[None])[0], embedder.fashion_maps(pixels[None], [aspect(image)])


def right(vectors, row, index, labels):
    """The share of the K nearest other products that are of the product's kind, with the ranking in use."""
    from lookalike.search.recommender import default_weights

    weights = default_weights(index)
    cosines = sum(weight * (index[name] @ vectors[name][0]) for name, weight in weights.items())
    cosines[row] = -2
    return np.mean([labels[place] == labels[row] for place in np.argsort(-cosines, kind="stable")[:K]])


def scene(row, mask, size, asked, pixels, rng):
    """A photo with the product at that size among others, and the rectangle around it in fractions."""
    from lookalike.tuning.augmentation import background

    image = Image.fromarray(background(SIDE // 2, rng)).resize((SIDE, SIDE))
    box = put(image, pixels[row], mask, size, [], rng)
    taken = [box]
    for other in rng.permutation(len(asked))[: OTHERS + 1]:
        if asked[other][0] != row and len(taken) <= OTHERS:
            taken.append(put(image, pixels[asked[other][0]], asked[other][1], OTHERS_SIDE, taken, rng))
    return image, tuple(edge / SIDE for edge in box)


def put(image, pixels, mask, size, taken, rng, tries=50):
    """Paste a product, cut out, where it touches none of the boxes taken; its box in pixels, or an empty one."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    cut = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    # Catalogue images are 3 × 4, squeezed to a square: stretched back, as a photo would show them.
    width, height = (cut[2] - cut[0]) * 0.75, cut[3] - cut[1]
    scale = size * SIDE / max(width, height)
    shape = max(8, round(width * scale)), max(8, round(height * scale))
    for _ in range(tries):
        left, top = (int(rng.integers(0, SIDE - side + 1)) for side in shape)
        box = left, top, left + shape[0], top + shape[1]
        if not any(overlap(box, other) for other in taken):
            product, cover = (
                Image.fromarray(part).crop(cut).convert(mode).resize(shape, Image.Resampling.BICUBIC)
                for part, mode in ((pixels, "RGB"), (mask, "L"))
            )
            image.paste(product, (left, top), cover)
            return box
    return 0, 0, 0, 0


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def askable(labels, pixels, count):
    """At most count (row, mask) of products that can be cut out and of whose kind there are K others."""
    from lookalike.tuning.augmentation import cut_out

    rows = [row for row, label in enumerate(labels) if labels.count(label) > K]
    chosen = []
    for row in np.random.default_rng(SEED).permutation(rows):
        mask = cut_out(pixels[row])
        if mask is not None and len(chosen) < count:
            chosen.append((row, mask))
    return chosen


def embedded(embedder, pixels):
    parts = [embedder.vectors(pixels[start : start + 64]) for start in range(0, len(pixels), 64)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def kinds(path):
    """(article type, base color) by product id, where both are known."""
    from lookalike.index.attributes import read_styles
    from lookalike.analysis.metrics import label

    known = {name: label(own, ("articleType", "baseColour")) for name, own in read_styles(path).items()}
    return {name: kind for name, kind in known.items() if kind}


def read(catalogue, name):
    from lookalike.images.decoding import load_pixels

    return load_pixels(catalogue / "images" / f"{name}.jpg", 224)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=100, help="photos a size (default: 100)")
    parser.add_argument("--sizes", type=float, nargs="*", default=SIZES, help="longest sides, as shares of the photo's")
    parser.add_argument("--margin", type=float, help="of the crop, a share of its sides (default: the one in use)")
    parser.add_argument("--backbone", default="efficientnet-lite0")
    main(parser.parse_args())
