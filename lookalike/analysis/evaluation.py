"""Which queries an index is judged by: its own products, or photos known by their id or their class."""

import hashlib
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookalike.analysis.metrics import COLUMNS, SEED, Queries, label
from lookalike.errors import CatalogueError, ImageError
from lookalike.images.decoding import load_prepared
from lookalike.images.discovery import find_images

# Photos embedded at a time.
BATCH = 32


@dataclass(frozen=True)
class Query:
    """A file to ask with: the labels that are right by what is scored, its id or its class."""

    path: Path
    right: dict
    id: str | None = None
    group: str | None = None


def leave_one_out(index, attributes, only=None, limit=None):
    """Queries of the index's own products that have attributes; raises CatalogueError where there is none.

    only restricts them to a set of ids, limit to so many drawn by a seed.
    """
    products = [index.product(row) for row in range(len(index.names))]
    queries = [_by_id(product.path, product.id, attributes) for product in products]
    rows = [row for row, query in enumerate(queries) if query.right and (only is None or query.id in only)]
    if not rows:
        raise CatalogueError(
            f"None of the {len(products)} products of the index can be a query. Their ids must be in the table of "
            "attributes (--styles), with a column that is scored, and in the list of --held-out where one is given."
        )
    rows = _drawn(rows, limit)
    # As photos: a product's own tuned vector knows the very words that are asked for.
    return _queries([queries[row] for row in rows], index.with_tuned(index.spaces), rows, products)


def photo_queries(
    folder, recommender, attributes, classes=None, only=None, limit=None, progress=lambda items, **_: items
):
    """Queries of the photos in a folder, by their id, or by their sub-folder where classes are given.

    classes is what read_classes gives, only a set of file names without suffix; progress wraps the
    iterator of batches as tqdm does. Raises CatalogueError where no photo is left.
    """
    if not Path(folder).is_dir():
        raise CatalogueError(f"There is no folder {folder}. Name the folder of the photos to ask with (--queries).")
    paths = find_images(folder)
    queries = [_by_id(path, path.stem, attributes) for path in paths]
    if classes is not None:
        queries = [_by_class(path, path.relative_to(folder).parts[0], classes) for path in paths]
    queries = [query for query in queries if query.right and (only is None or query.path.stem in only)]
    left_out = len(paths) - len(queries)
    kept, vectors, notes = _embedded(_drawn(queries, limit), recommender.embedder, progress)
    vectors = recommender.index.with_tuned(vectors) if kept else vectors
    if not kept:
        raise CatalogueError(
            f"None of the {len(paths)} photos in {folder} can be a query. Their names must be ids of the table of "
            "attributes, or their sub-folders classes of the file given with --classes."
        )
    if left_out:
        notes = [f"{left_out} of {len(paths)} photos are left out: they have no such id, or no such class.", *notes]
    products = [recommender.index.product(row) for row in range(len(recommender.index.names))]
    return _queries(kept, vectors, range(len(kept)), products, notes)


def read_classes(path):
    """A dict from class to its article types, from JSON such as {"hat": ["Caps", "Hat"]}; raises CatalogueError."""
    loaded = _read_json(path)
    lists = loaded.values() if isinstance(loaded, dict) else [None]
    if not all(isinstance(types, list) and all(isinstance(name, str) for name in types) for types in lists):
        raise CatalogueError(f'{path} must map each class to a list of article types, as {{"hat": ["Caps", "Hat"]}}.')
    return loaded


def read_ids(path):
    """The set of ids in a JSON list, or in held_out.product_ids of a JSON object; raises CatalogueError."""
    loaded = _read_json(path)
    try:
        ids = loaded["held_out"]["product_ids"] if isinstance(loaded, dict) else loaded
    except (KeyError, TypeError):
        ids = None
    if not isinstance(ids, list):
        raise CatalogueError(f"{path} must hold a list of ids, or an object that has one as held_out.product_ids.")
    return {str(name) for name in ids}


def contents(paths):
    """One value a file, equal for byte-identical ones (SHA-256); a file that cannot be read equals only itself.

    Files are read only where another has the same size.
    """
    sizes = [_size(path) for path in paths]
    alike = Counter(sizes)
    return [_content(path, size is not None and alike[size] > 1) for path, size in zip(paths, sizes)]


def _content(path, is_read):
    try:
        if is_read:
            with open(path, "rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        pass
    return str(path)


def _size(path):
    try:
        return path.stat().st_size
    except OSError:
        return None


def _read_json(path):
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise CatalogueError(f"{path} cannot be read as JSON ({error}).") from None


def _by_id(path, name, attributes):
    own = attributes.get(name, {})
    labels = {scored: label(own, columns) for scored, columns in COLUMNS.items() if scored != "class"}
    return Query(path, {scored: {value} for scored, value in labels.items() if value}, id=name)


def _by_class(path, group, classes):
    types = {(name,) for name in classes.get(group, ())}
    return Query(path, {"class": types} if types else {}, group=group)


def _drawn(items, limit):
    """At most limit items, drawn by a seed, in their order."""
    if limit is None or limit >= len(items):
        return items
    chosen = np.random.default_rng(SEED).choice(len(items), limit, replace=False)
    return [items[number] for number in sorted(chosen)]


def _embedded(queries, embedder, progress):
    """The queries whose photos can be read, their vectors by space, and the reasons of the others."""
    kept, parts, notes = [], [], []
    batches = [queries[start : start + BATCH] for start in range(0, len(queries), BATCH)]
    with ThreadPoolExecutor() as readers:
        for batch in progress(batches, desc="photos", unit="batch"):
            read = [*readers.map(lambda query: _prepared(query.path, embedder.size), batch)]
            notes += [str(found) for found in read if isinstance(found, ImageError)]
            good = [(query, found) for query, found in zip(batch, read) if not isinstance(found, ImageError)]
            if good:
                kept += [query for query, _ in good]
                pixels, aspects = zip(*(found for _, found in good))
                parts.append(embedder.vectors(np.stack(pixels), aspects))
    return kept, {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}, notes


def _prepared(path, size):
    try:
        return load_prepared(path, size)
    except ImageError as error:
        return error


def _queries(items, vectors, rows, products, notes=()):
    """The Queries of Query items; none finds a product with its bytes or of its own id."""
    files = contents([item.path for item in (*items, *products)])
    # The same product at another size is another file, but its id tells.
    ids = [item.id for item in (*items, *products)]
    keys = np.stack([_numbers(files), _numbers(ids)], axis=1)
    missing = sum(not product.path.is_file() for product in products)
    if missing:
        notes = [*notes, f"{missing} products' files are not on disk: copies of them are not recognized."]
    right, groups = tuple(item.right for item in items), tuple(item.group for item in items)
    m = len(items)
    return Queries(vectors, np.array(rows), right, keys[:m], keys[m:], groups if any(groups) else None, tuple(notes))


def _numbers(values):
    known = {}
    return np.array([known.setdefault(value, len(known)) for value in values])
