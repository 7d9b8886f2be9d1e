"""skipped.csv: the files that could not be indexed, with their reasons."""

import csv
import hashlib
import io
from pathlib import Path

from lookalike.errors import CatalogueError, IndexFileError

SKIPPED = "skipped.csv"


def read_skipped(folder):
    """The (path, reason) of each file that indexing left out; raises CatalogueError where it is no such table."""
    path = Path(folder, SKIPPED)
    try:
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            return tuple(tuple(row) for row in list(csv.reader(file))[1:] if len(row) == 2)
    except FileNotFoundError:
        return ()
    except (OSError, csv.Error) as error:
        raise CatalogueError(f"{path} cannot be read ({error}). Index again: python extract_features.py") from None


def _write_skipped(output, skipped):
    """Write one row a skipped file, its path and the reason, after the header; return the file's SHA-256."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("path", "reason"))
    rows.writerows(skipped)
    path = Path(output) / SKIPPED
    # A name that is no UTF-8, as old archives hold them, is told with its odd bytes spelled out.
    content = text.getvalue().encode(errors="backslashreplace")
    try:
        path.write_bytes(content)
    except OSError as error:
        raise IndexFileError(
            f"{path} cannot be written ({error.strerror}). Make room or choose another folder with --output."
        ) from None
    return hashlib.sha256(content).hexdigest()
