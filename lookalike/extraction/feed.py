"""A shop's product feed → its products: Google Merchant (TSV, RSS, Atom), Shopify's CSV, or lines of JSON.

A row that cannot be used is told with its reason, and the others are read all the same. Memory does not grow with the
number of rows.
"""

import csv
import gzip
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from gzip import GzipFile
from io import BufferedReader, TextIOWrapper
from itertools import chain
from typing import Any, AnyStr
from urllib.parse import quote

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from lookalike.errors import CatalogueError
from lookalike.extraction import shopify
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN, UNKNOWN, normalize
from lookalike.index.offers import AVAILABILITY, CURRENCY, GROUP, LINK, PRICE, SALE_PRICE, SIZE
from lookalike.index.prices import parse_price
from lookalike.index.product_groups import MAX_PICTURES
from lookalike.types import StrPath

TITLE, BRAND = "productDisplayName", "brand"
# What shops call the columns → ours.
COLUMNS = {
    "title": TITLE,
    "link": LINK,
    "availability": AVAILABILITY,
    "color": COLOR_COLUMN,
    "colour": COLOR_COLUMN,
    "gender": GENDER_COLUMN,
    "size": SIZE,
    "brand": BRAND,
    "item_group_id": GROUP,
    "itemgroupid": GROUP,
    "age_group": "age_group",
    "material": "material",
    "pattern": "pattern",
}
GENDERS = {"male": "Men", "female": "Women", "unisex": "Unisex"}
TYPE_SEPARATOR = ">"
MAX_FIELD = 200_000
# A line without an end must not fill the memory.
MAX_LINE = 1_000_000
# A feed that is cut in the middle, or not a feed at all, is told with the products before it.
CUT = "the feed ends in the middle of an item"
# What stands in an address for a product's id, and for its item_group_id or, without one, its id.
LINK_ID, LINK_GROUP = "{id}", "{group}"


@dataclass(frozen=True)
class FeedProduct:
    """A product of a feed: its id, the addresses of its pictures, the best first, and its attributes in our columns."""

    id: str
    pictures: tuple[str, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RefusedRow:
    """A row that is no product: its id or its number, and why."""

    id: str
    reason: str


def read_feed(path: StrPath, link: str | None = None) -> Iterator[FeedProduct | RefusedRow]:
    """Yield the products of a feed and the rows that are none; raises CatalogueError if it is not a feed at all.

    Of several rows of one id, the first counts, and the others are refused. link is the address of the shop's page for
    products that name none, with LINK_ID and LINK_GROUP in it.
    """
    count = 0
    # The ids of a hundred thousand products would take ten megabytes: SQLite keeps what is much in a file of its own.
    with _open(path) as file, closing(sqlite3.connect("", isolation_level=None)) as seen:
        seen.executescript("CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID; BEGIN;")
        for row in _read_rows(file, path):
            if isinstance(row, FeedProduct):
                if not seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", (row.id,)).rowcount:
                    yield RefusedRow(row.id, "another row has this id")
                    continue
                count += 1
                row = _with_link(row, link) if link else row
            yield row
    if not count:
        raise CatalogueError(
            f"{path} has no product that can be used. It needs an id and a picture's address for each."
        )


def _with_link(product: FeedProduct, link: str) -> FeedProduct:
    """Return a product that has a link to the shop's page."""
    group = product.attributes.get(GROUP, product.id)
    for placeholder, value in ((LINK_ID, product.id), (LINK_GROUP, group)):
        link = link.replace(placeholder, quote(value, safe=""))
    return replace(product, attributes={LINK: link, **product.attributes})


def _open(path: StrPath) -> BufferedReader | GzipFile:
    try:
        file = open(path, "rb")  # noqa: SIM115 - the caller closes it
        is_gzip = file.peek(2)[:2] == b"\x1f\x8b"
        return gzip.open(file) if is_gzip else file
    except OSError as error:
        raise CatalogueError(f"{path} cannot be read ({error.strerror}). Name the file of the feed.") from None


def _read_rows(file: BufferedReader | GzipFile, path: StrPath) -> Iterator[FeedProduct | RefusedRow]:
    start = file.peek(4096)[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        yield from _read_xml(file, path)
    elif start.startswith((b"{", b"[")):
        yield from _read_json_lines(file)
    else:
        yield from _read_table(file, path, start)


def _read_xml(file: BufferedReader | GzipFile, path: StrPath) -> Iterator[FeedProduct | RefusedRow]:
    """Yield the items of RSS and the entries of Atom."""
    number = 0
    # The elements that are open, and how many of them are items.
    parents: list[Any] = []
    items = 0
    try:
        for event, element in ElementTree.iterparse(file, ("start", "end"), forbid_dtd=True):
            is_item = _local(element.tag) in ("item", "entry")
            if event == "start":
                parents.append(element)
                items += is_item
                continue
            parents.pop()
            items -= is_item
            if is_item:
                number += 1
                fields: dict[str, list[str]] = {}
                for child in element:
                    # Atom has a link as an attribute.
                    text = (child.text or "").strip() or child.get("href", "")
                    fields.setdefault(_local(child.tag), []).append(text)
                yield _product(fields, number)
            if parents and not items:  # the tree would grow with the feed
                parents[-1].remove(element)
    except (ElementTree.ParseError, DefusedXmlException, ValueError) as error:
        if not number:
            raise CatalogueError(f"{path} is not a feed that can be read ({error}). Export it again.") from None
        yield RefusedRow(f"item {number + 1}", CUT)


def _read_json_lines(file: BufferedReader | GzipFile) -> Iterator[FeedProduct | RefusedRow]:
    for number, line in enumerate(_cut_lines(file.readline), start=1):
        if not line.strip():
            continue
        if len(line) == MAX_LINE:
            yield RefusedRow(f"line {number}", f"the line is longer than {MAX_LINE // 1_000_000} MB, the limit")
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            yield RefusedRow(f"line {number}", "the line is not JSON")
            continue
        if not isinstance(row, dict):
            yield RefusedRow(f"line {number}", "the line is not an object of JSON")
            continue
        yield _product({str(key).lower(): _texts(value) for key, value in row.items()}, number)


def _read_table(file: BufferedReader | GzipFile, path: StrPath, start: bytes) -> Iterator[FeedProduct | RefusedRow]:
    """Yield the rows of a table separated by tabs or commas, in UTF-8 or Windows-1252."""
    csv.field_size_limit(MAX_FIELD)
    encoding = "utf-8-sig"
    try:
        start.rpartition(b"\n")[0].decode("utf-8")
    except UnicodeDecodeError:
        encoding = "cp1252"
    text = TextIOWrapper(file, encoding, errors="replace", newline="")
    header_line = text.readline(MAX_LINE)
    delimiter = "\t" if "\t" in header_line else ";" if header_line.count(";") > header_line.count(",") else ","
    try:
        header = [name.strip().lower() for name in next(csv.reader([header_line], delimiter=delimiter), [])]
    except csv.Error:  # a field without an end
        header = []
    rows = csv.reader(_cut_lines(text.readline), delimiter=delimiter, quotechar='"', quoting=csv.QUOTE_MINIMAL)
    if all(name in header for name in shopify.NEEDED):
        yield from _read_shopify(header, rows)
        return
    if "id" not in header or not {"image_link", "image link"} & set(header):
        raise CatalogueError(f"{path} is not a feed that can be read: it has no columns id and image_link.")
    names = [name.replace(" ", "_") for name in header]
    for number, row in _numbered(rows):
        if isinstance(row, RefusedRow):
            yield row
        elif any(row):
            if len(row) < len(names) // 2:
                yield RefusedRow(f"row {number}", CUT)
                continue
            fields: dict[str, list[str]] = {}
            for name, value in zip(names, row):
                fields.setdefault(name, []).extend(value.split(",") if name == "additional_image_link" else [value])
            yield _product(fields, number)


def _cut_lines(readline: Callable[[int], AnyStr]) -> Iterator[AnyStr]:
    """Yield the lines that a file's readline gives, of each at most MAX_LINE."""
    while line := readline(MAX_LINE):
        yield line
        while len(line) == MAX_LINE and line == line.rstrip():  # its end is still to come
            line = readline(MAX_LINE)


def _read_shopify(header: list[str], rows: Any) -> Iterator[FeedProduct | RefusedRow]:
    """Yield Shopify's products: the rows of one handle follow each other, one for each picture or variant."""
    current: list[dict[str, str]] = []
    first = 0
    for number, row in chain(_numbered(rows), [(0, None)]):
        if isinstance(row, RefusedRow):
            yield row
            continue
        fields = dict(zip(header, row)) if row is not None else {}
        handle = fields.get(shopify.HANDLE, "").strip()
        if current and handle != current[0][shopify.HANDLE].strip():
            yield from _shopify_products(current, first)
            current = []
        if handle and len(current) < shopify.MAX_ROWS:
            first = first if current else number
            current.append(fields)


def _shopify_products(rows: Sequence[Mapping[str, str]], number: int) -> Iterator[FeedProduct | RefusedRow]:
    if not shopify.is_for_sale(rows):
        yield RefusedRow(rows[0][shopify.HANDLE].strip(), "it is a draft or archived, so that no shopper can buy it")
        return
    for fields in shopify.merchant_items(rows):
        yield _product(fields, number)


def _numbered(rows: Any) -> Iterator[tuple[int, list[str] | RefusedRow]]:
    number = 1
    while True:
        number += 1
        try:
            yield number, next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, RefusedRow(f"row {number}", f"the row cannot be read ({error})")


def _product(fields: Mapping[str, list[str]], number: int) -> FeedProduct | RefusedRow:
    """Return the product that fields in a shop's own names describe."""

    def first(name: str) -> str:
        value = normalize(next((text.strip() for text in fields.get(name, ()) if text.strip()), ""))
        return "" if value in UNKNOWN else value

    identity = first("id")
    if not identity:
        return RefusedRow(f"row {number}", "it has no id")
    names = ("image_link", "additional_image_link", "image", "images", "additional_images")
    pictures = [text.strip() for name in names for text in fields.get(name, ()) if text.strip()]
    if not pictures:
        return RefusedRow(identity, "it has no picture")
    attributes = {ours: value for name, ours in COLUMNS.items() if (value := first(name))}
    if GENDER_COLUMN in attributes:
        attributes[GENDER_COLUMN] = GENDERS.get(attributes[GENDER_COLUMN].lower(), attributes[GENDER_COLUMN])
    if kind := first("product_type") or first("google_product_category"):
        attributes[TYPE_COLUMN] = kind.rpartition(TYPE_SEPARATOR)[2].strip()
    for column in (PRICE, SALE_PRICE):
        if price := parse_price(first(column)):
            attributes[column] = str(price.amount)
            if price.currency:
                attributes.setdefault(CURRENCY, price.currency)
    if AVAILABILITY in attributes:
        attributes[AVAILABILITY] = attributes[AVAILABILITY].lower().replace("_", " ")
    if LINK in attributes and not attributes[LINK].lower().startswith(("http://", "https://")):
        del attributes[LINK]
    return FeedProduct(identity, tuple(dict.fromkeys(pictures))[:MAX_PICTURES], attributes)


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2].lower()


def _texts(value: object) -> list[str]:
    if isinstance(value, list):
        return [_text(one) for one in value if isinstance(one, str | int | float)]
    return [_text(value)] if isinstance(value, str | int | float) and not isinstance(value, bool) else []


def _text(value: str | float) -> str:
    # JSON may escape half of a pair of surrogates, which no file and no database takes.
    return str(value).encode("utf-8", "replace").decode()
