"""A drawn outfit: products of the demo's catalogue on one picture, as a person would wear them."""

import csv

import numpy as np
from PIL import Image

from tests.support.data import ROOT

SIZE = (480, 720)
# Article type, and where its drawing goes: left, top, width.
PARTS = (("Tshirts", 130, 30, 220), ("Jeans", 158, 235, 164), ("Casual Shoes", 175, 630, 130))
WHITE = 235


def drawn_outfit() -> Image.Image:
    """Return a shirt above jeans above shoes, on white."""
    outfit = Image.new("RGB", SIZE, "white")
    with open(ROOT / "styles.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for kind, left, top, width in PARTS:
        identity = next(row["id"] for row in rows if row["articleType"] == kind)
        with Image.open(ROOT / "images" / f"{identity}.jpg") as picture:
            image = picture.convert("RGB")
        drawn = np.asarray(image).min(axis=2) < WHITE
        rows_drawn, columns_drawn = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
        box = columns_drawn[0], rows_drawn[0], columns_drawn[-1] + 1, rows_drawn[-1] + 1
        height = round(width * (box[3] - box[1]) / (box[2] - box[0]))
        mask = Image.fromarray(drawn.astype(np.uint8) * 255).crop(box).resize((width, height))
        outfit.paste(image.crop(box).resize((width, height)), (left, top), mask)
    return outfit
