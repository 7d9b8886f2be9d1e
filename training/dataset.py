"""What there is to learn from: products with attributes, photos with labels, their pixels, and what is held out."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from lookalike.types import Mask, Pixels

SEED = 12  # of the held-out products and people; it never changes with the training's own seed
HELD_OUT_PRODUCTS = 1500
MIN_HELD_OUT_PHOTOS, MAX_HELD_OUT_PHOTOS = 420, 480
ATTRIBUTES = ("articleType", "baseColour", "gender", "subCategory", "usage")
# The article types that each label of a photo allows.
ALLOWED_TYPES = {
    label: tuple(types.split(", "))
    for label, types in {
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
    }.items()
}
SIDE = 224  # of the stored pixels
# Width by height between which an image is squashed into a square, as in lookalike/embedding/padding.py.
MIN_ASPECT, MAX_ASPECT = 3 / 4, 1
# Stands in the listing beside the stored pixels: change it whenever the same files give other pixels.
PREPARATION = "squashed and extended, 2"


@dataclass(frozen=True)
class Dataset:
    """n images in a fixed order: files, names, labels by attribute, and which ones are held out, bool (n,)."""

    paths: list[Path]
    names: list[str]
    labels: dict[str, list[str]]
    held_out: Mask


def read_products(folder: str | Path, styles: str | Path) -> Dataset:
    """Return the products of a folder that styles.csv lists, sorted by id as text."""
    with open(styles, newline="", encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    paths = sorted((p for p in Path(folder).iterdir() if p.stem in rows), key=lambda p: p.stem)
    labels = {a: [rows[p.stem][a] or "NA" for p in paths] for a in ATTRIBUTES}
    held_out = np.zeros(len(paths), bool)
    held_out[np.random.default_rng(SEED).permutation(len(paths))[:HELD_OUT_PRODUCTS]] = True
    return Dataset(paths, [p.stem for p in paths], labels, held_out)


def read_photos(folder: str | Path) -> Dataset:
    """Return the photos of LABEL/ folders, sorted by path; shopper-photos.csv beside the folder names the people."""
    folder = Path(folder)
    paths = sorted(folder.glob("*/*.jpg"))
    names = [f"{folder.name}/{p.parent.name}/{p.name}" for p in paths]
    with open(folder.parent / "shopper-photos.csv", newline="", encoding="utf-8") as file:
        person_of = {row["path"]: row["person"] for row in csv.DictReader(file)}
    people = [person_of.get(name, "") for name in names]
    chosen = _hold_out_people(people)
    labels = {"label": [p.parent.name for p in paths], "person": people}
    return Dataset(paths, names, labels, np.array([p in chosen for p in people], bool))


def _hold_out_people(people: Sequence[str]) -> set[str]:
    """Return people in random order until they have enough photos, skipping anyone who would make them too many."""
    unique = sorted(set(people))
    count, chosen = 0, set()
    for i in np.random.default_rng(SEED).permutation(len(unique)):
        size = people.count(unique[i])
        if count < MIN_HELD_OUT_PHOTOS and count + size <= MAX_HELD_OUT_PHOTOS:
            chosen.add(unique[i])
            count += size
    return chosen


def vocabularies(products: Dataset, photos: Dataset) -> dict[str, list[str]]:
    """Return the words of each head: the distinct known values, sorted."""
    values = {**{a: products.labels[a] for a in ATTRIBUTES}, "photo": photos.labels["label"]}
    return {head: sorted(set(words) - {"NA", ""}) for head, words in values.items()}


def encode_words(values: Iterable[str], words: Sequence[str]) -> NDArray[np.int64]:
    """Return each value's place in words, int64 (n,), -1 if it is not one of them."""
    places = {word: i for i, word in enumerate(words)}
    return np.array([places.get(value, -1) for value in values], np.int64)


def allowed_types(words: Mapping[str, Sequence[str]]) -> Mask:
    """Return which article types each label of a photo allows: bool (labels, article types)."""
    types = words["articleType"]
    return np.array([[t in ALLOWED_TYPES.get(label, ()) for t in types] for label in words["photo"]])


def prepare(path: Path) -> Pixels:
    """Return the upright image of a file, uint8 (224, 224, 3); a tall or wide one is extended by its edges."""
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file).convert("RGB")
        aspect = image.width / image.height
        squashed = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    width = round(SIDE * min(1, aspect / MIN_ASPECT))
    height = round(SIDE * min(1, MAX_ASPECT / aspect))
    inner = np.asarray(squashed.resize((max(1, width), max(1, height)), Image.Resampling.BILINEAR))
    margins = [((SIDE - n) // 2, SIDE - n - (SIDE - n) // 2) for n in inner.shape[:2]]
    return np.pad(inner, (*margins, (0, 0)), mode="edge")


def load_pixels(paths: Sequence[Path], cache: str | Path) -> Pixels:
    """Return uint8 (n, 224, 224, 3), memory-mapped from cache if that was made of the same files in the same way."""
    cache, listing = Path(cache), Path(cache).with_suffix(".txt")
    names = "\n".join([PREPARATION, *map(str, paths)])
    if not (cache.exists() and listing.exists() and listing.read_text() == names):
        array = np.lib.format.open_memmap(cache, "w+", np.uint8, (len(paths), SIDE, SIDE, 3))
        for i, path in enumerate(paths):
            array[i] = prepare(path)
        array.flush()
        listing.write_text(names)
    return np.load(cache, mmap_mode="r")
