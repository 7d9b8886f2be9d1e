"""Files to pixels, once: upright RGB, 224 x 224 as the app shows it the network, in one memory-mapped array."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SIDE = 224
# As lookalike/framing.py has them: between which shapes, width by height, an image may be squashed into a square.
NARROWEST, WIDEST = 3 / 4, 1
# Stands in the listing beside the kept pixels: raise it when the same files give others.
PREPARATION = "squashed and extended, 2"


def prepare(path):
    """Return the upright image of a file as (224, 224, 3) uint8, a tall or wide one extended by its rims."""
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image).convert("RGB")
        aspect = image.width / image.height
        squashed = image.resize((SIDE, SIDE), Image.BILINEAR)
    wide = round(SIDE * min(1, aspect / NARROWEST))
    high = round(SIDE * min(1, WIDEST / aspect))
    inner = np.asarray(squashed.resize((max(1, wide), max(1, high)), Image.BILINEAR))
    around = [((SIDE - n) // 2, SIDE - n - (SIDE - n) // 2) for n in inner.shape[:2]]
    return np.pad(inner, (*around, (0, 0)), mode="edge")


def load(paths, cache):
    """Return (n, 224, 224, 3) uint8, from cache if it was made of the same files in the same way."""
    cache, listing = Path(cache), Path(cache).with_suffix(".txt")
    names = "\n".join([PREPARATION, *map(str, paths)])
    if not (cache.exists() and listing.exists() and listing.read_text() == names):
        array = np.lib.format.open_memmap(cache, "w+", np.uint8, (len(paths), SIDE, SIDE, 3))
        for i, path in enumerate(paths):
            array[i] = prepare(path)
        array.flush()
        listing.write_text(names)
    return np.load(cache, mmap_mode="r")
