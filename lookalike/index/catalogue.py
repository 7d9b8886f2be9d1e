"""The catalogue as every index knows it: its products, and how a query's vectors are completed."""

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

# Folders, separated as in PATH, that an operator allows besides: for classic indexes, and for linked images.
ALSO = "LOOKALIKE_PICTURES"


def product_id(filename):
    """The id of a product: its file's name without folder and suffix, readable."""
    return readable(PurePosixPath(filename).stem)


def readable(text):
    """The text as any page, file or network takes it: a name's bytes that are no UTF-8 are written as \\udce9."""
    return text.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True)
class Product:
    """One catalogue image: its name in the index, its file and its attributes (may be empty).

    path is where the index says it is; picture is that file where it may be shown, else None.
    """

    name: str
    path: Path
    attributes: dict
    index: "Catalogue | None" = field(default=None, compare=False, repr=False)

    @property
    def id(self):
        return product_id(self.name)

    @property
    def identity(self):
        """What it is asked for by: its id, or its name where another product with that id comes before it."""
        first = self.index.row(self.id) if self.index else None
        return self.id if first is None or self.index.names[first] == self.name else readable(self.name)

    @property
    def picture(self):
        return catalogue_file(self.index, self) if self.index else None


class Catalogue:
    """What every index can say of its products, wherever their vectors are kept.

    It has folder, names, attributes by id, manifest, head, widths (a dict from space to how many numbers it has),
    written_at (seconds since 1970) and size (bytes).
    """

    def with_tuned(self, vectors):
        """A query's vectors, a dict from space to (m, d), with the tuned ones where this index has them."""
        return {**vectors, "tuned": self.head.tuned(vectors)} if self.head else vectors

    def product(self, row):
        """The Product in that row."""
        name = self.names[row]
        return Product(name, self.folder / name, self.attributes_of(row), self)

    def attributes_of(self, row):
        """The attributes of the product in that row, a dict."""
        return self.attributes.get(product_id(self.names[row]), {})


def catalogue_file(index, product):
    """The Path of a product's picture, or None where it lies outside the catalogue or is no file.

    The catalogue is the images' folder that the manifest records, or else the folder of the index itself;
    links are followed first.
    """
    try:
        path = Path(index.folder, product.name).resolve(strict=True)
        inside = any(path.is_relative_to(folder) for folder in _folders(index))
        return path if inside and path.is_file() else None
    except (OSError, ValueError, RuntimeError):  # gone, not a path, links in a circle
        return None


def _folders(index):
    recorded = Path(index.folder, index.manifest.get("images") or "").resolve()
    # A manifest that says the catalogue is the whole disk is not believed.
    own = [recorded] if recorded != Path(recorded.anchor) else []
    return own + [Path(folder).resolve() for folder in os.environ.get(ALSO, "").split(os.pathsep) if folder]


def stored_name(path, folder):
    """The POSIX path of a file as the index keeps it: relative to the folder where it lies inside."""
    path, folder = Path(os.path.abspath(path)), Path(os.path.abspath(folder))
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()
