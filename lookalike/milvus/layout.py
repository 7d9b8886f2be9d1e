"""How a version of an index lies in Milvus: its fields, its vectors, its indexes for searching."""

from dataclasses import dataclass

import numpy as np

from lookalike.errors import IndexFileError
from lookalike.index.facets import FIRST, NEVER

NAME, ROW, ATTRIBUTES, VECTOR = "name", "row", "attributes", "vector"

# Milvus' limits: bytes of a text or of a JSON, numbers of a vector, matches of a search. A collection may have 64
# fields; so many of them are for columns to filter by.
MAX_BYTES, MAX_NUMBERS, MAX_MATCHES, MAX_COLUMNS = 65_535, 32_768, 16_384, 48

# How Milvus finds the nearest: what its index is built with, and what a search for so many matches is given.
# A segment, not the collection, is what an index is built over; so these fit a catalogue of any size.
SEARCH_INDEXES = {
    "flat": ("FLAT", {}, lambda most: {}),
    "ivf": ("IVF_FLAT", {"nlist": 1024}, lambda most: {"nprobe": 64}),
    "hnsw": ("HNSW", {"M": 32, "efConstruction": 256}, lambda most: {"ef": max(256, 2 * most)}),
    "diskann": ("DISKANN", {}, lambda most: {"search_list": max(128, 2 * most)}),
}


@dataclass(frozen=True)
class Layout:
    """Spaces side by side in one vector; widths is a dict from space to how many numbers it has.

    The vector ends with a number a space, minus half its squared length. With w q for a query's spaces, and w for
    those numbers, the inner product is Σ w (q·p − |p|²/2): the order of the weighted squared distances, exactly,
    whatever the weights are.
    """

    widths: dict

    @property
    def numbers(self):
        """How many numbers a vector has; raises IndexFileError where Milvus cannot hold so many."""
        numbers = sum(self.widths.values()) + len(self.widths)
        if numbers > MAX_NUMBERS:
            raise IndexFileError(
                f"A product's vectors have {numbers:,} numbers in all; Milvus holds {MAX_NUMBERS:,}. "
                "Index with a backbone of fewer."
            )
        return numbers

    def packed(self, spaces):
        """Products' vectors as they lie in Milvus: float32 (m, numbers) from a dict from space to (m, d)."""
        parts = [np.asarray(spaces[name], np.float32) for name in self.widths]
        halves = [np.einsum("nd,nd->n", part, part)[:, None] / np.float32(-2) for part in parts]
        return np.concatenate([*parts, *halves], axis=1)

    def unpacked(self, matrix, spaces=None):
        """A dict from space, of those asked for or all, to float32 (m, d) from float32 (m, numbers)."""
        ends = dict(zip(self.widths, np.cumsum(list(self.widths.values()))))
        return {
            name: np.ascontiguousarray(matrix[:, ends[name] - self.widths[name] : ends[name]])
            for name in spaces or self.widths
        }

    def queries(self, queries, weights):
        """Queries as Milvus is asked with them: float32 (m, numbers)."""
        count = len(queries[next(iter(weights))])
        shares = {name: np.float32(weights.get(name, 0)) for name in self.widths}
        empty = {name: np.zeros((count, width), np.float32) for name, width in self.widths.items()}
        parts = [queries[name] * share if share else empty[name] for name, share in shares.items()]
        halves = [np.full((count, 1), share, np.float32) for share in shares.values()]
        return np.concatenate([*parts, *halves], axis=1)


def word_field(place):
    """The field of the column in that place among those that can be filtered by."""
    return f"word_{place}"


def filter_columns(columns):
    """Those of a table's columns that products can be filtered by, as many as there is room for."""
    wanted = [column for column in columns if column not in NEVER]
    return tuple(sorted(wanted, key=lambda column: column not in FIRST)[:MAX_COLUMNS])


def schema(layout, columns):
    """The fields of a version, for MilvusClient.create_collection."""
    from pymilvus import DataType, MilvusClient

    made = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    made.add_field(NAME, DataType.VARCHAR, is_primary=True, max_length=MAX_BYTES)
    made.add_field(ROW, DataType.INT64)
    made.add_field(ATTRIBUTES, DataType.JSON)
    for place in range(len(columns)):
        made.add_field(word_field(place), DataType.VARCHAR, max_length=MAX_BYTES)
    made.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=layout.numbers)
    return made


def indexes(search_index):
    """The indexes of a version, for MilvusClient.create_index: of its vectors, and of its rows to read pages by."""
    from pymilvus import MilvusClient

    kind, params, _ = SEARCH_INDEXES[search_index]
    made = MilvusClient.prepare_index_params()
    made.add_index(VECTOR, index_type=kind, metric_type="IP", params=params)
    made.add_index(ROW, index_type="STL_SORT")
    return made


def search_params(search_index, most):
    """What a search for so many matches is given."""
    return {"metric_type": "IP", "params": SEARCH_INDEXES[search_index][2](most)}
