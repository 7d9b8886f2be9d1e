"""An index in numbers: what it holds, how and when it was made, and what was left out."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce

import numpy as np

from lookalike.index.attribute_table import order_columns_by_appearance
from lookalike.index.catalogue import Catalogue, product_ids
from lookalike.index.skipped import read_skipped
from lookalike.types import Rows

# Columns with more words than a shop sorts by, such as names, are not listed.
MAX_WORDS = 300

WordCounts = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Overview:
    """An index in numbers.

    Attributes:
        products, described: counts of all products, and of those that have attributes.
        without_image: count of the table's rows that have no image in the catalogue.
        backbone, precision: from the manifest, "" for a classic pair.
        spaces: length of the vectors by space.
        columns: (word, count) by column, most frequent first.
        written_at: in UTC.
        size: in bytes.
        skipped: (path, reason) of each file left out.
    """

    products: int
    described: int
    without_image: int
    backbone: str
    precision: str
    spaces: dict[str, int]
    columns: dict[str, WordCounts]
    written_at: datetime
    size: int
    skipped: tuple[tuple[str, ...], ...]


def summarize_index(index: Catalogue) -> Overview:
    """Return the Overview of an index."""
    ids = set(product_ids(index.names))
    rows = _product_rows(index)
    known = (codes[rows] >= 0 for _, codes in index.encoded_columns(index.columns).values())
    return Overview(
        products=index.product_count,
        described=int(reduce(np.logical_or, known, np.zeros(index.product_count, bool)).sum()),
        without_image=len(index.attributes.keys() - ids),
        backbone=index.manifest.get("backbone", ""),
        precision=index.manifest.get("precision") or "",
        spaces=dict(index.widths),
        columns=count_words(index),
        written_at=datetime.fromtimestamp(index.written_at, UTC),
        size=index.size,
        skipped=read_skipped(index.folder),
    )


def count_words(index: Catalogue, max_words: int = MAX_WORDS) -> dict[str, WordCounts]:
    """Return (word, count), most frequent first, for each column that sorts the products."""
    rows, found = _product_rows(index), dict[str, WordCounts]()
    encoded = {column: (words, codes[rows]) for column, (words, codes) in index.encoded_columns(index.columns).items()}
    for column, (words, codes) in order_columns_by_appearance(encoded).items():
        counts = np.bincount(codes + 1, minlength=len(words) + 1)[1:]
        places = np.flatnonzero(counts)
        if 1 < len(places) <= max_words:
            counted = [(words[place], int(counts[place])) for place in places.tolist()]
            found[column] = tuple(sorted(counted, key=lambda item: (-item[1], item[0])))
    return found


def _product_rows(index: Catalogue) -> Rows | slice:
    """Return one row of each product."""
    return slice(None) if index.groups is None else np.flatnonzero(index.groups.is_first)


def words_in_column(index: Catalogue, column: str) -> list[str | None]:
    """Return each product's word in a column, None if it has none, in the catalogue's order."""
    encoded = index.encoded_columns([column])
    words, codes = encoded.get(column, ((), np.full(len(index.names), -1, np.int32)))
    named = (*words, None)  # code -1 reads the last
    return [named[code] for code in codes.tolist()]
