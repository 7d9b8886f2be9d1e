"""How relevant the five products are, by judges that the fashion network was not trained on.

python benchmarks/relevance.py --data DIR [--only products photos garments other-shop] [--small-catalogue]

DIR holds fashion-product-images/, the two folders of shopper photos with their two files of labels, street-outfits/ and
other-shop/. The index holds the products that the network was trained on. The judges:

- products: held-out products, the same on other backgrounds, and further ones at their original size;
- photos: of people held out from training and of others, by class and by the types and colors that fit each one;
- garments: in the last street photos, each asked by its box;
- other-shop: another picture of the very product, in a shop without a table and in one with a head of its own.

With --small-catalogue, the catalogue is pictures of 60 × 80, as `lookalike fetch` brings them, without the held-out
products; the products that ask are as small.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import harness
from PIL import Image

HELD_OUT = json.loads((harness.ROOT / "lookalike" / "weights" / "fashion.json").read_text())["held_out"]
CLASSES = harness.ROOT / "benchmarks" / "classes.json"
SEED = 11
# With no more photos than this, a label's precision is mostly chance, and it dominates a mean over labels.
FEW = 12
# The street photos to judge on: the last ones by name.
HELD_OUT_STREET_PHOTOS = 150
SMALL = (60, 80)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", default="efficientnet-lite0")
    parser.add_argument("--only", nargs="*", choices=[*JUDGES], default=[*JUDGES], help="judges (default: all)")
    parser.add_argument("--small-catalogue", action="store_true", help="products and photos over small pictures")
    parser.add_argument("--work", type=Path, help="folder to keep the indexes in (default: a temporary one)")
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    data = options.data.resolve()
    harness.print_head(data, "nothing is timed")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for judge in options.only:
            JUDGES[judge](data, folder.resolve(), options)


def judge_products(data: Path, folder: Path, options: argparse.Namespace) -> None:
    """Judge by held-out products, their composites and further products."""
    catalogue = data / "fashion-product-images"
    index = make_catalogue(data, folder, options)
    if not (folder / "composed").exists():
        compose(folder / "held-out", folder / "composed")
    styles = ["--styles", catalogue / "styles.csv"]
    ask("held-out products", index, *styles, "--queries", folder / "held-out")
    ask("held-out products on other backgrounds", index, *styles, "--queries", folder / "composed")
    ask("further products at their original size", index, *styles, "--queries", catalogue / "fullres")


def judge_photos(data: Path, folder: Path, options: argparse.Namespace) -> None:
    """Judge by photos: by their class, and by the types and colors that fit each one, with a head and without."""
    index = make_catalogue(data, folder, options)
    styles = ["--styles", data / "fashion-product-images" / "styles.csv"]
    for title, queries in (
        ("photos of held-out people", folder / "people"),
        ("of these, the classes of the shopper photos", folder / "people-classes"),
        (f"of all, labels of more than {FEW} photos", folder / "people-often"),
        ("shopper photos", data / "shopper-photos"),
    ):
        ask(title, index, *styles, "--queries", queries, "--classes", CLASSES)
    people = set(HELD_OUT["people"])
    with open(data / "shopper-photos.csv", encoding="utf-8", newline="") as file:
        held = {row["path"] for row in csv.DictReader(file) if row["person"] in people}
    fine = data / "shopper-photos-fine.csv"
    unseen = pick_rows(
        fine, folder / "people.csv", lambda row: row["path"] in held and row["path"].startswith("shopper-photos-train/")
    )
    others = pick_rows(fine, folder / "shoppers.csv", lambda row: row["path"].startswith("shopper-photos/"))
    untuned = make_index(folder / "untuned", folder / "images", options)
    for title, own in (("default", index), ("without a head", untuned)):
        ask(f"photos of held-out people, what fits: {title}", own, *styles, "--queries", data, "--labels", unseen)
        ask(f"shopper photos, what fits: {title}", own, *styles, "--queries", data, "--labels", others)


def judge_garments(data: Path, folder: Path, options: argparse.Namespace) -> None:
    """Judge by garments in street photos, each asked by its box."""
    index = make_catalogue(data, folder, options)
    street = data / "street-outfits"
    last = set(sorted(path.name for path in (street / "images").iterdir())[-HELD_OUT_STREET_PHOTOS:])
    chosen = pick_rows(street / "garments.csv", folder / "garments.csv", lambda row: row["file"] in last)
    styles = ["--styles", data / "fashion-product-images" / "styles.csv"]
    ask("garments by their boxes", index, *styles, "--queries", street / "images", "--labels", chosen)


def judge_other_shop(data: Path, folder: Path, options: argparse.Namespace) -> None:
    """Judge by other pictures of the very product, in a shop without a table and in one with a head of its own."""
    shop, main = data / "other-shop", folder / "other-shop"
    with open(shop / "products.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if not main.exists():
        link([shop / "images" / row["file"] for row in rows if row["role"] == "main"], main / "images")
        names = {"id": "id", "articleType": "label", "baseColour": "color", "gender": "gender"}
        # Next to the images, an index without a table would find it too.
        (main / "table").mkdir()
        with open(main / "table" / "styles.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            for row in rows:
                own = {"id": Path(row["file"]).stem} | row
                writer.writerow({column: own[name] for column, name in names.items()})
    untuned = make_index(main / "untuned", main / "images", options)
    tuned = make_index(main / "tuned", main / "images", options, main / "table" / "styles.csv")
    run("tune", "--index", tuned)
    queries = ["--queries", shop / "images", "--same-product", shop / "products.csv"]
    ask("the very product of another shop, no table", untuned, *queries)
    ask("the very product of another shop, its own head", tuned, *queries)


JUDGES: Mapping[str, Callable[[Path, Path, argparse.Namespace], None]] = {
    "products": judge_products,
    "photos": judge_photos,
    "garments": judge_garments,
    "other-shop": judge_other_shop,
}


def make_catalogue(data: Path, folder: Path, options: argparse.Namespace) -> Path:
    """Return the folder of the index of the catalogue, made at the first call."""
    styles = data / "fashion-product-images" / "styles.csv"
    if not (folder / "images").exists():
        link_data(data, folder, options.small_catalogue)
    return make_index(folder / "tuned", folder / "images", options, styles)


def make_index(folder: Path, images: Path, options: argparse.Namespace, styles: Path | None = None) -> Path:
    """Return the folder of an index of images, made at the first call; a table gives it a head where that helps."""
    if not (folder / "index.json").exists():
        table = ["--styles", styles] if styles else []
        run("index", "--images", images, "--output", folder, "--backbone", options.backbone, *table)
    return folder


def pick_rows(table: Path, chosen: Path, is_wanted: Callable[[Mapping[str, str]], bool]) -> Path:
    """Write the rows of a CSV file that are wanted to another one, and return that."""
    with open(table, encoding="utf-8", newline="") as file, open(chosen, "w", encoding="utf-8", newline="") as picked:
        reader = csv.DictReader(file)
        writer = csv.DictWriter(picked, reader.fieldnames or ())
        writer.writeheader()
        writer.writerows(row for row in reader if is_wanted(row))
    return chosen


def ask(title: str, index: Path, *arguments: str | Path) -> None:
    """Print the figures of one judge."""
    print(f"\n{title}", flush=True)
    run("evaluate", "--index", index, *arguments)


def run(*arguments: str | Path) -> None:
    """Run a command of lookalike."""
    subprocess.run([sys.executable, "-m", "lookalike", *map(str, arguments)], cwd=harness.ROOT, check=True)


def link_data(data: Path, folder: Path, small: bool) -> None:
    """Put the catalogue, the held-out products and the photos of held-out people into folders below folder."""
    held = set(HELD_OUT["product_ids"])
    catalogue = data / "fashion-product-images"
    products = sorted((catalogue / "images").iterdir())
    asked = [path for path in products if path.stem in held]
    others = [path for path in products if path.stem not in held]
    if small:
        with zipfile.ZipFile(catalogue / "small.zip") as archive:
            archive.extractall(folder / "images")
        make_small([*others, *sorted((catalogue / "more").iterdir())], folder / "images")
        make_small(asked, folder / "held-out")
    else:
        link(others, folder / "images")
        link(asked, folder / "held-out")
    with open(data / "shopper-photos.csv", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["path"].startswith("shopper-photos-train/")]
    photos = [data / row["path"] for row in rows if row["person"] in HELD_OUT["people"]]
    labels = Counter(path.parent.name for path in photos)
    classes = {path.name for path in (data / "shopper-photos").iterdir()}
    for label, count in labels.items():
        own = [path for path in photos if path.parent.name == label]
        link(own, folder / "people" / label)
        if label in classes:
            link(own, folder / "people-classes" / label)
        if count > FEW:
            link(own, folder / "people-often" / label)


def link(paths: Iterable[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        (folder / path.name).symlink_to(path.resolve())


def make_small(paths: Sequence[Path], folder: Path) -> None:
    """Write pictures at the size of the small Kaggle set into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        with Image.open(path) as image:
            image.convert("RGB").resize(SMALL, Image.Resampling.LANCZOS).save(folder / f"{path.stem}.webp", quality=85)


def compose(products: Path, folder: Path) -> None:
    """Paste each product that can be cut out onto one synthetic background, into folder."""
    from lookalike.tuning.augmentation import composite, cut_out
    from lookalike.images.decoding import load_pixels

    folder.mkdir()
    for path in sorted(products.iterdir()):
        pixels = load_pixels(path, 224)
        mask = cut_out(pixels)
        if mask is not None:
            composed = composite(pixels, mask, np.random.default_rng([SEED, int(path.stem)]))
            Image.fromarray(composed).save(folder / f"{path.stem}.png")


if __name__ == "__main__":
    main(parse_arguments())
