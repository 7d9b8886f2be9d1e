"""How relevant the five products are: for held-out and further products, and for photos by unseen and other people.

python benchmarks/relevance.py --data DIR

DIR holds fashion-product-images/ and the two folders of shopper photos with shopper-photos.csv. The index holds the
products that the fashion network was trained on; the queries are products and people held out from its training. The
held-out products are queries a second time on other backgrounds.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import harness
from PIL import Image

HELD_OUT = json.loads((harness.ROOT / "lookalike" / "weights" / "fashion.json").read_text())["held_out"]
CLASSES = harness.ROOT / "benchmarks" / "classes.json"
SEED = 11
# With no more photos than this, a label's precision is mostly chance, and it dominates a mean over labels.
FEW = 12


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", default="efficientnet-lite0")
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    data = options.data.resolve()
    catalogue = data / "fashion-product-images"
    harness.print_head(data, "nothing is timed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        link_data(data, folder)
        compose(folder / "held-out", folder / "composed")
        styles = ["--styles", catalogue / "styles.csv"]
        index = ["--images", folder / "images", "--output", folder, "--backbone", options.backbone]
        run("index", *index, *styles)
        for title, queries in (
            ("held-out products", [folder / "held-out"]),
            ("held-out products on other backgrounds", [folder / "composed"]),
            ("further products at their original size", [catalogue / "fullres"]),
            ("photos of held-out people", [folder / "people", "--classes", CLASSES]),
            ("of these, the classes of the shopper photos", [folder / "people-classes", "--classes", CLASSES]),
            (f"of all, labels of more than {FEW} photos", [folder / "people-often", "--classes", CLASSES]),
            ("shopper photos", [data / "shopper-photos", "--classes", CLASSES]),
        ):
            print(f"\n{title}", flush=True)
            run("evaluate", "--index", folder, *styles, "--queries", *queries)


def run(*arguments: str | Path) -> None:
    """Run a command of lookalike."""
    subprocess.run([sys.executable, "-m", "lookalike", *map(str, arguments)], cwd=harness.ROOT, check=True)


def link_data(data: Path, folder: Path) -> None:
    """Link the catalogue, the held-out products and the photos of held-out people into folders below folder."""
    held = set(HELD_OUT["product_ids"])
    products = sorted((data / "fashion-product-images" / "images").iterdir())
    link([path for path in products if path.stem not in held], folder / "images")
    link([path for path in products if path.stem in held], folder / "held-out")
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
