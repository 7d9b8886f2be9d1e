"""Draw the demo catalogue: images/ID.jpg for every product, and styles.csv with their attributes."""

import argparse
import csv
import os
from multiprocessing import Pool
from pathlib import Path

from catalogue import COLUMNS, draw, products

QUALITY = 69


def _save(job):
    product, folder = job
    picture, row = draw(product)
    picture.save(folder / f"{product.id}.jpg", quality=QUALITY, optimize=True, progressive=True)
    return row


def main():
    """Write the pictures and the table below the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder to write images/ and styles.csv into")
    output = parser.parse_args().output
    folder = output / "images"
    folder.mkdir(parents=True, exist_ok=True)
    with Pool(os.cpu_count()) as pool:
        rows = pool.map(_save, [(product, folder) for product in products()], chunksize=4)
    with open(output / "styles.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(rows)


if __name__ == "__main__":
    main()
