"""From the address of an index in Milvus to the index: names and attributes come here, vectors stay there."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookalike.errors import IndexFileError
from lookalike.index.attribute_head import AttributeHead
from lookalike.index.catalogue import Catalogue, product_id
from lookalike.index.facets import Facets
from lookalike.index.reading import Index
from lookalike.milvus import versions
from lookalike.milvus.layout import ATTRIBUTES, NAME, ROW, Layout
from lookalike.milvus.product_table import AttributesById, ProductTable
from lookalike.milvus.searching import MilvusSearch
from lookalike.milvus.server import NOT_FOUND, SHORT_PATIENCE, Milvus, Refused, parse_address

# Products read at a time; Milvus gives at most 16,384.
PAGE = 10_000

SEED = 0

# Asked at every turn of a page; where there is no answer soon, the version that is served goes on.
PATIENCE_FOR_VERSION = 2.0


_servers = {}


@dataclass(frozen=True)
class PublishedIndex(Catalogue):
    """One version of an index in Milvus; see Catalogue. version is its collection there."""

    folder: Path
    version: str
    manifest: dict
    head: AttributeHead | None
    widths: dict
    written_at: float
    filters: tuple
    _table: ProductTable
    _searcher: MilvusSearch

    @property
    def names(self):
        return self._table.names

    @property
    def attributes(self):
        return AttributesById(self._table)

    @property
    def size(self):
        """The vectors' bytes, which are nearly all."""
        return 4 * len(self.names) * Layout(self.widths).numbers

    @property
    def spaces(self):
        """There are no matrices here; raises IndexFileError."""
        raise IndexFileError(
            "This needs all vectors in this machine's memory, and those of this index are in Milvus. "
            "Run it on the index's folder (--index DIR), where it was made."
        )

    def attributes_of(self, row):
        return self._table.attributes(row)

    def searcher(self):
        """The Searcher over this version."""
        return self._searcher

    def facets(self):
        """The Facets of its attributes."""
        return Facets.packed(len(self.names), self._table.packed(self.filters))

    def row(self, identity):
        """The row of the product with that id, the first of several, or with that name; None without one."""
        return self._table.row(identity)

    def sample(self, most):
        """An Index in memory of all products, or of so many drawn by a seed where there are more."""
        n = len(self.names)
        rows = np.arange(n) if n <= most else np.sort(np.random.default_rng(SEED).choice(n, most, replace=False))
        names = tuple(self.names[row] for row in rows)
        attributes = {product_id(name): self.attributes_of(row) for name, row in zip(names, rows)}
        return Index(self.folder, names, self._searcher.vectors(rows), attributes, self.manifest, self.head)


def published_version(text):
    """The version that an address stands for now, as a tuple: empty where there is none; raises LookalikeError."""
    version = versions.current_version(_server(text, PATIENCE_FOR_VERSION))
    return (version,) if version else ()


def load_published(text):
    """The PublishedIndex at an address; raises LookalikeError."""
    milvus = _server(text)
    version = versions.current_version(milvus)
    if version is None:
        raise IndexFileError(
            f"There is no index {milvus.address.name} in {milvus.address.server}. "
            f"Publish one: python -m lookalike publish --index DIR --to {text}"
        )
    try:
        return _load(milvus, version)
    except Refused as error:
        if error.code == NOT_FOUND:
            raise IndexFileError(f"{version} was dropped while it was read. Try again.") from None
        raise


def _load(milvus, version):
    about = versions.read(milvus, version)
    table = ProductTable(about["columns"])
    for start in range(0, about["n"], PAGE):
        _read_page(milvus, version, table, start, min(start + PAGE, about["n"]))
    layout = Layout(about["widths"])
    filters = tuple(about["filters"])
    searcher = MilvusSearch(milvus, version, layout, filters, about["search_index"])
    return PublishedIndex(
        Path(about["folder"]), version, about["manifest"], about["head"], about["widths"], about["made"], filters,
        table, searcher,
    )  # fmt: skip


def _read_page(milvus, version, table, start, end):
    entities = milvus.ask(
        "query",
        version,
        filter=f"{ROW} >= {start} and {ROW} < {end}",
        output_fields=[ROW, NAME, ATTRIBUTES],
        limit=PAGE,
    )
    entities = sorted(entities, key=lambda entity: entity[ROW])
    if [entity[ROW] for entity in entities] != list(range(start, end)):
        raise IndexFileError(f"Products of {version} are missing. Publish the index again: python -m lookalike publish")
    for entity in entities:
        table.add(entity[NAME], entity[ATTRIBUTES])


def _server(text, patience=SHORT_PATIENCE):
    """The Milvus of an address: one a process for each patience, so that its connection is made once."""
    return _servers.setdefault((str(text), patience), Milvus(parse_address(text), patience))
