"""The queries an index is evaluated with: its own products, or photos known by their id or their class."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lookalike.analysis.metrics import (
    COLUMNS,
    OWN_WORDS,
    SEED,
    AttributesById,
    Keys,
    Label,
    Queries,
    joint_label,
    number_distinct,
)
from lookalike.embedding.embedder import Embedder
from lookalike.errors import CatalogueError, ImageError
from lookalike.files import file_sha256
from lookalike.images.decoding import load_prepared
from lookalike.images.discovery import find_images
from lookalike.index.attributes import mend_ids
from lookalike.index.catalogue import Catalogue, Product, product_id
from lookalike.index.reading import Index
from lookalike.search.recommender import Recommender
from lookalike.types import Matrix, Pixels, Progress, Vectors, no_progress

Item = TypeVar("Item")

PHOTOS_PER_BATCH = 32


@dataclass(frozen=True)
class LabeledImage:
    """A file to query with: the labels that are right, by what is scored, and its id or its class (group)."""

    path: Path
    right: Mapping[str, set[Label]]
    id: str | None = None
    group: str | None = None


def leave_one_out(
    index: Index, attributes: AttributesById, only: Collection[str] | None = None, limit: int | None = None
) -> Queries:
    """Return Queries of the index's own products that have attributes; raises CatalogueError if there are none.

    only restricts them to a set of ids, limit to a random sample of that size.
    """
    products = _products(index)
    images = [_label_by_id(product.path, product.id, attributes) for product in products]
    rows = [
        row
        for row, (image, product) in enumerate(zip(images, products))
        # A product asks once, by its first picture.
        if image.right and not product.first and (only is None or image.id in only)
    ]
    if not rows:
        raise CatalogueError(
            f"None of the {len(products)} products of the index can be a query. Their ids must be in the table of "
            "attributes (--styles), with a column that is scored, and in the list of --held-out if one is given."
        )
    sampled = sample(rows, limit)
    # Tuned vectors as a photo would get them: a product's own were made from the very words that are scored.
    return _make_queries([images[row] for row in sampled], index.with_tuned(index.spaces), sampled, index, products)


def photo_queries(
    folder: str | Path,
    recommender: Recommender,
    attributes: AttributesById,
    classes: Mapping[str, Sequence[str]] | None = None,
    only: Collection[str] | None = None,
    limit: int | None = None,
    progress: Progress = no_progress,
) -> Queries:
    """Return Queries of the photos in a folder, labeled by their id, or by their subfolder if classes are given.

    classes is what read_classes returns, only a set of file names without suffix, limit the size of a random sample.
    Raises CatalogueError if no photo is left.
    """
    if not Path(folder).is_dir():
        raise CatalogueError(f"There is no folder {folder}. Name the folder of the photos to query with (--queries).")
    paths = find_images(folder)
    if classes is None:
        images = [_label_by_id(path, product_id(path.name), attributes) for path in paths]
    else:
        images = [_label_by_class(path, path.relative_to(folder).parts[0], classes) for path in paths]
    images = [image for image in images if image.right and (only is None or product_id(image.path.name) in only)]
    left_out = len(paths) - len(images)
    kept, vectors, notes = embed_images(sample(images, limit), recommender.embedder, progress)
    if not kept:
        raise CatalogueError(
            f"None of the {len(paths)} photos in {folder} can be a query. Their names must be ids of the table of "
            "attributes, or their subfolders classes of the file given with --classes."
        )
    if left_out:
        notes = [f"{left_out} of {len(paths)} photos are left out: they have no such id, or no such class.", *notes]
    index = recommender.index
    return _make_queries(kept, index.with_tuned(vectors), range(len(kept)), index, _products(index), notes)


def read_classes(path: str | Path) -> dict[str, list[str]]:
    """Return article types by class, from JSON such as {"hat": ["Caps", "Hat"]}; raises CatalogueError."""
    loaded = _read_json(path)
    lists = loaded.values() if isinstance(loaded, dict) else [None]
    if not all(isinstance(types, list) and all(isinstance(name, str) for name in types) for types in lists):
        raise CatalogueError(f'{path} must map each class to a list of article types, as {{"hat": ["Caps", "Hat"]}}.')
    return loaded


def read_ids(path: str | Path) -> set[str]:
    """Return the ids in a JSON list, or in held_out.product_ids of a JSON object; raises CatalogueError."""
    loaded = _read_json(path)
    try:
        ids = loaded["held_out"]["product_ids"] if isinstance(loaded, dict) else loaded
    except (KeyError, TypeError):
        ids = None
    if not isinstance(ids, list):
        raise CatalogueError(f"{path} must hold a list of ids, or an object with such a list at held_out.product_ids.")
    return set(mend_ids(map(str, ids)).values())


def content_keys(paths: Sequence[Path]) -> list[str]:
    """Return a key per file, equal for byte-identical files (SHA-256); an unreadable file equals only itself.

    A file is read only if another one has the same size.
    """
    sizes = [_file_size(path) for path in paths]
    counts = Counter(sizes)
    return [_content_key(path, size is not None and counts[size] > 1) for path, size in zip(paths, sizes)]


def embed_images(
    images: Sequence[LabeledImage], embedder: Embedder, progress: Progress = no_progress
) -> tuple[list[LabeledImage], dict[str, Matrix], list[str]]:
    """Return the images that can be read, their vectors by space, and why each of the others cannot."""
    kept: list[LabeledImage] = []
    parts: list[Vectors] = []
    notes: list[str] = []
    batches = [images[start : start + PHOTOS_PER_BATCH] for start in range(0, len(images), PHOTOS_PER_BATCH)]
    with ThreadPoolExecutor() as readers:
        for batch in progress(batches, desc="photos", unit="batch"):
            results = [*readers.map(lambda image: _prepare_photo(image.path, embedder.size), batch)]
            notes += [str(result) for result in results if isinstance(result, ImageError)]
            good = [(image, result) for image, result in zip(batch, results) if not isinstance(result, ImageError)]
            if good:
                kept += [image for image, _ in good]
                pixels, aspects = zip(*(result for _, result in good))
                parts.append(embedder.vectors(np.stack(pixels), aspects))
    return kept, {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else ())}, notes


def _products(index: Catalogue) -> list[Product]:
    return [index.product(row) for row in range(len(index.names))]


def _label_by_id(path: Path, name: str, attributes: AttributesById) -> LabeledImage:
    own = attributes.get(name, {})
    labels = {scored: joint_label(own, COLUMNS[scored]) for scored in OWN_WORDS}
    return LabeledImage(path, {scored: {label} for scored, label in labels.items() if label}, id=name)


def _label_by_class(path: Path, group: str, classes: Mapping[str, Sequence[str]]) -> LabeledImage:
    types: set[Label] = {(name,) for name in classes.get(group, ())}
    return LabeledImage(path, {"class": types} if types else {}, group=group)


def sample(items: Sequence[Item], limit: int | None) -> Sequence[Item]:
    """Return at most limit items, chosen at random but always the same ones, in their order."""
    if limit is None or limit >= len(items):
        return items
    chosen = np.random.default_rng(SEED).choice(len(items), limit, replace=False)
    return [items[number] for number in sorted(chosen)]


def _prepare_photo(path: Path, size: int) -> tuple[Pixels, float] | ImageError:
    try:
        return load_prepared(path, size)
    except ImageError as error:
        return error


def _make_queries(
    images: Sequence[LabeledImage],
    vectors: Vectors,
    rows: Sequence[int],
    index: Catalogue,
    products: Sequence[Product],
    notes: Iterable[str] = (),
) -> Queries:
    """Return the Queries of images, none of which may match a product with its bytes, of its own id, or a variant."""
    items: list[LabeledImage | Product] = [*images, *products]
    # The same product at another size is another file, but its id gives it away.
    files, ids = content_keys([item.path for item in items]), [item.id for item in items]
    keys = np.stack([number_distinct(files), number_distinct(ids), *_group_keys(index, ids, len(images))], axis=1)
    missing = sum(not product.path.is_file() for product in products)
    if missing:
        notes = [*notes, f"{missing} products' files are not on disk: copies of them are not recognized."]
    right, groups = tuple(image.right for image in images), tuple(image.group for image in images)
    m = len(images)
    paths = tuple(image.path for image in images)
    known_groups = groups if any(groups) else None
    return Queries(vectors, np.array(rows), right, keys[:m], keys[m:], known_groups, tuple(notes), paths)


def _group_keys(index: Catalogue, ids: Sequence[str | None], images: int) -> list[Keys]:
    """Return the group of so many images, by their ids, and of each picture of the index: int (·,), if it has any."""
    if index.groups is None:
        return []
    rows = [None if one is None else index.row(one) for one in ids[:images]]
    asked = [-1 if row is None else index.groups.group[row] for row in rows]
    return [np.array([*asked, *index.groups.group])]


def _content_key(path: Path, is_read: bool) -> str:
    try:
        return file_sha256(path) if is_read else str(path)
    except OSError:
        return str(path)


def _file_size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _read_json(path: str | Path) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise CatalogueError(f"{path} cannot be read as JSON ({error}).") from None
