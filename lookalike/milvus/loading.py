"""The address of an index in Milvus → the index: names and attributes are loaded, vectors stay on the server."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from lookalike.errors import IndexFileError
from lookalike.index.attribute_head import AttributeHead
from lookalike.index.attribute_table import EncodedColumn
from lookalike.index.catalogue import Catalogue, product_id
from lookalike.index.facets import Facets
from lookalike.index.manifest import Manifest
from lookalike.index.offers import GROUP_COLUMNS
from lookalike.index.price_ranges import PRICED, Prices
from lookalike.index.reading import Index
from lookalike.milvus import versions
from lookalike.milvus.layout import ATTRIBUTES, NAME, ROW, Layout
from lookalike.milvus.product_table import AttributesById, PackedTexts, ProductTable
from lookalike.milvus.searching import MilvusSearcher
from lookalike.milvus.server import COLLECTION_NOT_FOUND, Milvus, Refused, shared_server
from lookalike.types import Attributes, Codes, Rows

# Products read at a time; Milvus returns at most MAX_MATCHES.
PAGE = 10_000

# Seconds. The version is asked for with every rerun of a page; without an answer, the version being served stays.
PATIENCE_FOR_VERSION = 2.0


@dataclass(frozen=True)
class PublishedIndex(Catalogue):
    """One version of an index in Milvus; see Catalogue.

    version is its collection there, filters the columns that products can be filtered by, currency that of the amounts
    there, None if an older version of this program has published it without any.
    """

    is_in_memory = False

    folder: Path
    version: str
    manifest: Manifest
    head: AttributeHead | None
    widths: Mapping[str, int]
    written_at: float
    filters: tuple[str, ...]
    currency: str | None
    _table: ProductTable
    _searcher: MilvusSearcher

    @property
    def names(self) -> PackedTexts:
        return self._table.names

    @property
    def attributes(self) -> AttributesById:
        return AttributesById(self._table)

    @property
    def size(self) -> int:
        """See Catalogue; only the vectors count, which take nearly all the space."""
        return 4 * len(self.names) * Layout(self.widths).numbers

    def in_memory(self) -> NoReturn:
        """Raise IndexFileError: the vectors are on the server."""
        raise IndexFileError(
            "This needs all vectors in memory, and those of this index are in Milvus. Run it where the index was made, "
            "on its folder: --index DIR"
        )

    def attributes_of(self, row: int) -> Attributes:
        return self._table.attributes(row)

    def searcher(self) -> MilvusSearcher:
        return self._searcher

    def facets(self) -> Facets:
        counted = self.groups.is_first if self.groups else None
        rows = (self._table.attributes(row, PRICED) for row in range(len(self.names)))
        prices = None if self.currency is None else Prices(rows, self.currency)
        return Facets.packed(len(self.names), self._table.encoded_columns(self.filters), counted, prices)

    def _group_words(self) -> tuple[Sequence[str], Codes] | None:
        return next(iter(self._table.encoded_columns(GROUP_COLUMNS).values()), None)

    def row(self, identity: str) -> int | None:
        return self._table.row(identity)

    @property
    def columns(self) -> tuple[str, ...]:
        return self._table.columns

    def encoded_columns(self, columns: Iterable[str]) -> dict[str, EncodedColumn]:
        """See Catalogue; columns that no product has are missing."""
        return self._table.encoded_columns(columns)

    def subset(self, rows: Rows) -> Index:
        names = tuple(self.names[row] for row in rows)
        attributes = {product_id(name): self.attributes_of(row) for name, row in zip(names, rows)}
        return Index(self.folder, names, self._searcher.vectors(rows), attributes, self.manifest, self.head)


def published_version(address: str) -> tuple[str, ...]:
    """Return the version that an address stands for now, () if there is none; raises LookalikeError."""
    version = versions.current_version(shared_server(address, PATIENCE_FOR_VERSION))
    return (version,) if version else ()


def load_published(address: str) -> PublishedIndex:
    """Return the index at an address; raises LookalikeError."""
    milvus = shared_server(address)
    version = versions.current_version(milvus)
    if version is None:
        raise IndexFileError(
            f"There is no index {milvus.address.name} in {milvus.address.server}. "
            f"Publish one: python -m lookalike publish --index DIR --to {address}"
        )
    try:
        return _load_version(milvus, version)
    except Refused as error:
        if error.code == COLLECTION_NOT_FOUND:
            raise IndexFileError(f"{version} was dropped while it was read. Try again.") from None
        raise


def _load_version(milvus: Milvus, version: str) -> PublishedIndex:
    description = versions.read_description(milvus, version)
    table = ProductTable(description["columns"])
    for start in range(0, description["n"], PAGE):
        _read_page(milvus, version, table, start, min(start + PAGE, description["n"]))
    widths, filters = description["widths"], tuple(description["filters"])
    return PublishedIndex(
        folder=Path(description["folder"]),
        version=version,
        manifest=description["manifest"],
        head=description["head"],
        widths=widths,
        written_at=description["made"],
        filters=filters,
        currency=description.get("currency"),
        _table=table,
        _searcher=MilvusSearcher(milvus, version, Layout(widths), filters, description["search_index"]),
    )


def _read_page(milvus: Milvus, version: str, table: ProductTable, start: int, end: int) -> None:
    """Add the products of rows start to end to a table."""
    entities = milvus.call(
        "query",
        version,
        filter=f"{ROW} >= {start} and {ROW} < {end}",
        output_fields=[ROW, NAME, ATTRIBUTES],
        limit=PAGE,
    )
    entities = sorted(entities, key=lambda entity: entity[ROW])
    if [entity[ROW] for entity in entities] != list(range(start, end)):
        raise IndexFileError(f"Products of {version} are missing. {versions.PUBLISH_AGAIN}")
    for entity in entities:
        table.add(entity[NAME], entity[ATTRIBUTES])
