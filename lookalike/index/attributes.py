"""The table of attributes (styles.csv): product id → what the shop says about the product."""

import csv
import os
import stat
from itertools import chain
from pathlib import Path

from lookalike.errors import CatalogueError

# The Kaggle file writes an unknown value as an empty field or as NA.
UNKNOWN = ("", "NA")

# The table of a million products has 100 MB.
MAX_BYTES = 1_000_000_000

# A line after the last one, which no table has.
END = "\0the end of the table\0"


def read_styles(path):
    """A dict from product id (str) to a dict of its known attributes, in the file's column order.

    The last column takes the rest of a row with unquoted commas. Raises CatalogueError.
    """
    try:
        _check_file(path)
        with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = _rows(file)
            header = [name.strip() for name in next(rows, [])]
            if "id" not in header:
                raise CatalogueError(
                    f"{path} has no column named id. The first line must name the columns, one of them id."
                )
            return dict(_product(header, row) for row in rows if row)
    except (OSError, ValueError, csv.Error) as error:
        raise CatalogueError(f"{path} cannot be read as a table of attributes ({error}).") from None


def _check_file(path):
    """Raise OSError for a pipe or a device, which may never end, and for what no table is as large as."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
        raise OSError(f"it is no file, or larger than {MAX_BYTES / 1e9:.0f} GB")


def _rows(file):
    """The rows of a table; raises csv.Error, which names the line where the row begins that has no end."""
    reader, begun = csv.reader(chain(file, (END,))), 1
    try:
        for row in reader:
            if row == [END]:
                return
            # csv takes all that follows a quotation mark which is never closed for one field, and says nothing.
            if row and row[-1].endswith(END):
                raise csv.Error("a quotation mark is opened and never closed; close it or leave it out")
            yield row
            begun = reader.line_num + 1
    except csv.Error as error:
        raise csv.Error(f"in the row that begins in line {begun}: {error}") from None


def find_styles(images):
    """styles.csv beside the folder of images or in it, or None."""
    images = Path(images).resolve()
    candidates = (images.parent / "styles.csv", images / "styles.csv")
    return next((path for path in candidates if path.is_file()), None)


def _product(header, row):
    extra = len(row) - len(header)
    if extra > 0:
        row = row[: len(header) - 1] + [",".join(row[len(header) - 1 :])]
    fields = {name: value.strip() for name, value in zip(header, row)}
    key = fields.pop("id", "")
    return key, {name: value for name, value in fields.items() if value not in UNKNOWN}
