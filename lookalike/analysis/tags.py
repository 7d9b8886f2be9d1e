"""What each product's picture is believed to be, in the columns of a shop's table, with how sure."""

import csv
import io
from collections.abc import Iterator

import numpy as np

from lookalike.embedding.fashion import describe_fashion, word_probabilities
from lookalike.errors import REBUILD, CatalogueError
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN
from lookalike.index.reading import Index
from lookalike.index.skipped import defuse

# The columns that the network can name, and the space that each is read from.
COLUMNS = {
    GENDER_COLUMN: "fashion",
    TYPE_COLUMN: "fashion",
    COLOR_COLUMN: "fashion",
    "usage": "fashion",
    "pattern": "detail",
}
SURE = "sure"
ROWS_PER_BLOCK = 8192


def can_tag(index: Index) -> bool:
    """Return whether the index has a space that the network can read words from."""
    return any(space in index.spaces for space in COLUMNS.values())


def believed_tags(index: Index) -> Iterator[dict[str, str]]:
    """Yield for each product its id, the likeliest word of each column, and how sure that is (0 to 1), as texts.

    Of several pictures of a product, the first one is judged. Raises CatalogueError if the index has no fashion space.
    """
    columns = {column: space for column, space in COLUMNS.items() if space in index.spaces}
    if not can_tag(index):
        raise CatalogueError(f"This index has no fashion space to name products by. {REBUILD}")
    vocabularies = describe_fashion().vocabularies
    for start in range(0, len(index.names), ROWS_PER_BLOCK):
        rows = slice(start, start + ROWS_PER_BLOCK)
        believed = {column: word_probabilities(index.spaces[space][rows], column) for column, space in columns.items()}
        for place in range(len(index.names[rows])):
            if index.groups is not None and not index.groups.is_first[start + place]:
                continue
            tags = {"id": index.product(start + place).id}
            for column, probabilities in believed.items():
                likeliest = int(np.argmax(probabilities[place]))
                tags[column] = vocabularies[column][likeliest]
                tags[f"{column} {SURE}"] = f"{probabilities[place, likeliest]:.2f}"
            yield tags


def tags_csv(index: Index) -> bytes:
    """Return the tags of all products as a CSV file in UTF-8 that no spreadsheet runs; raises CatalogueError."""
    text = io.StringIO(newline="")
    writer = None
    for tags in believed_tags(index):
        if writer is None:
            writer = csv.writer(text)
            writer.writerow(tags)
        writer.writerow([defuse(cell) for cell in tags.values()])
    return text.getvalue().encode()
