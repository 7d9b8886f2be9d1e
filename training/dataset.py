"""What there is to learn from: products, photos and garments in street photos, their pixels, and what is held out."""

import csv
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
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
PATTERNS = ("plain", "striped", "checked", "printed", "floral", "dotted", "block")
UNUSABLE = ("bad", "many", "wrong")  # flags of a photo or garment that is left out
# The garment groups whose boxes are labeled, the street photos to judge on (the last ones by name), and the least area.
LABELED_GROUPS = ("top", "bottom", "dress", "outerwear", "footwear", "bag", "headwear")
HELD_OUT_STREET_PHOTOS, MIN_GARMENT_AREA = 150, 0.01
CONTEXT = 0.12  # of a garment's box, kept around it on each side
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


def read_more_products(source: str | Path, styles: str | Path) -> Dataset:
    """Return the products of another folder, or of a .zip, that styles.csv lists; none of them is held out."""
    with open(styles, newline="", encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    source = Path(source)
    if source.is_dir():
        paths = sorted(source.iterdir())
    else:
        with zipfile.ZipFile(source) as archive:
            paths = [source / name for name in sorted(archive.namelist())]
    paths = [path for path in paths if path.stem in rows]
    labels = {a: [rows[p.stem][a] or "NA" for p in paths] for a in ATTRIBUTES}
    return Dataset(paths, [p.stem for p in paths], labels, np.zeros(len(paths), bool))


@dataclass(frozen=True)
class Shots:
    """n pictures of worn or lying garments, with what a person says of each.

    Attributes:
        pixels: uint8 (n, 224, 224, 3).
        masks: uint8 (n, 224, 224), all zero where the garment is not cut out.
        types: the article types that a shopper accepts, best first.
        colors: words for its colors, largest area first.
        genders: one word each, or "".
        patterns: one of PATTERNS each, or "".
        labels: the label of a photo's folder, or "".
        is_photo: bool (n,), False for a garment of a street photo.
    """

    pixels: Pixels
    masks: Pixels
    types: list[tuple[str, ...]]
    colors: list[tuple[str, ...]]
    genders: list[str]
    patterns: list[str]
    labels: list[str]
    is_photo: Mask


def read_fine_labels(path: str | Path) -> dict[str, dict[str, str]]:
    """Return the rows of a file of labels given by eye, by the photo's path; without those that cannot be used."""
    with open(path, newline="", encoding="utf-8") as file:
        return {row["path"]: row for row in csv.DictReader(file) if row["flag"] not in UNUSABLE}


@dataclass(frozen=True)
class Garment:
    """One labeled garment of a street photo: file, group, box (left, top, right, bottom in fractions), words."""

    file: str
    group: str
    box: tuple[float, float, float, float]
    types: tuple[str, ...]
    colors: tuple[str, ...]


def read_garments(folder: str | Path, held_out: bool = False) -> list[Garment]:
    """Return the labeled garments of the street photos to train on, or of those that are held out."""
    folder = Path(folder)
    files = sorted(path.name for path in (folder / "images").iterdir())
    chosen = set(files[-HELD_OUT_STREET_PHOTOS:] if held_out else files[:-HELD_OUT_STREET_PHOTOS])
    with open(folder / "garments.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["file"] in chosen and row["flag"] not in UNUSABLE]
    found = []
    for row in rows:
        left, top, right, bottom = (float(row[edge]) for edge in ("left", "top", "right", "bottom"))
        types, colors = (tuple(filter(None, row[name].split("|"))) for name in ("types", "colors"))
        found.append(Garment(row["file"], row["group"], (left, top, right, bottom), types, colors))
    return found


def load_garments(garments: Sequence[Garment], folder: str | Path, cache: str | Path) -> tuple[Pixels, Pixels]:
    """Return the garments with CONTEXT around their boxes: uint8 pixels (n, 224, 224, 3) and masks (n, 224, 224)."""
    folder, cache = Path(folder), Path(cache)
    groups = (folder / "groups.txt").read_text().splitlines()
    if not cache.exists():
        pixels, masks = [], []
        for garment in garments:
            left, top, right, bottom = garment.box
            wide, high = (right - left) * CONTEXT, (bottom - top) * CONTEXT
            with Image.open(folder / "images" / garment.file) as file:
                image = ImageOps.exif_transpose(file).convert("RGB")
            edges = (max(0, left - wide), max(0, top - high), min(1, right + wide), min(1, bottom + high))
            sides = (image.width, image.height) * 2
            box = tuple(round(edge * side) for edge, side in zip(edges, sides))
            with Image.open((folder / "masks" / garment.file).with_suffix(".png")) as file:
                mask = Image.fromarray((np.asarray(file) == groups.index(garment.group)).astype(np.uint8) * 255)
            pixels.append(square(image.crop(box)))
            masks.append(square(mask.crop(box)))
        np.savez(cache, pixels=np.stack(pixels), masks=np.stack(masks))
    with np.load(cache) as stored:
        return stored["pixels"], stored["masks"]


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
    return {head: sorted(set(words) - {"NA", ""}) for head, words in values.items()} | {"pattern": list(PATTERNS)}


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
        return square(ImageOps.exif_transpose(file).convert("RGB"))


def square(image: Image.Image) -> Pixels:
    """Return an image as uint8 (224, 224, ...); a tall or wide one is extended by its edges."""
    aspect = image.width / image.height
    squashed = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    width = round(SIDE * min(1, aspect / MIN_ASPECT))
    height = round(SIDE * min(1, MAX_ASPECT / aspect))
    inner = np.asarray(squashed.resize((max(1, width), max(1, height)), Image.Resampling.BILINEAR))
    margins = [((SIDE - n) // 2, SIDE - n - (SIDE - n) // 2) for n in inner.shape[:2]]
    return np.pad(inner, [*margins, (0, 0)][: inner.ndim], mode="edge")


def load_pixels(paths: Sequence[Path], cache: str | Path) -> Pixels:
    """Return uint8 (n, 224, 224, 3), memory-mapped from cache if that was made of the same files in the same way.

    A path may lead into a .zip.
    """
    cache, listing = Path(cache), Path(cache).with_suffix(".txt")
    names = "\n".join([PREPARATION, *map(str, paths)])
    if not (cache.exists() and listing.exists() and listing.read_text() == names):
        array = np.lib.format.open_memmap(cache, "w+", np.uint8, (len(paths), SIDE, SIDE, 3))
        archives: dict[Path, zipfile.ZipFile] = {}
        for i, path in enumerate(paths):
            if path.parent.suffix == ".zip":
                if path.parent not in archives:
                    archives[path.parent] = zipfile.ZipFile(path.parent)
                with Image.open(BytesIO(archives[path.parent].read(path.name))) as file:
                    array[i] = square(file.convert("RGB"))
            else:
                array[i] = prepare(path)
        array.flush()
        listing.write_text(names)
    return np.load(cache, mmap_mode="r")
