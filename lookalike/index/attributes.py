"""The table of attributes (styles.csv): product id → what the shop says about the product."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from lookalike.index.table_files import find_key, read_table, trim
from lookalike.types import Attributes, StrPath

# The columns of the Kaggle table that have a meaning of their own here.
TYPE_COLUMN, COLOR_COLUMN, GENDER_COLUMN = "articleType", "baseColour", "gender"

ID = "id"

# How shops, pandas, R and databases write an unknown value.
UNKNOWN = frozenset(
    (
        "NA",
        "N/A",
        "n/a",
        "#N/A",
        "#NA",
        "<NA>",
        "nan",
        "NaN",
        "NAN",
        "-nan",
        "-NaN",
        "NaT",
        "None",
        "null",
        "Null",
        "NULL",
        "(null)",
        "(NULL)",
        "[null]",
        "[NULL]",
        "undefined",
        "\\N",
        "#N/A N/A",
        "1.#IND",
        "-1.#IND",
        "1.#QNAN",
        "-1.#QNAN",
        # The errors of a spreadsheet's formulas.
        "#NV",
        "#REF!",
        "#VALUE!",
        "#NAME?",
        "#DIV/0!",
        "#NULL!",
        "#NUM!",
        # What people type.
        "-",
        "--",
        "---",
        "–",
        "—",
    )
)

# pandas writes its index without a name, and reads that as Unnamed: 0.
NAMELESS = re.compile(r"|Unnamed: \d+(\.\d+)?(_level_\d+)?|__index_level_\d+__")

# Three zeros are thousands in much of Europe.
FLOAT = re.compile(r"(\d+)\.(?!000$)0+")
FILE_ID = re.compile(
    r"(?:.*[/\\])?([^/\\]+)\.(?:jpe?g|jpe|jfif|a?png|gif|webp|bmp|tiff?|avifs?|hei[cf]s?|hif)", re.IGNORECASE
)
# What an address has after the name of its file, such as the ?v=… of shops' image servers.
ADDRESS = re.compile(r"(https?://[^?#]*)[?#].*", re.IGNORECASE)
EXCEL_TEXT = re.compile(r'="([^"]*)"')

# A table whose columns are mistaken has texts for ids.
MAX_EXAMPLES, MAX_SHOWN = 2, 60

Table: TypeAlias = dict[str, dict[str, str]]


@dataclass(frozen=True)
class TableMatch:
    """How the products of a catalogue and the ids of its table find each other.

    Attributes:
        table: the file of the table.
        products, ids: how many there are of each.
        with_row, with_image: how many products have a row of the table, and how many of its ids have a product.
        without_row, without_image: examples of the others, by their ids.
    """

    table: StrPath
    products: int
    ids: int
    with_row: int
    with_image: int
    without_row: Sequence[str]
    without_image: Sequence[str]

    def sentences(self) -> list[str]:
        """Return what to tell a person: the table, both counts, and examples of what does not match."""
        lines = [
            f"Attributes from {os.fspath(self.table)}: {self.with_row:,} of {self.products:,} products have a row in "
            f"it, and {self.with_image:,} of its {self.ids:,} ids have an image."
        ]
        for what, examples in (
            ("Products without a row", self.without_row),
            ("Ids without an image", self.without_image),
        ):
            if examples:
                shown = [repr(one if len(one) <= MAX_SHOWN else f"{one[:MAX_SHOWN]}…") for one in examples]
                lines.append(f"{what}, for example: {', '.join(shown)}.")
        if not self.with_row:
            lines.append("No product has attributes. An id must be the name of an image's file without its suffix.")
        return lines


def match_table(ids: Iterable[str], attributes: Mapping[str, Attributes], table: StrPath) -> TableMatch:
    """Return how products, given by their ids, and the attributes read from a table find each other."""
    ids = list(ids)
    images = set(ids)
    without_row = [own for own in ids if own not in attributes]
    without_image = [own for own in attributes if own not in images]
    return TableMatch(
        table,
        products=len(ids),
        ids=len(attributes),
        with_row=len(ids) - len(without_row),
        with_image=len(attributes) - len(without_image),
        without_row=without_row[:MAX_EXAMPLES],
        without_image=without_image[:MAX_EXAMPLES],
    )


def find_styles(images: StrPath) -> Path | None:
    """Return styles.csv in the folder of images or next to it, or None.

    The one in the folder wins: next to it may lie the table of another catalogue.
    """
    folder = os.path.realpath(images)
    candidates = (os.path.join(folder, "styles.csv"), os.path.join(os.path.dirname(folder), "styles.csv"))
    return next((Path(path) for path in candidates if os.path.isfile(path)), None)


def read_styles(path: StrPath) -> Table:
    """Return product id → its known attributes, in the table's column order; raises CatalogueError.

    Of several rows of a product, and of several columns of one name, the first known value counts.
    """
    return read_table(path, ID, _collect)


def _collect(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    at = find_key(columns, ID) or 0
    columns = [normalize(name) for name in columns]
    named = [
        (place, name) for place, name in enumerate(columns) if name != columns[at] and not NAMELESS.fullmatch(name)
    ]
    table: Table = {}
    for row in rows:
        key = _read_text(row[at]) if at < len(row) else ""
        if not key:
            continue
        own: dict[str, str] = {}
        for place, name in named:
            if place < len(row) and (value := _read_value(row[place])):
                own.setdefault(name, value)
        if earlier := table.get(key):
            both = own | earlier
            own = {name: both[name] for _, name in named if name in both}
        table[key] = own
    for name in {name for _, name in named}:
        if all(FLOAT.fullmatch(own[name]) for own in table.values() if name in own):
            # pandas makes decimals of whole numbers in a column with unknown values.
            for own in table.values():
                if name in own:
                    own[name] = own[name].partition(".")[0]
    return {mended: table[own] for own, mended in mend_ids(table).items()}


def normalize(text: str) -> str:
    """Return text in the one spelling that counts (NFC): macOS writes é in a file's name as e and its accent."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def mend_ids(ids: Iterable[str]) -> dict[str, str]:
    """Return id → the id of its file: without the .0 of pandas and Excel, without a folder and an image's suffix.

    An id stays as it is if two would become one, or if other ids have decimals that count.
    """
    normal = {own: normalize(own) for own in ids}
    dotted = {own: one for own, one in normal.items() if "." in one}
    if not dotted:
        return normal
    decimals = [one for one in dotted.values() if one.replace(".", "", 1).isdecimal()]
    mended = dict(normal)
    for pattern in (FILE_ID, FLOAT) if all(map(FLOAT.fullmatch, decimals)) else (FILE_ID,):
        mended |= {
            own: found[1] for own, one in dotted.items() if (found := pattern.fullmatch(ADDRESS.sub(r"\1", one)))
        }
    counts = Counter(mended.values())
    return {own: mended[own] if counts[mended[own]] == 1 else one for own, one in normal.items()}


def _read_text(text: str) -> str:
    text = normalize(trim(text))
    # Excel keeps the zeros of 0012 only as ="0012".
    if text.startswith('="') and (found := EXCEL_TEXT.fullmatch(text)):
        return found[1]
    return text.replace('\\"', '"') if "\\" in text else text


# Most words come in thousands of rows.
@lru_cache(100_000)
def _read_value(text: str) -> str:
    """Return the value in a field, "" if it is unknown."""
    value = _read_text(text)
    return "" if value in UNKNOWN else value
