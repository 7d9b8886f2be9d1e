"""What there is to learn from: products with attributes, photos with labels, and who is held out."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SEED = 12  # of the held-out products and people; never changes with the training's own seed
HELD_PRODUCTS = 1500
HELD_PHOTOS = (420, 480)  # at least, at most
ATTRIBUTES = ("articleType", "baseColour", "gender", "subCategory", "usage")
ALLOWED = {
    "t-shirt": "Tshirts, Tops",
    "longsleeve": "Tshirts, Sweatshirts, Sweaters, Tops, Shirts",
    "pants": "Jeans, Trousers, Track Pants, Capris, Leggings, Jeggings, Tracksuits, Salwar, Churidar",
    "shoes": "Casual Shoes, Sports Shoes, Formal Shoes, Heels, Flats, Sandals, Sports Sandals, Flip Flops",
    "dress": "Dresses, Kurtas, Tunics",
    "outwear": "Jackets, Sweatshirts, Sweaters, Blazers, Rain Jacket, Shrug",
    "shorts": "Shorts",
    "hat": "Caps, Hat",
    "skirt": "Skirts",
    "shirt": "Shirts",
    "polo": "Tshirts",
    "hoodie": "Sweatshirts, Jackets, Sweaters",
    "blazer": "Blazers, Jackets",
    "undershirt": "Innerwear Vests, Tshirts, Tops",
    "top": "Tops, Tshirts",
    "blouse": "Tops, Shirts, Tunics",
}
ALLOWED = {label: tuple(types.split(", ")) for label, types in ALLOWED.items()}


@dataclass(frozen=True)
class Images:
    """Files in a fixed order with what is known of each; held (n,) bool marks the held-out ones."""

    paths: list
    names: list
    labels: dict
    held: np.ndarray


def read_products(folder, styles):
    """Return the products of folder that styles knows, sorted by id as text."""
    with open(styles, newline="", encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    paths = sorted((p for p in Path(folder).iterdir() if p.stem in rows), key=lambda p: p.stem)
    labels = {a: [rows[p.stem][a] or "NA" for p in paths] for a in ATTRIBUTES}
    held = np.zeros(len(paths), bool)
    held[np.random.default_rng(SEED).permutation(len(paths))[:HELD_PRODUCTS]] = True
    return Images(paths, [p.stem for p in paths], labels, held)


def read_photos(folder):
    """Return the photos of LABEL/ folders, sorted by path; people come from ../FOLDER.csv."""
    folder = Path(folder)
    paths = sorted(folder.glob("*/*.jpg"))
    names = [f"{folder.name}/{p.parent.name}/{p.name}" for p in paths]
    with open(folder.parent / "shopper-photos.csv", newline="", encoding="utf-8") as file:
        person = {row["path"]: row["person"] for row in csv.DictReader(file)}
    people = [person.get(name, "") for name in names]
    chosen = hold_people(people)
    labels = {"label": [p.parent.name for p in paths], "person": people}
    return Images(paths, names, labels, np.array([p in chosen for p in people], bool))


def hold_people(people):
    """Return people, in a seeded order, until their photos are enough; skip one who has too many."""
    least, most = HELD_PHOTOS
    unique = sorted(set(people))
    count, chosen = 0, set()
    for i in np.random.default_rng(SEED).permutation(len(unique)):
        size = people.count(unique[i])
        if count < least and count + size <= most:
            chosen.add(unique[i])
            count += size
    return chosen


def vocabulary(values):
    """Return the sorted distinct values without NA."""
    return sorted(set(values) - {"NA", ""})


def numbered(values, words):
    """Return each value's place in words as (n,) int64, -1 where it is not there."""
    place = {word: i for i, word in enumerate(words)}
    return np.array([place.get(value, -1) for value in values], np.int64)
