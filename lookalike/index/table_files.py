"""A table as shops save it → its columns and rows: CSV in any dialect and encoding, gzipped or not, or Parquet.

What cannot be read without a doubt is refused with its line: a table that is read wrongly loses data silently.
"""

import codecs
import csv
import gzip
import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from lookalike.errors import CatalogueError
from lookalike.types import StrPath

if TYPE_CHECKING:
    import pyarrow as pa

Collected = TypeVar("Collected")

Collect: TypeAlias = Callable[[Sequence[str], Iterable[Sequence[str]]], Collected]
"""What a table is made into, given its columns and its rows; called again if the first dialect proves wrong."""

# The table of a million products has 100 MB.
MAX_BYTES = 1_000_000_000

# Descriptions with their markup are shorter. A quotation mark that is never closed takes the rest of a table.
MAX_FIELD_LENGTH = 10_000_000

BLOCK_BYTES, BATCH_ROWS = 2**20, 10_000

SEPARATORS = (",", ";", "\t", "|")

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark begins it
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# What the bytes of other encodings look like as Windows-1252: three accented letters in a row (Cyrillic, Greek), a
# capital within a word (Mac), a sign within a word (Central European).
NOT_WINDOWS_1252 = re.compile("[À-ÖØ-öø-ÿ]{3}|[a-z][ŠŒŽŸ]|[^\\W\\d_][¡£¥¦¯±¹³¼¾¿][^\\W\\d_]")
UNDECODABLE = re.compile("[\udc80-\udcff]")

GZIP, ZIP, PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
EXCEL = "is an Excel workbook. Save it as CSV (UTF-8)."
NOT_TABLES = (
    ((b"\xd0\xcf\x11\xe0",), EXCEL),
    ((b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!"), "is compressed. Unpack it, or use gzip."),
    ((b"%PDF", b"SQLite format"), "is not a table. Save the table as CSV (UTF-8)."),
)

CLOSE_IT = "close it or leave it out"
DOUBLE_MARKS = "write quotation marks within quoted text twice, or leave them out"

# What MySQL, whose tables have backslashes before quotation marks, writes for an unknown value.
MYSQL_NULL = re.compile(r"(?<![^,;\t|])\\N(?![^,;\t|\r\n])")
SPACES_AFTER_MARK = re.compile(r'"[ \t]+(?=[,;\t|\r\n]|$)')


class _BrokenRow(csv.Error):
    """A row that cannot be read without a doubt. is_escaped: it has a quotation mark after a backslash."""

    def __init__(self, line: int, reason: str, texts: Iterable[str]) -> None:
        super().__init__(f"in the row that begins in line {line}: {reason}")
        self.is_escaped = any('\\"' in text for text in texts)


def read_table(path: StrPath, key: str, collect: Collect[Collected]) -> Collected:
    """Return what collect makes of a table that has a column named key; raises CatalogueError.

    No row is longer than the columns: the last one takes the rest of a row with unquoted separators.
    """
    try:
        start = _read_start(path)
        if start.startswith(PARQUET):
            return _read_parquet(path, key, collect)
        opened = partial(_open_bytes, path, start)
        with opened() as file:
            encoding = _find_encoding(path, file)
        try:
            return _read_csv(path, opened, encoding, key, collect)
        except _BrokenRow as error:
            if not error.is_escaped:
                raise
            # A program that puts backslashes before quotation marks does so in the whole table.
            return _read_csv(path, opened, encoding, key, collect, escape="\\")
    except (OSError, EOFError, ValueError, csv.Error, zlib.error) as error:
        raise CatalogueError(f"{path} cannot be read as a table of attributes ({error}).") from None


def find_key(columns: Sequence[str], key: str) -> int | None:
    """Return the place of the column named key, in any case if none is named exactly so; None if there is none."""
    if key in columns:
        return columns.index(key)
    alike = [place for place, name in enumerate(columns) if name.casefold() == key]
    return alike[0] if len(alike) == 1 else None


def _read_start(path: StrPath) -> bytes:
    """Return a table's first bytes; raises CatalogueError for a file that is known to be no table.

    Raises OSError for a pipe or a device, which may never end, and for a file too large to be a table.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
        raise OSError(f"it is not a file, or larger than {MAX_BYTES / 1e9:.0f} GB")
    with open(path, "rb") as file:
        start = file.read(16)
    if start.startswith(ZIP):
        raise CatalogueError(f"{path} {_describe_zip(path)}")
    for marks, sentence in NOT_TABLES:
        if start.startswith(marks):
            raise CatalogueError(f"{path} {sentence}")
    return start


def _describe_zip(path: StrPath) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        names = []
    if any(name.startswith("xl/") for name in names):
        return EXCEL
    return "is a spreadsheet. Save it as CSV (UTF-8)." if "content.xml" in names else "is a ZIP archive. Unpack it."


def _open_bytes(path: StrPath, start: bytes) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if start.startswith(GZIP) else open(path, "rb")


def _find_encoding(path: StrPath, file: IO[bytes]) -> str:
    """Return the encoding that all of a table is in; raises CatalogueError if there is none."""
    start = file.read(4)
    marked = next((name for mark, name in BYTE_ORDER_MARKS if start.startswith(mark)), None)
    if not marked and b"\0" in start[:2]:
        marked = "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
    encoding = marked or "utf-8"
    line, decoded, undecodable = _decode_all(file, encoding, UNDECODABLE)
    if line is None:
        return encoding
    if marked or decoded > undecodable:
        raise CatalogueError(f"{path} is {encoding.upper()} except for line {line}. Save it again as CSV (UTF-8).")
    line, _, _ = _decode_all(file, "cp1252", NOT_WINDOWS_1252)
    if line is not None:
        raise CatalogueError(f"{path} is neither UTF-8 nor Windows-1252 (line {line}). Save it again as CSV (UTF-8).")
    return "cp1252"


def _decode_all(file: IO[bytes], encoding: str, wrong: re.Pattern[str]) -> tuple[int | None, int, int]:
    """Return the line of the first bytes that an encoding does not know or that make wrong text, None if none do.

    After it come how many characters beyond ASCII were decoded, and how many were wrong.
    """
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)("surrogateescape" if encoding == "utf-8" else "strict")
    line, lines, size, decoded, undecodable = None, 1, 0, 0, 0
    while True:
        block = file.read(BLOCK_BYTES)
        size += len(block)
        if size > MAX_BYTES:
            raise OSError(f"unpacked, it is larger than {MAX_BYTES / 1e9:.0f} GB")
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            return lines + _count_lines(error.object[: error.start].decode("latin-1")), decoded, undecodable + 1
        if not text.isascii():
            odd = [found.start() for found in wrong.finditer(text)]
            if odd and line is None:
                line = lines + _count_lines(text[: odd[0]])
            undecodable += len(odd)
            decoded += len(text) - len(text.encode("ascii", "ignore")) - len(odd)
        lines += _count_lines(text)
        if not block:
            return line, decoded, undecodable


def _count_lines(text: str) -> int:
    return text.count("\n") or text.count("\r")


def _read_csv(
    path: StrPath,
    opened: Callable[[], IO[bytes]],
    encoding: str,
    key: str,
    collect: Collect[Collected],
    escape: str | None = None,
) -> Collected:
    csv.field_size_limit(MAX_FIELD_LENGTH)
    with opened() as file, io.TextIOWrapper(file, encoding, newline="") as text:
        before, first, separator = _find_columns(path, text, key)
        following = (MYSQL_NULL.sub("", line) for line in text) if escape else text
        reader = _RowReader(_Lines(chain([first], following), before), separator, escape)
        columns = [name.strip() for name in reader.read_columns()]
        place = find_key(columns, key)
        if place is None:
            raise _no_key(path, key, first)
        return collect(columns, reader.read_rows(len(columns), place))


def _find_columns(path: StrPath, lines: Iterable[str], key: str) -> tuple[int, str, str]:
    """Return how many lines come before the one that names the columns, that line, and the separator."""
    separators: Sequence[str] = SEPARATORS
    for number, line in enumerate(lines):
        line = line.lstrip("\ufeff")
        if said := re.fullmatch(r'"?sep=(.)"?', line.strip("\r\n"), re.IGNORECASE):  # a line of Excel's own
            separators = (said[1],)
        elif line.strip(' \r\n"' + "".join(SEPARATORS)):
            found = {one: next(csv.reader([line], delimiter=one, skipinitialspace=True)) for one in separators}
            fitting = [one for one in found if find_key([name.strip() for name in found[one]], key) is not None]
            if not fitting:
                raise _no_key(path, key, line)
            return number, line, max(fitting, key=lambda one: len(found[one]))
    raise CatalogueError(f"{path} has no column named {key}: it is empty. The first line must name the columns.")


def _no_key(path: StrPath, key: str, line: str) -> CatalogueError:
    line = line.strip()
    if line.startswith(("<", "{", "[")):
        return CatalogueError(f"{path} is {'HTML or XML' if line[0] == '<' else 'JSON'}. Save it as CSV (UTF-8).")
    begins = line if len(line) <= 100 else f"{line[:100]}…"
    return CatalogueError(
        f"{path} has no column named {key}. The first line must name the columns, one of them {key}. It is: {begins}"
    )


class _Lines:
    """The lines of a table. number is how many were read, row those of them since it was last emptied."""

    def __init__(self, lines: Iterable[str], number: int) -> None:
        self._lines, self.number = iter(lines), number
        self.row: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self.row.append(line)
        return line


class _RowReader:
    """The rows of a CSV file, each examined if its quotation marks leave a doubt."""

    def __init__(self, lines: _Lines, separator: str, escape: str | None) -> None:
        self._lines, self._escape = lines, escape
        self._options: dict[str, Any] = {"delimiter": separator, "escapechar": escape, "skipinitialspace": True}
        self._reader = csv.reader(lines, strict=True, **self._options)
        within, end = r'""|\\.|[^"\\]' if escape else '""|[^"]', re.escape(separator)
        # A field as it is written, and the separator after it.
        self._field = f'(?>(?> *"(?:{within})*"[^{end}]*|[^{end}]*){end})'

    def read_columns(self) -> list[str]:
        """Return the first row."""
        return self._next_row()[1]

    def read_rows(self, width: int, place: int) -> Iterator[list[str]]:
        """Yield the other rows that are not empty, at most width fields of each; place is that of the product's id.

        Raises _BrokenRow.
        """
        while True:
            try:
                is_doubtful, row = self._next_row()
            except StopIteration:
                return
            if len(row) > width:
                row = self._join_rest(row, width, is_doubtful)
            elif is_doubtful and len(row) < width:
                raise self._broken(f"it has {len(row)} of {width} columns; {DOUBLE_MARKS}")
            if len(self._lines.row) > 1 and place < len(row) and self._swallows_rows(width, place, row[place]):
                raise self._broken(self._closed_late())
            if row:
                yield row

    def _next_row(self) -> tuple[bool, list[str]]:
        """Return the next row, and whether it is doubtful because text follows a closing quotation mark."""
        held = self._lines.row
        held.clear()
        try:
            return False, next(self._reader)
        except csv.Error as error:
            reason = str(error)
        if "limit" in reason:
            raise self._broken(
                f"a field has more than {MAX_FIELD_LENGTH:,} characters, perhaps after a quotation mark; {CLOSE_IT}"
            )
        if not self._escape and any('\\"' in line for line in held):
            raise self._broken(DOUBLE_MARKS)
        with suppress(csv.Error):
            tidy = [SPACES_AFTER_MARK.sub('"', line) for line in held]
            rows = list(csv.reader(tidy, strict=True, **self._options))
            if len(rows) == 1:
                return False, rows[0]
        # Without strict, csv reads on where text follows a closing mark, and keeps the line end of an unclosed field.
        row = next(csv.reader([held[0].rstrip("\r\n") + "\n"], **self._options))
        if "unexpected end" in reason or row[-1].endswith("\n") and len(held) == 1:
            raise self._broken(f"a quotation mark is opened and never closed; {CLOSE_IT}")
        if len(held) > 1:
            raise self._broken(self._closed_late())
        return True, row

    def _join_rest(self, row: list[str], width: int, is_doubtful: bool) -> list[str]:
        """Return a row whose last column has the rest of it as it was written."""
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) == width:
            return row
        text = "".join(self._lines.row)
        before = re.match(f"{self._field}{{{width - 1}}}", text)
        end = before.end() if before else len(text)
        # A doubtful mark in the last column changes nothing.
        if is_doubtful and '"' in text[:end]:
            raise self._broken(f"it has {len(row)} of {width} columns; {DOUBLE_MARKS}")
        return [*row[: width - 1], text[end:]]

    def _swallows_rows(self, width: int, place: int, key: str) -> bool:
        """Return whether most lines of a row are rows by themselves, with ids of their own such as the row's.

        The first line may also be one by itself where backslashes escape quotation marks.
        """
        lines = self._lines.row
        if not self._escape and '\\"' in lines[0]:
            with suppress(csv.Error):
                return len(next(csv.reader(lines[:1], strict=True, **(self._options | {"escapechar": "\\"})))) == width
        options = {**self._options, "quoting": csv.QUOTE_NONE}
        rows = [next(csv.reader([line], **options), []) for line in lines]
        ids = [row[place] if len(row) >= width else "" for row in rows]
        own = sum(_are_alike(one, key) and one.strip() != key.strip() for one in ids)
        # One of the lines is the row's.
        return len(rows[0]) >= width and 2 * own > len(rows) - 1

    def _closed_late(self) -> str:
        return f"a quotation mark is opened, and closed only in line {self._lines.number}; {CLOSE_IT}"

    def _broken(self, reason: str) -> _BrokenRow:
        held = self._lines.row
        return _BrokenRow(self._lines.number - len(held) + 1, reason, held)


def _are_alike(one: str, other: str) -> bool:
    """Return whether two texts may be ids of one table: numbers about as long, or words with or without digits."""
    one, other = one.strip(), other.strip()
    if one.isdecimal() and other.isdecimal():
        return abs(len(one) - len(other)) <= 1
    kinds = [(own.isdecimal(), any(map(str.isdecimal, own)), " " in own) for own in (one, other)]
    return bool(one and other) and kinds[0] == kinds[1]


def _read_parquet(path: StrPath, key: str, collect: Collect[Collected]) -> Collected:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = [field.name for field in file.schema_arrow if not _is_opaque(field.type)]
            if find_key(columns, key) is None:
                raise CatalogueError(f"{path} has no column named {key}. Its columns are: {', '.join(columns)[:100]}")
            batches = file.iter_batches(BATCH_ROWS, columns=columns)
            fields = (
                [["" if value is None else str(value) for value in column.to_pylist()] for column in batch.columns]
                for batch in batches
            )
            return collect(columns, (row for columns_of_batch in fields for row in zip(*columns_of_batch)))
    except pa.ArrowException as error:
        raise OSError(str(error).partition("\n")[0][:200]) from None


def _is_opaque(kind: "pa.DataType") -> bool:
    """Return whether values of a type are no words: lists, records, pictures."""
    import pyarrow as pa

    return pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
