"""The catalogue as every index knows it: its products, and how a query's vectors are completed."""

from dataclasses import dataclass, field
from pathlib import Path

from .attributes import product_id, readable
from .catalogue_files import catalogue_file


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
    made (seconds since 1970) and size (bytes).
    """

    def completed(self, vectors):
        """A query's vectors, a dict from space to (m, d), with the tuned ones where this index has them."""
        return {**vectors, "tuned": self.head.tuned(vectors)} if self.head else vectors

    def product(self, row):
        """The Product in that row."""
        name = self.names[row]
        return Product(name, self.folder / name, self.attributes_of(row), self)

    def attributes_of(self, row):
        """The attributes of the product in that row, a dict."""
        return self.attributes.get(product_id(self.names[row]), {})
