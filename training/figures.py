"""The figures of an exported network: held-out products, the same composed, held-out people, more."""

import argparse
import json
from pathlib import Path

import augment
import catalogue
import cutouts
import export
import judge
import numpy as np
import pixels
from network import Fashion

COMPOSED_SEED = 5
SPACES = {
    "fashion": judge.WEIGHTS,
    "article part": {"article": 1.0, "gender": 0.0, "color": 0.0},
    "color part": {"article": 0.0, "gender": 0.0, "color": 1.0},
}


def composed(images, masks, rows, scenes):
    """Return those rows (r, 224, 224, 3) uint8 cut out and put on made-up backgrounds, once."""
    made = []
    for row in rows:
        rng = np.random.default_rng([COMPOSED_SEED, int(row)])
        image, mask = np.asarray(images[row]), np.asarray(masks[row])
        made.append(augment.composed(rng, image, mask, pixels.SIDE, scenes)[0] if mask.any() else image)
    return np.stack(made)


def product_lines(found, keys, products, title):
    """Return the printed figures of held-out products in each space."""
    lines = []
    for name, weights in SPACES.items():
        vectors = judge.fashion(found, weights)
        lines += [f"{title}, {name}"] + judge.judge_products(vectors, keys, products)[0]
    return lines


def composed_lines(found, queries, keys, products):
    """Return the printed figures of held-out products shown on made-up backgrounds."""
    held = np.flatnonzero(products.held)
    gallery, shown = judge.fashion(found), judge.fashion(queries)
    rows = judge.nearest(shown, gallery, keys[held], keys)
    scores = judge.attributes(rows, held, products.labels)
    return ["held-out products, composed, fashion"] + [judge.line(a, s) for a, s in scores.items()]


def print_all(network, products, photos, shown, taken, masks):
    """Print every figure and return what was found, by name."""
    found = {"products": judge.embed(network, shown)}
    held = np.flatnonzero(products.held)
    own = [taken[i] for i in np.flatnonzero(photos.held)]
    # Backgrounds of people whom training never saw either.
    found["composed"] = judge.embed(network, composed(shown, masks, held, own))
    found["photos"] = judge.embed(network, taken)
    keys, gallery = judge.digests(shown), judge.fashion(found["products"])
    types = products.labels["articleType"]
    lines = product_lines(found["products"], keys, products, "held-out products")
    lines += composed_lines(found["products"], found["composed"], keys, products)
    vectors = judge.fashion(found["photos"])[photos.held]
    names = np.array(photos.labels["label"])[photos.held]
    lines += judge.judge_photos(vectors, names, gallery, types, "held-out people")[0]
    print("\n".join(lines), flush=True)
    return found


def print_photos(network, folder, found, products):
    """Print the figures of a further folder of photos and return what was found."""
    others = catalogue.read_photos(folder)
    taken = np.stack([pixels.prepare(p) for p in others.paths])
    result = judge.embed(network, taken)
    lines, _ = judge.judge_photos(
        judge.fashion(result),
        others.labels["label"],
        judge.fashion(found["products"]),
        products.labels["articleType"],
        Path(folder).name,
    )
    print("\n".join(lines), flush=True)
    return result, [f"{p.parent.name}/{p.name}" for p in others.paths]


def print_further(network, folder, styles, found, products):
    """Print the figures of a folder of further products and return what was found."""
    others = catalogue.read_products(folder, styles)
    result = judge.embed(network, np.stack([pixels.prepare(p) for p in others.paths]))
    rows = judge.nearest(
        judge.fashion(result),
        judge.fashion(found["products"]),
        np.zeros(len(others.paths)),
        np.ones(len(products.paths)),
    )
    right = {a: np.array(products.labels[a])[rows] == np.array(v)[:, None] for a, v in others.labels.items()}
    right["together"] = np.logical_and.reduce([right[a] for a in judge.TOGETHER])
    lines = [judge.line(a, r.mean(1)) for a, r in right.items()]
    print("\n".join([f"{Path(folder).name}, fashion", *lines]), flush=True)
    return result, others.names


def arguments():
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("weights", "catalogue", "styles", "photos"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--more-photos", help="a further folder of CLASS/ folders")
    parser.add_argument("--more-products", help="a further folder of product images")
    parser.add_argument("--work", default="training-work", help="folder with the prepared pixels")
    parser.add_argument("--vectors", help="folder to save vectors_*.npz in")
    return parser.parse_args()


def main():
    """Judge an exported network."""
    options = arguments()
    products = catalogue.read_products(options.catalogue, options.styles)
    photos = catalogue.read_photos(options.photos)
    words = json.loads(Path(options.weights).with_suffix(".json").read_text())["vocabularies"]
    network = export.read(Fashion(words), options.weights)
    work = Path(options.work)
    shown, taken = (pixels.load(s.paths, work / f) for s, f in ((products, "products.npy"), (photos, "photos.npy")))
    found = print_all(network, products, photos, shown, taken, cutouts.load(shown, work / "masks.npy"))
    names = {
        "products": products.names,
        "photos": photos.names,
        "composed": [n for n, h in zip(products.names, products.held) if h],
    }
    if options.more_photos:
        found["more_photos"], names["more_photos"] = print_photos(network, options.more_photos, found, products)
    if options.more_products:
        found["more_products"], names["more_products"] = print_further(
            network, options.more_products, options.styles, found, products
        )
    for name in found if options.vectors else ():
        np.savez(
            Path(options.vectors) / f"vectors_{name}.npz",
            names=np.array(names[name]),
            fashion=judge.fashion(found[name]),
            **found[name],
        )


if __name__ == "__main__":
    main()
