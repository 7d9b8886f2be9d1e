"""How relevant the five products are: held-out products, further products, photos of people never seen and others.

python benchmarks/relevance.py --data DIR: DIR holds fashion-product-images/ and the two folders of shopper
photos with shopper-photos.csv. The catalogue indexed is what the fashion network was trained on; the products
and people held out from its training ask. Held-out products ask once more on other backgrounds.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import harness
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
HELD_OUT = json.loads((ROOT / "lookalike" / "weights" / "fashion.json").read_text())["held_out"]


SEED = 11
# A mean over labels is led by chance where a label has no more photos than this.
FEW = 12


def link(paths, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        (folder / path.name).symlink_to(path.resolve())


def lay_out(data, folder):
    """Links to the catalogue, to the held-out products and to the photos of held-out people, in three folders."""
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


def compose(products, folder):
    """Those of the products that stand on white, drawn once on a made-up background each, in folder."""
    from lookalike.tuning.augmentation import composite, cut_out
    from lookalike.images.decoding import load_pixels

    folder.mkdir()
    for path in sorted(products.iterdir()):
        pixels = load_pixels(path, 224)
        mask = cut_out(pixels)
        if mask is not None:
            made = composite(pixels, mask, np.random.default_rng([SEED, int(path.stem)]))
            Image.fromarray(made).save(folder / f"{path.stem}.png")


def run(*command):
    subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, check=True)


def main(options):
    data = options.data.resolve()
    classes, catalogue = ROOT / "benchmarks" / "classes.json", data / "fashion-product-images"
    harness.print_head(data, "nothing is timed")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        lay_out(data, folder)
        compose(folder / "held-out", folder / "composed")
        styles = ["--styles", catalogue / "styles.csv"]
        index = ["--images", folder / "images", "--output", folder, "--backbone", options.backbone]
        run("extract_features.py", *index, *styles)
        evaluate = ["-m", "lookalike", "evaluate", "--index", folder, *styles, "--queries"]
        for title, queries in (
            ("held-out products", [folder / "held-out"]),
            ("held-out products on other backgrounds", [folder / "composed"]),
            ("further products at their original size", [catalogue / "fullres"]),
            ("photos of held-out people", [folder / "people", "--classes", classes]),
            ("of these, the classes of the shopper photos", [folder / "people-classes", "--classes", classes]),
            (f"of all, labels of more than {FEW} photos", [folder / "people-often", "--classes", classes]),
            ("shopper photos", [data / "shopper-photos", "--classes", classes]),
        ):
            print(f"\n{title}", flush=True)
            run(*evaluate, *queries)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", default="efficientnet-lite0")
    main(parser.parse_args())
