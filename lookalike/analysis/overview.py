"""An index in numbers: what it holds, how and when it was made, and what was left out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from lookalike.index.catalogue import Catalogue, product_id
from lookalike.index.skipped import read_skipped

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
    ids = {product_id(name) for name in index.names}
    return Overview(
        products=index.product_count,
        described=sum(bool(index.attributes_of(row)) for row in _product_rows(index)),
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
    counts: dict[str, Counter[str]] = {}
    for row in _product_rows(index):
        for column, word in index.attributes_of(row).items():
            counts.setdefault(column, Counter())[word] += 1
    return {
        column: tuple(sorted(words.items(), key=lambda item: (-item[1], item[0])))
        for column, words in counts.items()
        if 1 < len(words) <= max_words
    }


def _product_rows(index: Catalogue) -> Sequence[int]:
    """Return one row of each product."""
    return range(len(index.names)) if index.groups is None else np.flatnonzero(index.groups.is_first).tolist()


def words_in_column(index: Catalogue, column: str) -> list[str | None]:
    """Return each product's word in a column, None if it has none, in the catalogue's order."""
    return [index.attributes_of(row).get(column) for row in range(len(index.names))]
