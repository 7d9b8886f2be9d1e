"""Files to pixels, once: upright RGB, squashed to 224 x 224, kept in one memory-mapped array."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SIDE = 224


def prepare(path):
    """Return the upright image of a file as (224, 224, 3) uint8, its aspect ignored."""
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image).convert("RGB")
        return np.asarray(image.resize((SIDE, SIDE), Image.BILINEAR))


def load(paths, cache):
    """Return (n, 224, 224, 3) uint8, from cache if it was made of the same files."""
    cache, listing = Path(cache), Path(cache).with_suffix(".txt")
    names = "\n".join(str(p) for p in paths)
    if not (cache.exists() and listing.exists() and listing.read_text() == names):
        array = np.lib.format.open_memmap(cache, "w+", np.uint8, (len(paths), SIDE, SIDE, 3))
        for i, path in enumerate(paths):
            array[i] = prepare(path)
        array.flush()
        listing.write_text(names)
    return np.load(cache, mmap_mode="r")
