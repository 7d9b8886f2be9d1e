"""An index in numbers: what it holds, how and when it was made, what was left out."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from lookalike.index.catalogue import product_id
from lookalike.index.skipped import read_skipped

# Columns with more words than a shop sorts by, such as names, are counted but not listed.
MAX_WORDS = 300


@dataclass(frozen=True)
class Overview:
    """products and described (those with attributes) are counts, size is in bytes, made a time in UTC.

    spaces is a dict from space to its width; columns one from column to its words with their counts, the
    most frequent first; skipped are (path, reason); unpictured counts the table's rows without a picture.
    """

    products: int
    described: int
    unpictured: int
    backbone: str
    precision: str
    spaces: dict
    columns: dict
    made: datetime
    size: int
    skipped: tuple


def overview(index):
    """The Overview of an index; where a file beside it is gone meanwhile, its part is empty."""
    ids = {product_id(name) for name in index.names}
    return Overview(
        products=len(index.names),
        described=sum(bool(index.product(row).attributes) for row in range(len(index.names))),
        unpictured=len(index.attributes.keys() - ids),
        backbone=index.manifest.get("backbone", ""),
        precision=index.manifest.get("precision", ""),
        spaces=dict(index.widths),
        columns=columns(index),
        made=datetime.fromtimestamp(index.written_at, UTC),
        size=index.size,
        skipped=read_skipped(index.folder),
    )


def columns(index):
    """The columns that sort the products: a dict from column to ((word, count), …), the most frequent first."""
    counts = {}
    for row in range(len(index.names)):
        for column, word in index.product(row).attributes.items():
            counts.setdefault(column, Counter())[word] += 1
    return {column: _ordered(words) for column, words in counts.items() if 1 < len(words) <= MAX_WORDS}


def words_of(index, column):
    """Each product's word in a column, None where it has none, in the catalogue's order."""
    return [index.attributes_of(row).get(column) for row in range(len(index.names))]


def _ordered(words):
    return tuple(sorted(words.items(), key=lambda item: (-item[1], item[0])))
