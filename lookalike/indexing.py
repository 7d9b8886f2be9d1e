"""Paths → index: decode in parallel, embed in batches, write, report."""

import csv
import io
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import CatalogueError, ImageError, IndexFileError
from .images import find_images, load_pixels
from .index import save_index, stored_name

SKIPPED = "skipped.csv"


@dataclass(frozen=True)
class Report:
    """What a run did: counts of files, seconds from first to last, and the skipped with reasons."""

    found: int
    indexed: int
    skipped: tuple
    seconds: float
    backbone: str


def build_index(images, output, embedder, styles=None, batch_size=32, workers=2, progress=lambda items, total: items):
    """Index the folder images into the folder output and return a Report.

    progress wraps the iterator of finished images and is told their total, as tqdm is.
    Raises CatalogueError or IndexFileError.
    """
    start = time.perf_counter()
    paths = find_images(images)
    names, look, skipped = _embed_all(paths, output, embedder, batch_size, workers, progress)
    _write_skipped(output, skipped)
    if not names:
        raise CatalogueError(
            f"None of the {len(paths)} files in {images} can be read as an image; "
            f"{Path(output) / SKIPPED} says why. Nothing was indexed."
        )
    description = {
        **embedder.backbone.manifest(),
        "weights_file": str(Path(embedder.backbone.weights).resolve()),
        "images": stored_name(images, output),
        "styles": stored_name(styles, output) if styles else None,
    }
    save_index(output, np.concatenate(look), names, description)
    seconds = time.perf_counter() - start
    return Report(len(paths), len(names), tuple(skipped), seconds, embedder.backbone.name)


def _embed_all(paths, output, embedder, batch_size, workers, progress):
    """Names and a list of vectors of the readable images, and (name, reason) of the others."""
    names, vectors, skipped, batch = [], [], [], []
    decoded = _decoded(paths, embedder.size, workers, 2 * batch_size)
    for path, pixels in progress(decoded, len(paths)):
        if isinstance(pixels, ImageError):
            skipped.append((stored_name(path, output), str(pixels)))
            continue
        names.append(stored_name(path, output))
        batch.append(pixels)
        if len(batch) == batch_size:
            vectors.append(embedder.embed(np.stack(batch)))
            batch.clear()
    if batch:
        vectors.append(embedder.embed(np.stack(batch)))
    return names, vectors, skipped


def _decoded(paths, size, workers, ahead):
    """(path, pixels or ImageError) in order, decoded by threads at most ahead images in advance."""
    with ThreadPoolExecutor(workers) as threads:
        waiting = deque()
        for path in paths:
            waiting.append((path, threads.submit(_pixels_or_error, path, size)))
            if len(waiting) > ahead:
                path, future = waiting.popleft()
                yield path, future.result()
        for path, future in waiting:
            yield path, future.result()


def _pixels_or_error(path, size):
    try:
        return load_pixels(path, size)
    except ImageError as error:
        return error


def _write_skipped(output, skipped):
    """One row a skipped file: its path and the reason; the header alone where there is none."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("path", "reason"))
    rows.writerows(skipped)
    path = Path(output) / SKIPPED
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.getvalue(), encoding="utf-8")
    except OSError as error:
        raise IndexFileError(
            f"{path} cannot be written ({error.strerror}). Make room or choose another folder with --output."
        ) from None
