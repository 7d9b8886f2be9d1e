"""The table of attributes (styles.csv): product id → what the shop says about the product."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, zip_longest
from pathlib import Path

import numpy as np

from lookalike.index.attribute_table import AttributeTable, EncodedColumn
from lookalike.index.table_files import find_key, read_table, trim
from lookalike.types import Attributes, Codes, StrPath

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


def read_styles(path: StrPath) -> AttributeTable:
    """Return product id → its known attributes, in the table's column order; raises CatalogueError.

    Of several rows of a product, and of several columns of one name, the first known value counts.
    """
    return read_table(path, ID, _collect)


def _collect(columns: Sequence[str], batches: Iterable[Sequence[Sequence[str]]]) -> AttributeTable:
    at = find_key(columns, ID) or 0
    names = [normalize(name) for name in columns]
    named = {place: name for place, name in enumerate(names) if name != names[at] and not NAMELESS.fullmatch(name)}
    places_of_words = {name: _PlacesOfWords() for name in named.values()}
    keys: list[str] = []
    parts: dict[str, list[Codes]] = {name: [] for name in places_of_words}
    for batch in batches:
        fields = list(zip_longest(*batch, fillvalue=""))
        fields += [("",) * len(batch)] * (at + 1 - len(fields))
        own_keys = _read_keys(fields[at])
        if "" in own_keys:
            fields = [tuple(compress(field, own_keys)) for field in fields]
            own_keys = list(filter(None, own_keys))
        keys += own_keys
        own_parts: dict[str, Codes] = {}
        for place, name in named.items():
            find, field = places_of_words[name].__getitem__, fields[place] if place < len(fields) else ()
            codes = np.fromiter(map(find, field), np.int32, len(field)) if field else _unknown(len(own_keys))
            own_parts[name] = np.where(own_parts[name] < 0, codes, own_parts[name]) if name in own_parts else codes
        for name, codes in own_parts.items():
            parts[name].append(codes)
    codes_of = {name: np.concatenate(own or [_unknown(0)]) for name, own in parts.items()}
    rows = {key: row for row, key in enumerate(keys)}
    if len(rows) < len(keys):
        rows = {key: row for row, key in enumerate(rows)}
        targets = np.fromiter(map(rows.__getitem__, keys), np.int32, len(keys))
        codes_of = {name: _merge_rows(codes, targets, len(rows)) for name, codes in codes_of.items()}
    encoded = {name: _mend_decimals(tuple(places_of_words[name].words), codes) for name, codes in codes_of.items()}
    mended = mend_ids(rows) if any("." in key for key in rows) else None
    return AttributeTable({one: rows[own] for own, one in mended.items()} if mended else rows, encoded)


class _PlacesOfWords(dict[str, int]):
    """The text of a field → the place of its value among the words of a column, -1 if it is unknown.

    words are the words in the order of their places.
    """

    def __init__(self) -> None:
        self.words: list[str] = []
        # Those that came first in a text that is not the word itself.
        self._others: dict[str, int] = {}

    def __missing__(self, text: str) -> int:
        value = _read_text(text)
        if not value or value in UNKNOWN:
            place = -1
        elif value == text:
            place = self._others.get(value, len(self.words))
        else:
            place = self.get(value, -1)
            if place < 0 or self.words[place] != value:
                place = self._others.setdefault(value, len(self.words))
        if place == len(self.words):
            self.words.append(value)
        self[text] = place
        return place


def _read_keys(fields: Sequence[str]) -> list[str]:
    """Return what _read_text makes of many fields, at once where nothing but spaces is around them."""
    together = "".join(fields)
    if together.isascii() and together.isprintable() and "\\" not in together and '="' not in together:
        return list(map(str.strip, fields))
    return list(map(_read_text, fields))


def _unknown(count: int) -> Codes:
    return np.full(count, -1, np.int32)


def _merge_rows(codes: Codes, targets: Codes, count: int) -> Codes:
    """Return the first known code of each of count products, to which the targets assign the rows (n,)."""
    merged = _unknown(count)
    known = np.flatnonzero(codes >= 0)[::-1]
    merged[targets[known]] = codes[known]  # of several values for one place, the last one stays
    return merged


def _mend_decimals(words: tuple[str, ...], codes: Codes) -> EncodedColumn:
    """Return a column without the decimals that pandas makes of whole numbers in one with unknown values."""
    used = np.flatnonzero(np.bincount(codes + 1, minlength=len(words) + 1)[1:]).tolist()
    if not used or not all(FLOAT.fullmatch(words[place]) for place in used):
        return words, codes
    whole: dict[str, int] = {}
    places = _unknown(len(words) + 1)
    for place in used:
        places[place] = whole.setdefault(words[place].partition(".")[0], len(whole))
    return tuple(whole), places[codes]


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
    if text.isascii() and text.isprintable() and "\\" not in text and '="' not in text:
        return text.strip()  # as nearly all are
    text = normalize(trim(text))
    # Excel keeps the zeros of 0012 only as ="0012".
    if text.startswith('="') and (found := EXCEL_TEXT.fullmatch(text)):
        return found[1]
    return text.replace('\\"', '"') if "\\" in text else text
