"""Regions of a photo: pooling its feature maps over the region's cells, against embedding a crop of it.

python benchmarks/regions.py --catalogue DIR [--queries N] [--sizes SHARE …] [--margin SHARE]

DIR holds images/ and styles.csv. Held-out products are cut out and pasted, at several sizes and among others, onto
synthetic backgrounds. The region is the rectangle around the product that the query is about. The columns: whole, the
photo without a region; pooled, its maps pooled over the region; cropped, a crop around the region embedded and pooled
over it; mixed, the mean of the last two. A match is right if it has the product's article type and base color.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import harness
from PIL import Image

from lookalike.analysis.metrics import Label, bootstrap_interval, joint_label
from lookalike.embedding.backbones import find_backbone
from lookalike.embedding.embedder import Embedder, load_embedder, normalize
from lookalike.images.decoding import aspect, load_pixels, prepare
from lookalike.index.attributes import COLOR_COLUMN, TYPE_COLUMN, read_styles
from lookalike.index.reading import Index
from lookalike.search import query
from lookalike.search.recommender import Ranking
from lookalike.tuning.augmentation import cut_out, make_background
from lookalike.types import Mask, Pixels, Vectors

SIDE, OTHERS, OTHERS_SIDE, SEED, K = 1024, 4, 0.28, 7, 5
# The longest side of the query's product, as a share of the photo's.
SIZES = (1.0, 0.85, 0.7, 0.55, 0.4, 0.3, 0.2, 0.12)
WAYS = ("whole", "pooled", "cropped", "mixed")
MAX_TRIES = 50

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""


@dataclass(frozen=True)
class Products:
    """The held-out products.

    Attributes:
        pixels: uint8 (n, s, s, 3).
        ranking: the default ranking of all of them.
        labels: the label of each.
        queries: (row, mask) of those that are pasted and searched.
    """

    pixels: Pixels
    ranking: Ranking
    labels: Sequence[Label]
    queries: Sequence[tuple[int, Mask]]


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=100, help="photos for each size (default: 100)")
    parser.add_argument("--sizes", type=float, nargs="*", default=SIZES, help="longest sides, as shares of the photo's")
    parser.add_argument("--margin", type=float, help="of the crop, a share of its sides (default: the app's)")
    parser.add_argument("--backbone", default="efficientnet-lite0")
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    if options.margin is not None:
        query.CROP_MARGIN = options.margin
    products = load_products(options)
    embedder = load_embedder(find_backbone(options.backbone))
    print(
        f"queries    {len(products.queries)} for each size, {options.backbone}, margin {query.CROP_MARGIN}, "
        f"seed {SEED}; precision at {K}"
    )
    print("longest side  share  whole  pooled  cropped  mixed   cropped - pooled, 95%")
    for size in options.sizes:
        share, precisions = evaluate(embedder, size, products)
        low, high = bootstrap_interval([precisions["cropped"] - precisions["pooled"]])
        whole, pooled, cropped, mixed = (float(np.mean(precisions[way])) for way in WAYS)
        line = f"{size:12.2f}  {share:5.3f}  {whole:5.3f}  {pooled:6.3f}  {cropped:7.3f}  {mixed:5.3f}"
        print(f"{line}   {low:+.3f} to {high:+.3f}", flush=True)


def load_products(options: argparse.Namespace) -> Products:
    held = json.loads((harness.ROOT / "lookalike/weights/fashion.json").read_text())["held_out"]["product_ids"]
    styles = read_styles(options.catalogue / "styles.csv")
    known = {name: joint_label(attributes, (TYPE_COLUMN, COLOR_COLUMN)) for name, attributes in styles.items()}
    names = [name for name in sorted(held) if known.get(name)]
    harness.print_head(f"{options.catalogue}: {len(names)} held-out products", "nothing is timed")
    pixels = np.stack([load_pixels(options.catalogue / "images" / f"{name}.jpg", 224) for name in names])
    embedder = load_embedder(find_backbone(options.backbone), throughput=True)
    parts = [embedder.vectors(pixels[start : start + 64]) for start in range(0, len(pixels), 64)]
    vectors = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    labels = [known[name] for name in names]
    ranking = Ranking(Index(options.catalogue, tuple(names), vectors, {}, {}))
    return Products(pixels, ranking, labels, choose_queries(labels, pixels, options.queries))


def choose_queries(labels: Sequence[Label], pixels: Pixels, count: int) -> list[tuple[int, Mask]]:
    """Return at most count (row, mask) of products that can be cut out and share their label with K others."""
    chosen: list[tuple[int, Mask]] = []
    rows = [row for row, label in enumerate(labels) if labels.count(label) > K]
    for row in np.random.default_rng(SEED).permutation(rows):
        mask = cut_out(pixels[row])
        if mask is not None and len(chosen) < count:
            chosen.append((row, mask))
    return chosen


def evaluate(embedder: Embedder, size: float, products: Products) -> tuple[float, dict[str, np.ndarray]]:
    """Return the mean share of the photo that a region takes, and the precision at K of each query in each way."""
    rng, areas = np.random.default_rng(SEED), []
    precisions: dict[str, list[float]] = {way: [] for way in WAYS}
    for row, mask in products.queries:
        image, region = make_scene(row, mask, size, products, rng)
        view = make_view(embedder, image)
        ways = {
            "whole": query.vectors(embedder, [view]),
            "pooled": query.vectors(embedder, [view], region, max_crop_share=0),
            "cropped": query.vectors(embedder, [view], region, max_crop_share=1),
        }
        ways["mixed"] = {name: normalize(ways["pooled"][name] + ways["cropped"][name]) for name in ways["pooled"]}
        for way, vectors in ways.items():
            precisions[way].append(precision(vectors, row, products))
        areas.append((region[2] - region[0]) * (region[3] - region[1]))
    return float(np.mean(areas)), {way: np.array(values) for way, values in precisions.items()}


def make_view(embedder: Embedder, image: Image.Image) -> query.View:
    pixels = prepare(image, embedder.size)
    fashion = embedder.fashion_maps(pixels[None], [aspect(image)])
    return query.View(image, pixels, embedder.feature_maps(pixels[None])[0], fashion)


def precision(vectors: Vectors, row: int, products: Products) -> float:
    """Return the share of the K nearest other products, by the default ranking, that have the product's label."""
    rows, _ = products.ranking.nearest(vectors, K, excluded=[row])
    return float(np.mean([products.labels[place] == products.labels[row] for place in rows[0]]))


def make_scene(
    row: int, mask: Mask, size: float, products: Products, rng: np.random.Generator
) -> tuple[Image.Image, query.Rectangle]:
    """Return a photo with the product at that size among others, and the rectangle around it in fractions."""
    image = Image.fromarray(make_background(SIDE // 2, rng)).resize((SIDE, SIDE))
    box = paste(image, products.pixels[row], mask, size, [], rng)
    taken = [box]
    for place in rng.permutation(len(products.queries))[: OTHERS + 1]:
        other, cover = products.queries[place]
        if other != row and len(taken) <= OTHERS:
            taken.append(paste(image, products.pixels[other], cover, OTHERS_SIDE, taken, rng))
    left, top, right, bottom = (edge / SIDE for edge in box)
    return image, (left, top, right, bottom)


def paste(
    image: Image.Image, pixels: Pixels, mask: Mask, size: float, taken: Sequence[Box], rng: np.random.Generator
) -> Box:
    """Paste a cut-out product where it touches none of the boxes taken; return its box, empty if there is no room."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    cut = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
    # Catalogue images are 3 × 4, squashed to a square: stretch them back, as a photo would show them.
    width, height = (cut[2] - cut[0]) * 0.75, cut[3] - cut[1]
    scale = size * SIDE / max(width, height)
    shape = max(8, round(width * scale)), max(8, round(height * scale))
    for _ in range(MAX_TRIES):
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


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


if __name__ == "__main__":
    main(parse_arguments())
