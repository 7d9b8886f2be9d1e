"""A catalogue: what its products are called, where their pictures lie, and what every kind of index can do."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lookalike.index.attribute_head import AttributeHead
from lookalike.index.attribute_table import EncodedColumn
from lookalike.index.attributes import normalize
from lookalike.index.facets import Facets
from lookalike.index.product_groups import ProductGroups, find_attributes, group_products
from lookalike.index.vector_search import Searcher
from lookalike.settings import Settings
from lookalike.types import Attributes, Codes, Rows, StrPath, Vectors

if TYPE_CHECKING:  # both modules import this one
    from lookalike.index.manifest import Manifest
    from lookalike.index.reading import Index


def product_id(filename: str) -> str:
    """Return a product's id: the name of its file without folder and suffix, readable and normalized."""
    name = filename[filename.rfind("/") + 1 :]
    stem, _, suffix = name.rpartition(".")
    # Paths are slow for a million names; they decide where a name begins or ends with a dot, or has none.
    is_plain = stem and suffix and name[0] != "."
    return normalize(readable(stem if is_plain else PurePosixPath(filename).stem))


def product_ids(filenames: Sequence[str]) -> list[str]:
    """Return the ids of products in order; see product_id."""
    return [
        # Most names are so plain that a call for each would take longer than its work.
        stem
        if (stem := (name := filename.rpartition("/")[2]).rpartition(".")[0])
        and name[0] != "."
        and name[-1] != "."
        and name.isascii()
        else product_id(filename)
        for filename in filenames
    ]


def readable(text: str) -> str:
    """Return text that any page, file or network accepts: bytes of a name that are not UTF-8 become \\udce9 etc."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def stored_name(path: StrPath, folder: StrPath) -> str:
    """Return the POSIX path that an index keeps of a file: relative to the index's folder if the file is inside."""
    path, folder = Path(os.path.abspath(path)), Path(os.path.abspath(folder))
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def sample_rows(n: int, max_products: int) -> Rows:
    """Return max_products of n rows, or all, drawn by a fixed seed and sorted."""
    rng = np.random.default_rng(0)
    return np.arange(n) if n <= max_products else np.sort(rng.choice(n, max_products, replace=False))


@dataclass(frozen=True)
class Product:
    """A product as one of its pictures shows it.

    name is the picture's name in the index, path the file that this name stands for, identity what people ask for the
    product by (see Catalogue.identity). attributes may be empty. first is the name of the product's first picture, ""
    if this is it.
    """

    name: str
    path: Path
    attributes: Attributes
    identity: str
    first: str = ""

    @property
    def id(self) -> str:
        return product_id(self.first or self.name)


class Catalogue(ABC):
    """What every index offers, wherever its vectors are kept.

    Attributes:
        folder: the folder that the names of the products are relative to.
        names: POSIX paths, one for each picture, in the catalogue's fixed order. Nearly always, each is a product of
            its own; see ProductGroups.
        attributes: product id → its attributes; products without any may be missing.
        manifest: what index.json says, {} for a classic pair of pickles.
        head: the AttributeHead that makes tuned vectors, None if the index is not tuned.
        columns: those of the attributes, in the table's order.
        widths: space → length of its vectors.
        written_at: when the index was written, in seconds since 1970.
        size: in bytes.
        is_in_memory: whether all vectors are in this machine's memory.
    """

    is_in_memory: ClassVar[bool]

    if TYPE_CHECKING:  # At run time, an abstract property would stand in the way of a dataclass's field.

        @property
        def folder(self) -> Path: ...
        @property
        def names(self) -> Sequence[str]: ...
        @property
        def attributes(self) -> Mapping[str, Attributes]: ...
        @property
        def manifest(self) -> Manifest: ...
        @property
        def head(self) -> AttributeHead | None: ...
        @property
        def columns(self) -> Sequence[str]: ...
        @property
        def widths(self) -> Mapping[str, int]: ...
        @property
        def written_at(self) -> float: ...
        @property
        def size(self) -> int: ...

    @abstractmethod
    def row(self, identity: str) -> int | None:
        """Return the row of the product with that id, the first of several, or with that name; None if none has."""

    @abstractmethod
    def searcher(self) -> Searcher:
        """Return the Searcher over the vectors."""

    @abstractmethod
    def facets(self) -> Facets:
        """Return the Facets of the attributes."""

    @abstractmethod
    def in_memory(self) -> "Index":
        """Return this index with all its vectors in memory; raises IndexFileError if they are on a server."""

    @abstractmethod
    def subset(self, rows: Rows) -> "Index":
        """Return an Index in memory of the products in some rows (m,), each once, in their order."""

    @abstractmethod
    def encoded_columns(self, columns: Iterable[str]) -> dict[str, EncodedColumn]:
        """Return columns of the attributes: column → its words, and each product's as encode_words gives them."""

    def sample(self, max_products: int) -> "Index":
        """Return an Index in memory of at most max_products products: all of them, or a random sample (seed 0)."""
        return self.subset(sample_rows(len(self.names), max_products))

    def attributes_of(self, row: int) -> Attributes:
        """Return the attributes of the product in that row."""
        return find_attributes(self.attributes, product_id(self.names[row]))

    @cached_property
    def groups(self) -> ProductGroups | None:
        """Which pictures show one product, and which products are variants; None if each picture stands for itself."""
        return group_products(self.names, self.attributes_of, self._group_words())

    @abstractmethod
    def _group_words(self) -> tuple[Sequence[str], Codes] | None:
        """Return what the table calls each row's group, as group_products takes it; None if it does not say."""

    @property
    def product_count(self) -> int:
        """How many products there are; a product may have several pictures."""
        return self.groups.product_count if self.groups else len(self.names)

    def product(self, row: int) -> Product:
        """Return the product that the picture in that row shows."""
        name, first = self.names[row], row if self.groups is None else int(self.groups.first[row])
        shown_first = "" if first == row else self.names[first]
        return Product(name, self.folder / name, self.attributes_of(row), self.identity(row), shown_first)

    def picture_row(self, product: Product) -> int | None:
        """Return the row of the picture that a product of this catalogue is shown by."""
        row = self.row(product.identity)
        if row is None or self.groups is None or not product.first:
            return row
        return next((one for one in self.groups.pictures(row) if self.names[one] == product.name), row)

    def pictures_of(self, product: Product) -> list[str]:
        """Return what each picture of a product can be asked for by, the first one first."""
        if self.groups is None or (row := self.row(product.identity)) is None:
            return [product.identity]
        return [self.picture_identity(one) for one in self.groups.pictures(row)]

    def variants_of(self, product: Product) -> tuple[Product, ...]:
        """Return the other products of a product's group: in another color or another size, say."""
        if self.groups is None or (row := self.row(product.identity)) is None:
            return ()
        return tuple(map(self.product, self.groups.variants(row)))

    def group_rows(self, rows: Iterable[int]) -> list[int]:
        """Return all rows that one answer would stand for, of each of some rows: its product's and its variants'."""
        rows = list(rows)
        return rows if self.groups is None or not rows else self.groups.all_members(rows).tolist()

    def one_of_each(self, rows: Sequence[int]) -> list[int]:
        """Return rows without those of a group that an earlier one belongs to."""
        if self.groups is None or not len(rows):
            return list(rows)
        return [rows[place] for place in self.groups.first_places(rows)]

    def identity(self, row: int) -> str:
        """Return what the product in that row is asked for by: the identity of its first picture."""
        return self.picture_identity(row if self.groups is None else int(self.groups.first[row]))

    def picture_identity(self, row: int) -> str:
        """Return what a picture is asked for by: its id, or its name if an earlier picture has the same id.

        The name begins with ./ if it is another picture's id.
        """
        name = self.names[row]
        first = self.row(product_id(name))
        if first is None or self.names[first] == name:
            return product_id(name)
        return readable(name) if self.row(readable(name)) == row else f"./{readable(name)}"

    def picture(self, product: Product, also: Sequence[Path] | None = None) -> Path | None:
        """Return the file of a product's picture, or None if it may not be shown or is not a file.

        It may be shown if it lies, after following links, in the folder of images that the manifest records (or
        else the index's own folder), or in one of the folders also (default: the settings' picture_folders).
        """
        also = Settings.from_environment().picture_folders if also is None else also
        try:
            images = Path(self.folder, self.manifest.get("images") or "").resolve()
            # Do not believe a manifest that claims the whole disk.
            folders = [images] if images != Path(images.anchor) else []
            folders += [folder.resolve() for folder in also]
            path = Path(self.folder, product.name).resolve(strict=True)
            return path if any(map(path.is_relative_to, folders)) and path.is_file() else None
        except (OSError, ValueError, RuntimeError):  # missing, not a path, or links in a circle
            return None

    def with_tuned(self, vectors: Vectors) -> Vectors:
        """Return a query's vectors, space → float32 (m, d), with the tuned ones if this index has a head."""
        return {**vectors, "tuned": self.head.tuned(vectors)} if self.head else vectors
