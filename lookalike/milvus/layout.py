"""How a version of an index lies in Milvus: its fields, its vectors and its search indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lookalike.errors import IndexFileError
from lookalike.index.facets import FIRST, NEVER
from lookalike.types import Matrix, Vectors, Weights

if TYPE_CHECKING:
    from pymilvus import CollectionSchema
    from pymilvus.milvus_client.index import IndexParams

NAME, ROW, ATTRIBUTES, VECTOR, AMOUNT = "name", "row", "attributes", "vector", "amount"
# Changes with the fields, so that an index published with others is published anew.
LAYOUT_VERSION = 2
# What a product costs whose price is unknown or in another currency; no range of prices has it.
NO_AMOUNT = -1.0

# Milvus' limits: bytes of a text or a JSON, numbers in a vector, matches of a search.
MAX_BYTES, MAX_NUMBERS, MAX_MATCHES = 65_535, 32_768, 16_384

# Columns to filter by. A collection may have 64 fields.
MAX_COLUMNS = 48


class SearchIndex(NamedTuple):
    """How Milvus finds the nearest vectors.

    Attributes:
        kind: Milvus' name for this kind of index.
        build: the parameters that it is built with.
        search: from the number of matches to the parameters of a search for them.
    """

    kind: str
    build: dict[str, int]
    search: Callable[[int], dict[str, int]]


# Milvus builds an index over each segment of a collection, so that these parameters fit a catalogue of any size.
SEARCH_INDEXES = {
    "flat": SearchIndex("FLAT", {}, lambda count: {}),
    "ivf": SearchIndex("IVF_FLAT", {"nlist": 1024}, lambda count: {"nprobe": 64}),
    "hnsw": SearchIndex("HNSW", {"M": 32, "efConstruction": 256}, lambda count: {"ef": max(256, 2 * count)}),
    "diskann": SearchIndex("DISKANN", {}, lambda count: {"search_list": max(128, 2 * count)}),
}


@dataclass(frozen=True)
class Layout:
    """A product's spaces side by side in one vector; widths is space → length of its vectors.

    The vector ends with one number a space: minus half of its squared length. The query has w q for each space, and
    w for each of those numbers. The inner product is then Σ w (q·p − |p|²/2), which orders products exactly as their
    weighted squared distances do, whatever the weights are.
    """

    widths: Mapping[str, int]

    @property
    def numbers(self) -> int:
        """The length of a vector; raises IndexFileError if Milvus cannot hold it."""
        numbers = sum(self.widths.values()) + len(self.widths)
        if numbers > MAX_NUMBERS:
            raise IndexFileError(
                f"A product's vectors have {numbers:,} numbers in all; Milvus holds {MAX_NUMBERS:,}. "
                "Index with a backbone that has fewer channels."
            )
        return numbers

    def pack(self, spaces: Vectors) -> Matrix:
        """Return the vectors of m products as Milvus holds them: float32 (m, numbers)."""
        parts = [np.asarray(spaces[name], np.float32) for name in self.widths]
        halves = [np.einsum("nd,nd->n", part, part)[:, None] / np.float32(-2) for part in parts]
        return np.concatenate([*parts, *halves], axis=1)

    def unpack(self, matrix: Matrix, spaces: Iterable[str] | None = None) -> dict[str, Matrix]:
        """Return some or all spaces of packed vectors, float32 (m, numbers): space → float32 (m, d)."""
        ends = dict(zip(self.widths, np.cumsum(list(self.widths.values()))))
        return {
            name: np.ascontiguousarray(matrix[:, ends[name] - self.widths[name] : ends[name]])
            for name in spaces or self.widths
        }

    def pack_queries(self, queries: Vectors, weights: Weights) -> Matrix:
        """Return m queries as Milvus takes them: float32 (m, numbers)."""
        count = len(queries[next(iter(weights))])
        factors = {name: np.float32(weights.get(name, 0)) for name in self.widths}
        parts = [
            queries[name] * factor if factor else np.zeros((count, self.widths[name]), np.float32)
            for name, factor in factors.items()
        ]
        halves = [np.full((count, 1), factor, np.float32) for factor in factors.values()]
        return np.concatenate([*parts, *halves], axis=1)


def word_field(place: int) -> str:
    """Return the name of the field for the column in that place among those to filter by."""
    return f"word_{place}"


def filter_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """Return the columns of a table that products can be filtered by, the usual ones first, at most MAX_COLUMNS."""
    wanted = [column for column in columns if column not in NEVER]
    return tuple(sorted(wanted, key=lambda column: column not in FIRST)[:MAX_COLUMNS])


def schema(layout: Layout, columns: Sequence[str]) -> CollectionSchema:
    """Return the fields of a version, for MilvusClient.create_collection."""
    from pymilvus import DataType, MilvusClient

    fields = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    fields.add_field(NAME, DataType.VARCHAR, is_primary=True, max_length=MAX_BYTES)
    fields.add_field(ROW, DataType.INT64)
    fields.add_field(ATTRIBUTES, DataType.JSON)
    fields.add_field(AMOUNT, DataType.DOUBLE)
    for place in range(len(columns)):
        fields.add_field(word_field(place), DataType.VARCHAR, max_length=MAX_BYTES)
    fields.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=layout.numbers)
    return fields


def index_params(search_index: str) -> IndexParams:
    """Return the indexes of a version, for MilvusClient.create_index: over vectors, and over rows to read pages by."""
    from pymilvus import MilvusClient

    kind, build, _ = SEARCH_INDEXES[search_index]
    params = MilvusClient.prepare_index_params()
    params.add_index(VECTOR, index_type=kind, metric_type="IP", params=dict(build))
    params.add_index(ROW, index_type="STL_SORT")
    return params


def search_params(search_index: str, count: int) -> dict[str, Any]:
    """Return the parameters of a search for count matches."""
    return {"metric_type": "IP", "params": SEARCH_INDEXES[search_index].search(count)}
