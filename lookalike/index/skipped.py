"""skipped.csv: the files that could not be indexed, with their reasons."""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

from lookalike.errors import REBUILD, CatalogueError, IndexFileError
from lookalike.files import read_regular_file, sha256
from lookalike.types import StrPath

SKIPPED = "skipped.csv"

# A spreadsheet runs a cell with such a start as a formula; an apostrophe before it makes it text. One that splits rows
# at semicolons or tabs does not heed our quotes: it sees cells within ours.
FORMULA_START = re.compile(r'(?:^|[;\t\r\n])(?=[\s"]*[=+\-@＝＋－＠])|^(?=[\t\r])')


def defuse(cell: str) -> str:
    """Return the text of a cell with an apostrophe before all that a spreadsheet would run."""
    return FORMULA_START.sub(r"\g<0>'", cell)


def read_skipped(folder: StrPath) -> tuple[tuple[str, str], ...]:
    """Return (path, reason) of each file that indexing left out; raises CatalogueError if it is not such a table."""
    path = Path(folder, SKIPPED)
    try:
        text = read_regular_file(path).decode("utf-8", "replace")
        return tuple((row[0], row[1]) for row in list(csv.reader(io.StringIO(text, newline="")))[1:] if len(row) == 2)
    except FileNotFoundError:
        return ()
    except (OSError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CatalogueError(f"{path} cannot be read ({reason}). {REBUILD}") from None


def write_skipped(output: StrPath, skipped: Iterable[tuple[str, str]]) -> str:
    """Write a header and (path, reason) of each skipped file; return the file's SHA-256. Raises IndexFileError."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("path", "reason"))
    rows.writerows(map(defuse, row) for row in skipped)
    path = Path(output, SKIPPED)
    # Names from old archives need not be UTF-8: their odd bytes are spelled out.
    content = text.getvalue().encode(errors="backslashreplace")
    try:
        path.write_bytes(content)
    except OSError as error:
        raise IndexFileError(
            f"{path} cannot be written ({error.strerror}). Make room or choose another folder with --output."
        ) from None
    return sha256(content)
