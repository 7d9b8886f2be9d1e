"""Queries whose answers are known one by one: photos with types and colors that fit, and pictures of one product."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product as pairs
from pathlib import Path

import numpy as np

from lookalike.analysis.evaluation import sample
from lookalike.analysis.metrics import BOTH, COLOR, PRODUCT_COLUMN, SAME_PRODUCT, TYPE, Label, Queries
from lookalike.errors import CatalogueError, ImageError
from lookalike.index.catalogue import Catalogue, product_id
from lookalike.index.color_words import accepted_colors
from lookalike.search.query import Rectangle, View, look_at
from lookalike.search.query import vectors as pool_vectors
from lookalike.search.recommender import Recommender
from lookalike.types import Attributes, Matrix, Progress, Vectors, no_progress

SEPARATOR = "|"
BOX = ("left", "top", "right", "bottom")
# Flags of rows that judge nothing: the photo is bad, shows many things, or the label is wrong.
LEFT_OUT = ("bad", "many", "wrong")


@dataclass(frozen=True)
class LabeledPhoto:
    """A photo, or a part of it: the article types that a shopper accepts and the words for its colors."""

    path: str
    types: tuple[str, ...]
    colors: tuple[str, ...]
    box: Rectangle | None = None

    @property
    def right(self) -> dict[str, set[Label]]:
        """The labels that are right, by what is scored."""
        types: set[Label] = {(word,) for word in self.types}
        colors: set[Label] = {(word,) for word in accepted_colors(self.colors)}
        both: set[Label] = {(*one, *other) for one, other in pairs(types, colors)}
        return {scored: labels for scored, labels in ((TYPE, types), (COLOR, colors), (BOTH, both)) if labels}


def read_labeled_photos(path: str | Path) -> list[LabeledPhoto]:
    """Return the photos of a CSV file with the columns path (or file), types and colors; raises CatalogueError.

    Types and colors are separated by |. A row may have a box (left, top, right, bottom, in fractions of the photo),
    and a flag: rows with one of LEFT_OUT are left out.
    """
    rows = _read_rows(path, ("types", "colors"))
    kept = [row for row in rows if row.get("flag") not in LEFT_OUT]
    return [LabeledPhoto(_file_of(row, path), _words(row["types"]), _words(row["colors"]), _box(row)) for row in kept]


def labeled_photo_queries(
    folder: str | Path,
    photos: Sequence[LabeledPhoto],
    recommender: Recommender,
    limit: int | None = None,
    progress: Progress = no_progress,
) -> Queries:
    """Return Queries of labeled photos in a folder, each asked as the app asks it; raises CatalogueError without any.

    Photos that are not in the folder are left out, and so are those without a type or a color.
    """
    present = [photo for photo in photos if photo.right and Path(folder, photo.path).is_file()]
    kept, vectors, notes = _look_at_all(folder, sample(present, limit), recommender, progress)
    if not kept:
        raise CatalogueError(
            f"None of the {len(photos)} labeled photos is in {folder}. Their paths must be relative to that folder."
        )
    if len(present) < len(photos):
        notes.insert(
            0, f"{len(photos) - len(present)} of {len(photos)} labeled photos are not there, or have no label."
        )
    m = len(kept)
    # A photo is no product: nothing has to be left out of its matches.
    none = np.full((m, 1), -1), np.zeros((len(recommender.index.names), 1), int)
    paths, boxes = tuple(Path(folder, photo.path) for photo in kept), tuple(photo.box for photo in kept)
    right = tuple(photo.right for photo in kept)
    return Queries(vectors, np.arange(m), right, *none, notes=tuple(notes), paths=paths, boxes=boxes)


def read_same_products(path: str | Path) -> dict[str, str]:
    """Return which product each picture shows, by file name, from a CSV file with the columns file and product.

    Raises CatalogueError.
    """
    return {Path(_file_of(row, path)).name: row["product"].strip() for row in _read_rows(path, ("product",))}


def with_products(index: Catalogue, products: Mapping[str, str]) -> dict[str, Attributes]:
    """Return attributes by id of an index's pictures: which product each of them shows."""
    rows = [index.product(row) for row in range(len(index.names))]
    return {
        product_id(own.name): {PRODUCT_COLUMN: products[name]}
        for own in rows
        if (name := Path(own.name).name) in products
    }


def same_product_queries(
    folder: str | Path,
    products: Mapping[str, str],
    recommender: Recommender,
    limit: int | None = None,
    progress: Progress = no_progress,
) -> Queries:
    """Return Queries of the pictures in a folder whose very product another picture in the index shows.

    The index's own pictures never ask. Raises CatalogueError if no picture is left.
    """
    index = recommender.index
    indexed = {Path(name).name for name in index.names}
    known = {products[name] for name in indexed if name in products}
    asked = [name for name in sorted(products) if name not in indexed and products[name] in known]
    photos = [LabeledPhoto(name, (), ()) for name in asked if Path(folder, name).is_file()]
    kept, vectors, notes = _look_at_all(folder, sample(photos, limit), recommender, progress)
    if not kept:
        raise CatalogueError(
            f"No picture in {folder} shows a product of the index in another picture. The file of products must name "
            "pictures of both, with one word in the column product."
        )
    labels: list[set[Label]] = [{(products[photo.path],)} for photo in kept]
    right = tuple({SAME_PRODUCT: own} for own in labels)
    none = np.full((len(kept), 1), -1), np.zeros((len(index.names), 1), int)
    paths = tuple(Path(folder, photo.path) for photo in kept)
    return Queries(vectors, np.arange(len(kept)), right, *none, notes=tuple(notes), paths=paths)


def _look_at_all(
    folder: str | Path, photos: Sequence[LabeledPhoto], recommender: Recommender, progress: Progress
) -> tuple[list[LabeledPhoto], Vectors, list[str]]:
    """Return the photos that can be read, their vectors by space, and why each of the others cannot."""
    kept: list[LabeledPhoto] = []
    parts: list[Vectors] = []
    notes: list[str] = []
    for photo, view in _views(folder, progress(photos, desc="photos", unit="photo"), recommender, notes):
        kept.append(photo)
        parts.append(pool_vectors(recommender.embedder, [view], photo.box))
    vectors: dict[str, Matrix] = {
        name: np.concatenate([p[name] for p in parts]) for name in (parts[0] if parts else ())
    }
    return kept, recommender.index.with_tuned(vectors) if kept else {}, notes


def _views(
    folder: str | Path, photos: Iterable[LabeledPhoto], recommender: Recommender, notes: list[str]
) -> Iterator[tuple[LabeledPhoto, View]]:
    """Yield each photo with its View; parts of one photo that follow each other share it."""
    path, view = "", None
    for photo in photos:
        if photo.path != path:
            path = photo.path
            try:
                view = look_at(recommender.embedder, Path(folder, path), path)
            except ImageError as error:
                view = None
                notes.append(str(error))
        if view:
            yield photo, view


def _read_rows(path: str | Path, columns: Sequence[str]) -> list[dict[str, str]]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            missing = [column for column in columns if column not in (reader.fieldnames or ())]
            if missing:
                raise CatalogueError(f"{path} has no column {missing[0]}. It needs {', '.join(('path', *columns))}.")
            return [{key: value for key, value in row.items() if key} for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise CatalogueError(f"{path} cannot be read as CSV ({error}).") from None


def _file_of(row: Mapping[str, str], path: str | Path) -> str:
    if name := row.get("path") or row.get("file"):
        return name
    raise CatalogueError(f"{path} has a row without a picture: it needs a column path or file.")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(SEPARATOR) if word.strip())


def _box(row: Mapping[str, str]) -> Rectangle | None:
    try:
        left, top, right, bottom = (float(row[edge]) for edge in BOX)
    except (KeyError, ValueError):
        return None
    return left, top, right, bottom
