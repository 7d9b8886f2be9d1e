"""The table of attributes (styles.csv): product id → what the shop says about the product."""

import csv
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from lookalike.errors import CatalogueError
from lookalike.types import StrPath

# The columns of the Kaggle table that have a meaning of their own here.
TYPE_COLUMN, COLOR_COLUMN, GENDER_COLUMN = "articleType", "baseColour", "gender"

# The Kaggle table writes an unknown value as an empty field or as NA.
UNKNOWN = ("", "NA")

# The table of a million products has 100 MB.
MAX_BYTES = 1_000_000_000

# Put after the last line, as a line that no table has.
END = "\0the end of the table\0"


def find_styles(images: StrPath) -> Path | None:
    """Return styles.csv next to the folder of images or in it, or None."""
    images = Path(images).resolve()
    candidates = (images.parent / "styles.csv", images / "styles.csv")
    return next((path for path in candidates if path.is_file()), None)


def read_styles(path: StrPath) -> dict[str, dict[str, str]]:
    """Return product id → its known attributes, in the table's column order.

    The last column takes the rest of a row with unquoted commas. Raises CatalogueError.
    """
    try:
        _check_table(path)
        with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = _read_rows(file)
            header = [name.strip() for name in next(rows, [])]
            if "id" not in header:
                raise CatalogueError(
                    f"{path} has no column named id. The first line must name the columns, one of them id."
                )
            return dict(_read_product(header, row) for row in rows if row)
    except (OSError, ValueError, csv.Error) as error:
        raise CatalogueError(f"{path} cannot be read as a table of attributes ({error}).") from None


def _check_table(path: StrPath) -> None:
    """Raise OSError for a pipe or a device, which may never end, and for a file too large to be a table."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
        raise OSError(f"it is not a file, or larger than {MAX_BYTES / 1e9:.0f} GB")


def _read_rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield the rows of a table; raises csv.Error, which names the line where a row without an end begins."""
    reader, begun = csv.reader(chain(lines, (END,))), 1
    try:
        for row in reader:
            if row == [END]:
                return
            # csv silently takes everything after a quotation mark that is never closed as one field.
            if row and row[-1].endswith(END):
                raise csv.Error("a quotation mark is opened and never closed; close it or leave it out")
            yield row
            begun = reader.line_num + 1
    except csv.Error as error:
        raise csv.Error(f"in the row that begins in line {begun}: {error}") from None


def _read_product(header: Sequence[str], row: list[str]) -> tuple[str, dict[str, str]]:
    extra = len(row) - len(header)
    if extra > 0:
        row = row[: len(header) - 1] + [",".join(row[len(header) - 1 :])]
    fields = {name: value.strip() for name, value in zip(header, row)}
    key = fields.pop("id", "")
    return key, {name: value for name, value in fields.items() if value not in UNKNOWN}
