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
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from lookalike.errors import CatalogueError
from lookalike.types import StrPath

if TYPE_CHECKING:
    import pyarrow as pa

Collected = TypeVar("Collected")

Collect: TypeAlias = Callable[[Sequence[str], Iterable[Sequence[Sequence[str]]]], Collected]
"""What a table is made into, given its columns and its rows in batches; called again if the first dialect is wrong."""

# The table of a million products has 100 MB.
MAX_BYTES = 1_000_000_000

# Descriptions with their markup are shorter. A quotation mark that is never closed takes the rest of a table.
MAX_FIELD_LENGTH = 10_000_000

# A row of several lines is judged by so many ids of other rows, and by those of the kinds that are no exceptions.
SAMPLED_IDS, SHARE_OF_A_KIND = 100, 0.2
MAX_SUSPECTS = 1000

# The names of columns have at most so many lines before the key's.
MAX_HEADER_LINES = 20

# Rows of a CSV file are read so many at a time: more would not fit in a processor's cache.
BLOCK_BYTES, BATCH_ROWS, PLAIN_ROWS = 2**20, 10_000, 500

SEPARATORS = (",", ";", "\t", "|")

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark begins it
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# What the bytes of other encodings look like as Windows-1252: three accented letters in a row (Cyrillic, Greek), a
# capital within a word (Mac), a sign within a word (Central European, MS-DOS), an opening quotation mark or a
# paragraph sign after a letter (MS-DOS, Mac).
NOT_WINDOWS_1252 = re.compile("[À-ÖØ-öø-ÿ]{3}|[a-z][ŠŒŽŸ]|[^\\W\\d_](?:[¡¢£¤¥¦¨¬¯±¶¸¹³½¼¾¿ˆ˜†‡‰‹][^\\W\\d_]|[‚„§])")
UNDECODABLE = re.compile("[\udc80-\udcff]")

# What web pages, spreadsheets and old editors put beside text, and nobody sees: marks of byte order and of direction,
# places for a line break, the end of a file.
UNSEEN = "\ufeff\u200b\u2060\xad\u200e\u200f\0\x1a"

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
# What a backslash that is text, not an escape, comes before.
NOT_ESCAPED = re.compile(r'\\([^"\\,;\t|\r\n]|\\)')
ESCAPED = re.compile(r"\\(.)", re.DOTALL)
SPACES_AFTER_MARK = re.compile(r'"[ \t]+(?=[,;\t|\r\n]|$)')


class _BrokenRow(csv.Error):
    """A row that cannot be read without a doubt. is_escaped: it has what may be escaped by a backslash."""

    def __init__(self, line: int, reason: str, is_escaped: bool) -> None:
        super().__init__(f"in the row that begins in line {line}: {reason}")
        self.is_escaped = is_escaped


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
        reason = getattr(error, "strerror", None) or error
        raise CatalogueError(f"{path} cannot be read as a table of attributes ({reason}).") from None


def trim(text: str) -> str:
    """Return text without what cannot be seen at its ends: spaces and UNSEEN."""
    text = text.strip()
    return text if text.isascii() and text.isprintable() else text.strip(UNSEEN).strip()


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
    if not stat.S_ISREG(status.st_mode):
        raise OSError("it is a folder" if stat.S_ISDIR(status.st_mode) else "it is not a file")
    if status.st_size > MAX_BYTES:
        raise OSError(f"it is larger than {MAX_BYTES / 1e9:.0f} GB")
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
    start = file.read(BLOCK_BYTES)
    if start.startswith((GZIP, ZIP, PARQUET, *(mark for marks, _ in NOT_TABLES for mark in marks))):
        raise CatalogueError(f"{path} has no CSV in it. Unpack it, and save the table as CSV (UTF-8).")
    marked = next((name for mark, name in BYTE_ORDER_MARKS if start.startswith(mark)), None)
    marked = marked or _find_utf_16(start)
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


def _find_utf_16(start: bytes) -> str | None:
    """Return the kind of UTF-16 that a file without a byte order mark is in, None if it is in another encoding.

    Separators, digits and line ends have a zero byte before or after the other one, whatever the language.
    """
    before, after = start[::2].count(0), start[1::2].count(0)
    if before + after <= len(start) / 20 or min(before, after) * 3 > max(before, after):
        return None
    return "utf-16-le" if after > before else "utf-16-be"


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
        before, header, separator = _find_columns(path, text, key)
        following = map(_prepare_escapes, text) if escape else text
        reader = _RowReader(_Lines(chain(header, following), before), separator, escape)
        columns = [trim(name) for name in reader.read_columns()]
        place = find_key(columns, key)
        if place is None:
            raise _no_key(path, key, header[0])
        return collect(columns, reader.read_rows(len(columns), place))


def _prepare_escapes(line: str) -> str:
    """Return a line in which each backslash that is text is escaped, and MySQL's unknown values are empty."""
    if line.endswith("\\\r\n"):  # an escape is of one character
        line = line[:-2] + "\n"
    return NOT_ESCAPED.sub(lambda found: found[0] if found[1] == "\\" else f"\\{found[0]}", MYSQL_NULL.sub("", line))


def _find_columns(path: StrPath, lines: Iterator[str], key: str) -> tuple[int, list[str], str]:
    """Return how many lines come before those that name the columns, those up to the key's, and the separator."""
    separators: Sequence[str] = SEPARATORS
    for number, line in enumerate(lines):
        line = line.lstrip("\ufeff")
        if said := re.fullmatch(r'"?sep=(.)"?', line.strip("\r\n"), re.IGNORECASE):  # a line of Excel's own
            separators = (said[1],)
        elif line.strip(' \r\n"' + "".join(SEPARATORS)):
            header = [line]
            while True:
                found = {one: next(csv.reader(header, delimiter=one, skipinitialspace=True)) for one in separators}
                fitting = [one for one in found if find_key([trim(name) for name in found[one]], key) is not None]
                if fitting:
                    return number, header, max(fitting, key=lambda one: len(found[one]))
                is_whole = len(header) == MAX_HEADER_LINES or "".join(header).count('"') % 2 == 0
                more = None if is_whole else next(lines, None)  # a name may have several lines
                if more is None:
                    raise _no_key(path, key, line)
                header.append(more)
    raise CatalogueError(f"{path} has no column named {key}: it is empty. The first line must name the columns.")


def _no_key(path: StrPath, key: str, line: str) -> CatalogueError:
    line = trim(line)
    if line.startswith(("<", "{", "[")):
        return CatalogueError(f"{path} is {'HTML or XML' if line[0] == '<' else 'JSON'}. Save it as CSV (UTF-8).")
    if "\0" in line:
        return CatalogueError(f"{path} is not a table. Save the table as CSV (UTF-8).")
    begins = line if len(line) <= 100 else f"{line[:100]}…"
    return CatalogueError(
        f"{path} has no column named {key}. The first line must name the columns, one of them {key}. It is: {begins}"
    )


class _Lines:
    """The lines of a table.

    number is how many were read, row those of them since it was last emptied, ahead those that come next, if they were
    looked at already.
    """

    def __init__(self, lines: Iterable[str], number: int) -> None:
        self._lines, self.number = iter(lines), number
        self.row: list[str] = []
        self.ahead: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.ahead.popleft() if self.ahead else next(self._lines)
        self.number += 1
        self.row.append(line)
        return line

    def look_ahead(self, count: int) -> list[str]:
        """Return the next lines, at most count, without reading them."""
        self.ahead.extend(islice(self._lines, count - len(self.ahead)))
        return list(self.ahead)

    def skip(self) -> None:
        """Count the lines ahead as read."""
        self.number += len(self.ahead)
        self.ahead.clear()


class _RowReader:
    """The rows of a CSV file, each examined if its quotation marks leave a doubt."""

    def __init__(self, lines: _Lines, separator: str, escape: str | None) -> None:
        self._lines, self._separator, self._escape = lines, separator, escape
        self._options: dict[str, Any] = {"delimiter": separator, "escapechar": escape, "skipinitialspace": True}
        self._reader = csv.reader(lines, strict=True, **self._options)
        end = re.escape(separator)
        within, outside = (r'""|\\.|[^"\\]', rf"\\.|[^\\{end}]") if escape else ('""|[^"]', f"[^{end}]")
        # A field as it is written, and the separator after it.
        self._field = f'(?s:(?>(?> *"(?:{within})*"(?:{outside})*|(?:{outside})*){end}))'

    def read_columns(self) -> list[str]:
        """Return the first row."""
        return self._next_row()[1]

    def read_rows(self, width: int, place: int) -> Iterator[list[list[str]]]:
        """Yield batches of the other rows that are not empty, at most width fields of each; place is that of the id.

        Raises _BrokenRow.
        """
        ids: deque[str] = deque(maxlen=SAMPLED_IDS)
        suspects: list[_Suspect] = []
        is_continued = False
        while True:
            # Rows of which none leaves a doubt are read many at a time, the others one by one.
            while not self._lines.ahead and not is_continued and (batch := self._read_plain_rows(width, place)):
                ids.extend(row[place] for row in batch if place < len(row) and row[place])
                yield batch
            try:
                is_doubtful, row = self._next_row()
            except StopIteration:
                break
            was_continued, is_continued = is_continued, self._ends_with_backslash()
            if (was_continued or is_continued) and 0 < len(row) < width:
                raise self._broken("a line ends with a backslash; put text of several lines in quotation marks", True)
            if len(row) > width:
                row = self._join_rest(row, width, is_doubtful)
            elif is_doubtful and len(row) < width:
                raise self._broken(f"it has {len(row)} of {width} columns; {DOUBLE_MARKS}")
            key = row[place] if place < len(row) else ""
            if len(self._lines.row) > 1 and (suspect := self._suspect(width, place, key)):
                if suspect.swallows_rows(ids):
                    raise suspect.error
                if len(suspects) < MAX_SUSPECTS:
                    suspects.append(suspect)
            elif key:
                ids.append(key)
            elif 1 < len(row) <= place and any('"' in line for line in self._lines.row):
                raise self._broken(f"it has {len(row)} of {width} columns, and no id; {DOUBLE_MARKS}")
            if row:
                yield [row]
        # The first row of a table is judged by the ids that follow it.
        for suspect in suspects:
            if suspect.swallows_rows(ids):
                raise suspect.error

    def _read_plain_rows(self, width: int, place: int) -> list[list[str]]:
        """Return the rows of the next lines if each line is one of them and none leaves a doubt.

        They are what read_rows yields for the same lines one by one. Otherwise no line is read, and none returned.
        """
        lines = [] if self._escape else self._lines.look_ahead(PLAIN_ROWS)
        text = "".join(lines)
        if not lines or "\\\n" in text or "\\\r" in text or text.endswith("\\"):
            return []
        try:
            rows = list(csv.reader(lines, strict=True, **self._options))
            if len(rows) < len(lines):  # some have several lines
                return []
            held, self._lines.row = self._lines.row, []
            try:
                for number, row in enumerate(rows):
                    if len(row) > width:
                        self._lines.row = [lines[number]]
                        rows[number] = self._join_rest(row, width, is_doubtful=False)
                    elif 1 < len(row) <= place:
                        return []
            finally:
                self._lines.row = held
        except csv.Error:
            return []
        rows = [row for row in rows if row]
        if rows:
            self._lines.skip()
        return rows

    def _ends_with_backslash(self) -> bool:
        return not self._escape and self._lines.row[-1].rstrip("\r\n").endswith("\\")

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
        return True, self._keep_odd_marks(row, held[0])

    def _keep_odd_marks(self, row: list[str], line: str) -> list[str]:
        """Return a row with the marks that are text within quoted text, as in "5" heel": an odd number of them all."""
        written = re.findall(self._field, line.rstrip("\r\n") + self._separator)
        for place, field in enumerate(written[: len(row)]):
            field = field[: -len(self._separator)].strip(" ")
            if field.count('"') % 2 and len(field) > 1 and field[0] == field[-1] == '"':
                row[place] = field[1:-1].replace('""', '"')
        return row

    def _join_rest(self, row: list[str], width: int, is_doubtful: bool) -> list[str]:
        """Return a row whose last column has the rest of it as it was written."""
        while len(row) > width and not row[-1].strip():
            row.pop()
        if len(row) == width:
            return row
        text = "".join(self._lines.row)
        before = re.match(f"{self._field}{{{width - 1}}}", text)
        end = before.end() if before else len(text)
        if not self._escape and f"\\{self._separator}" in text:
            raise self._broken("a backslash is before a separator; put text with separators in quotation marks", True)
        # A doubtful mark in the last column changes nothing.
        if is_doubtful and '"' in text[:end]:
            raise self._broken(f"it has {len(row)} of {width} columns; {DOUBLE_MARKS}")
        return [*row[: width - 1], ESCAPED.sub(r"\1", text[end:]) if self._escape else text[end:]]

    def _suspect(self, width: int, place: int, key: str) -> "_Suspect | None":
        """Return what a row of several lines may have swallowed, None if most of its lines are no rows by themselves.

        Raises _BrokenRow if the first line is a row by itself where backslashes escape quotation marks.
        """
        lines = self._lines.row
        error = self._broken(self._closed_late())
        if not self._escape and '\\"' in lines[0]:
            try:
                first = next(csv.reader(lines[:1], strict=True, **(self._options | {"escapechar": "\\"})))
            except csv.Error:
                pass
            else:
                if len(first) == width:
                    raise error
                return None
        options = {**self._options, "quoting": csv.QUOTE_NONE}
        rows = [next(csv.reader([line], **options), []) for line in lines]
        if len(rows[0]) < width:
            return None
        ids = [row[place].strip() for row in rows if len(row) >= width]
        # One of the lines is the row's own.
        suspect = _Suspect(error, key.strip(), [one for one in ids if one not in ("", key.strip())], len(rows) - 1)
        return suspect if 2 * len(suspect.ids) > suspect.others else None

    def _closed_late(self) -> str:
        return f"a quotation mark is opened, and closed only in line {self._lines.number}; {CLOSE_IT}"

    def _broken(self, reason: str, is_escaped: bool = False) -> _BrokenRow:
        held = self._lines.row
        is_escaped = is_escaped or any('\\"' in line for line in held)
        return _BrokenRow(self._lines.number - len(held) + 1, reason, is_escaped)


@dataclass(frozen=True)
class _Suspect:
    """A row of several lines that may be rows by themselves.

    Attributes:
        error: what is raised if they are.
        key: the id of the row.
        ids: what would be the ids of the other rows.
        others: how many other lines there are.
    """

    error: _BrokenRow
    key: str
    ids: Sequence[str]
    others: int

    def swallows_rows(self, known: Collection[str]) -> bool:
        """Return whether most of the ids are such as the row's, or as many of the known ids of the table."""
        kinds = Counter(map(_kind_of_id, known))

        def is_id(text: str) -> bool:
            alike = sum(count for kind, count in kinds.items() if _are_alike(kind, _kind_of_id(text)))
            is_alike = bool(self.key) and _are_alike(_kind_of_id(self.key), _kind_of_id(text))
            return is_alike or alike > len(known) * SHARE_OF_A_KIND

        return 2 * sum(map(is_id, self.ids)) > self.others


def _kind_of_id(text: str) -> tuple[int, bool, bool]:
    """Return the length of a number or else 0, whether there are digits, and spaces."""
    text = text.strip()
    return len(text) * text.isdecimal(), any(map(str.isdecimal, text)), " " in text


def _are_alike(one: tuple[int, bool, bool], other: tuple[int, bool, bool]) -> bool:
    """Return whether two kinds may be of ids of one table: numbers about as long, or words with or without digits."""
    if one[0] and other[0]:
        return abs(one[0] - other[0]) <= 1
    return one == other


def _read_parquet(path: StrPath, key: str, collect: Collect[Collected]) -> Collected:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            fields = list(file.schema_arrow)
            readable = [field.name for field in fields if not _is_opaque(field.type)]
            columns = [trim(name) for name in readable]
            if find_key(columns, key) is None:
                for field in fields:
                    if field.name == key:
                        raise CatalogueError(f"{path} has ids of the type {field.type}. Save them as text or numbers.")
                raise CatalogueError(f"{path} has no column named {key}. Its columns are: {', '.join(columns)[:100]}")
            batches = (map(_to_text, batch.columns) for batch in file.iter_batches(BATCH_ROWS, columns=readable))
            return collect(columns, (list(zip(*batch)) for batch in batches))
    except pa.ArrowException as error:
        raise OSError(str(error).partition("\n")[0][:200]) from None


def _to_text(values: "pa.Array") -> list[str]:
    import pyarrow as pa

    if pa.types.is_float32(values.type):  # Python would write 19.99 with the digits of a number twice as long
        values = values.cast(pa.string())
    return ["" if value is None else str(value) for value in values.to_pylist()]


def _is_opaque(kind: "pa.DataType") -> bool:
    """Return whether values of a type are no words: lists, records, pictures."""
    import pyarrow as pa

    types = pa.types
    is_opaque = (types.is_nested, types.is_binary, types.is_large_binary, types.is_fixed_size_binary)
    return any(one(kind) for one in is_opaque)
