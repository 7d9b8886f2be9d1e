"""Every figure of an exported network: held-out products, the same as composites, held-out people, more."""

import argparse
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from lookalike.types import Matrix, Pixels, Rows
from training import dataset, metrics
from training.augmentation import composite
from training.cutouts import load_product_masks
from training.dataset import Dataset
from training.export import load_network
from training.network import FashionNetwork

COMPOSITE_SEED = 5
# None is the vector that the app uses; the others show what two of its parts do alone.
PART_WEIGHTS: Mapping[str, Mapping[str, float] | None] = {
    "fashion": None,
    "article part": {"article": 1.0, "gender": 0.0, "color": 0.0},
    "color part": {"article": 0.0, "gender": 0.0, "color": 1.0},
}


def main(options: argparse.Namespace) -> None:
    """Print the figures of an exported network and, if a folder is given, save its vectors."""
    cv2.setNumThreads(1)
    products = dataset.read_products(options.catalogue, options.styles)
    photos = dataset.read_photos(options.photos)
    network = load_network(options.weights)
    work = Path(options.work)
    product_pixels = dataset.load_pixels(products.paths, work / "products-0.npy")
    photo_pixels = dataset.load_pixels(photos.paths, work / "photos.npy")
    masks = load_product_masks(product_pixels, work / "masks-0.npy")
    found = print_figures(network, products, photos, product_pixels, photo_pixels, masks)
    names = {
        "products": products.names,
        "photos": photos.names,
        "composed": [name for name, held_out in zip(products.names, products.held_out) if held_out],
    }
    if options.more_photos:
        found["more_photos"], names["more_photos"] = _print_more_photos(
            network, options.more_photos, found["products"], products
        )
    if options.more_products:
        found["more_products"], names["more_products"] = _print_more_products(
            network, options.more_products, options.styles, found["products"], products
        )
    for name in found if options.vectors else ():
        np.savez(
            Path(options.vectors) / f"vectors_{name}.npz",
            names=np.array(names[name]),
            fashion=metrics.fashion_vectors(found[name]),
            **found[name],
        )


def print_figures(
    network: FashionNetwork,
    products: Dataset,
    photos: Dataset,
    product_pixels: Pixels,
    photo_pixels: Pixels,
    masks: Pixels,
) -> dict[str, dict[str, Matrix]]:
    """Print every figure and return what metrics.embed found, by what was embedded."""
    found = {"products": metrics.embed(network, product_pixels)}
    held_out = np.flatnonzero(products.held_out)
    # Backgrounds are made of photos of people whom training never saw either.
    scenes = [photo_pixels[row] for row in np.flatnonzero(photos.held_out)]
    found["composed"] = metrics.embed(network, _composites(product_pixels, masks, held_out, scenes))
    found["photos"] = metrics.embed(network, photo_pixels)
    keys, vectors = metrics.image_keys(product_pixels), metrics.fashion_vectors(found["products"])
    lines = []
    for name, weights in PART_WEIGHTS.items():
        part_vectors = metrics.fashion_vectors(found["products"], weights)
        lines += [f"held-out products, {name}", *metrics.product_lines(part_vectors, keys, products)]
    rows = metrics.nearest_rows(metrics.fashion_vectors(found["composed"]), vectors, keys[held_out], keys)
    lines += ["held-out products, composed, fashion", *metrics.attribute_lines(rows, held_out, products.labels)]
    photo_vectors = metrics.fashion_vectors(found["photos"])[photos.held_out]
    labels = np.array(photos.labels["label"])[photos.held_out]
    lines += metrics.photo_lines(photo_vectors, labels, vectors, products.labels["articleType"], "held-out people")
    print("\n".join(lines), flush=True)
    return found


def _composites(images: Pixels, masks: Pixels, rows: Rows, scenes: list[Pixels]) -> Pixels:
    """Return the products in rows, uint8 (r, 224, 224, 3), each on a synthetic background that depends on its row."""
    made = []
    for row in rows:
        rng = np.random.default_rng([COMPOSITE_SEED, int(row)])
        image, mask = np.asarray(images[row]), np.asarray(masks[row])
        made.append(composite(rng, image, mask, dataset.SIDE, scenes)[0] if mask.any() else image)
    return np.stack(made)


def _print_more_photos(
    network: FashionNetwork, folder: str, product_parts: Mapping[str, Matrix], products: Dataset
) -> tuple[dict[str, Matrix], list[str]]:
    """Print the figures of another folder of photos and return what was found, and the photos' names."""
    others = dataset.read_photos(folder)
    found = metrics.embed(network, np.stack([dataset.prepare(path) for path in others.paths]))
    lines = metrics.photo_lines(
        metrics.fashion_vectors(found),
        others.labels["label"],
        metrics.fashion_vectors(product_parts),
        products.labels["articleType"],
        Path(folder).name,
    )
    print("\n".join(lines), flush=True)
    return found, [f"{path.parent.name}/{path.name}" for path in others.paths]


def _print_more_products(
    network: FashionNetwork, folder: str, styles: str, product_parts: Mapping[str, Matrix], products: Dataset
) -> tuple[dict[str, Matrix], list[str]]:
    """Print the figures of another folder of products and return what was found, and the products' names."""
    others = dataset.read_products(folder, styles)
    found = metrics.embed(network, np.stack([dataset.prepare(path) for path in others.paths]))
    rows = metrics.nearest_rows(
        metrics.fashion_vectors(found),
        metrics.fashion_vectors(product_parts),
        np.zeros(len(others.paths)),
        np.ones(len(products.paths)),
    )
    precisions = metrics.attribute_precisions(rows, others.labels, products.labels)
    lines = [metrics.figure_line(attribute, values) for attribute, values in precisions.items()]
    print("\n".join([f"{Path(folder).name}, fashion", *lines]), flush=True)
    return found, others.names
