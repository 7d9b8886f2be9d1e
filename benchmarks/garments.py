"""Which garments are found in photos, and what looking for them costs.

python benchmarks/garments.py --data DIR [--street-photos FIRST LAST]

DIR holds street-outfits/ and shopper-photos/. In the last 150 street photos, which the garment finder has not seen: the
share of labeled boxes (of at least 1 % of the photo, of the first seven kinds) that are found with their name and an
overlap of at least 0.4, the share of what is found there that is right, and the share of photos with two right
garments. Photos of one thing should show one.
"""

import argparse
import csv
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import harness
import numpy as np

from lookalike.embedding.embedder import load_finder
from lookalike.embedding.garments import Garment, describe_finder, find_garments, overlap
from lookalike.images.decoding import load_pixels

HELD_OUT = 150
JUDGED = ("top", "bottom", "dress", "outerwear", "footwear", "bag", "headwear")
MIN_AREA, MIN_OVERLAP = 0.01, 0.4


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--street-photos", type=int, nargs=2, metavar=("FIRST", "LAST"), help="others than the last 150, from 0"
    )
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    data = options.data.resolve()
    harness.print_head(data, "one photo after another")
    finder, side = load_finder(), describe_finder().side
    street = data / "street-outfits"
    files = sorted(path.name for path in (street / "images").iterdir())
    asked = files[slice(*options.street_photos)] if options.street_photos else files[-HELD_OUT:]
    found, seconds = {}, []
    for name in asked:
        pixels = load_pixels(street / "images" / name, side)
        start = time.perf_counter()
        found[name] = find_garments(finder, pixels)
        seconds.append(time.perf_counter() - start)
    print_street(found, read_boxes(street / "boxes.csv"))
    counts = Counter(
        len(find_garments(finder, load_pixels(path, side))) for path in sorted((data / "shopper-photos").rglob("*.jpg"))
    )
    total = sum(counts.values())
    shares = ", ".join(f"{number} garments {count / total:.3f}" for number, count in sorted(counts.items()))
    print(f"\n{total} photos of one thing: {shares}")
    print(f"looking for garments: median {np.median(seconds) * 1000:.1f} ms a photo")


def read_boxes(path: Path) -> Mapping[str, list[Garment]]:
    """Return the labeled boxes of each street photo."""
    boxes = defaultdict(list)
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            left, top, right, bottom = (float(row[edge]) for edge in ("left", "top", "right", "bottom"))
            boxes[row["file"]].append(Garment(row["group"], (left, top, right, bottom), 1.0))
    return boxes


def print_street(found: Mapping[str, Sequence[Garment]], labeled: Mapping[str, Sequence[Garment]]) -> None:
    """Print recall and precision of each kind, and in how many photos two garments are right."""
    wanted, hit, proposed, right, rights = Counter(), Counter(), Counter(), Counter(), []
    for name, garments in found.items():
        large = [one for one in labeled[name] if one.garment in JUDGED and one.area >= MIN_AREA]
        for one in large:
            wanted[one.garment] += 1
            hit[one.garment] += any(is_same(one, other) for other in garments)
        correct = [one for one in garments if any(is_same(one, other) for other in labeled[name])]
        proposed.update(one.garment for one in garments)
        right.update(one.garment for one in correct)
        rights.append(len(correct) >= 2)
    print(f"{len(found)} street photos\n{'':16} boxes  found  proposed  right")
    for kind in [*JUDGED, *sorted(proposed.keys() - set(JUDGED))]:
        recall, precision = (a[kind] / max(b[kind], 1) for a, b in ((hit, wanted), (right, proposed)))
        print(f"{kind:16} {wanted[kind]:5}  {recall:5.3f}  {proposed[kind]:8}  {precision:5.3f}")
    judged = [sum(counter[kind] for kind in JUDGED) for counter in (hit, wanted, right, proposed)]
    print(f"all seven: found {judged[0] / judged[1]:.3f}, right {judged[2] / judged[3]:.3f}")
    print(f"every kind: right {right.total() / proposed.total():.3f}")
    print(f"photos with two right garments: {np.mean(rights):.3f}")


def is_same(one: Garment, other: Garment) -> bool:
    return one.garment == other.garment and overlap(one.box, other.box) >= MIN_OVERLAP


if __name__ == "__main__":
    main(parse_arguments())
