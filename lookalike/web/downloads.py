"""The CSV files that the pages offer: lists of products, products that share a picture, suspect labels."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from lookalike.analysis.audit import DuplicateGroup, SuspectLabel
from lookalike.index.catalogue import Product, readable
from lookalike.index.offers import AVAILABILITY, CURRENCY, LINK, PRICE, SALE_PRICE, offer_of
from lookalike.index.skipped import defuse
from lookalike.search.recommender import Match

ProductRow: TypeAlias = tuple[object, Product, float | None]
"""A mark (a rank, or the name of a list), a product, and its distance if it has one."""

DOWNLOADED_OFFER = (PRICE, SALE_PRICE, CURRENCY, AVAILABILITY, LINK)
PRODUCT_COLUMNS = ("id", "path", "distance")


def products_csv(rows: Iterable[ProductRow], first: str = "rank") -> bytes:
    """Return a CSV file of products. first names the column of the marks; a distance of None stays empty.

    After id, path (as the index keeps it) and distance come DOWNLOADED_OFFER, where any of the products has an offer,
    as numbers and words that a program reads; then all other attributes that any has.
    """
    rows = list(rows)
    columns = _attribute_columns(product for _, product, _ in rows)
    offered = DOWNLOADED_OFFER if set(DOWNLOADED_OFFER) & set(columns) else ()
    columns = tuple(column for column in columns if column not in offered)
    # A shop's column with the same name as ours must not hide ours from a program that reads the file by names.
    titles = [f"attribute {column}" if column in (first, *PRODUCT_COLUMNS) else column for column in columns]
    lines: list[Sequence[object]] = [(first, *PRODUCT_COLUMNS, *offered, *titles)]
    for mark, product, distance in rows:
        own = (mark, product.id, product.name, "" if distance is None else f"{distance:.6f}")
        lines.append(own + (_offer_values(product) if offered else ()) + _values(product, columns))
    return csv_bytes(lines)


def match_rows(matches: Iterable[Match]) -> list[ProductRow]:
    """Return rows for products_csv. Products with a match's picture follow it, with its rank and distance."""
    return [(match.rank, product, match.distance) for match in matches for product in (match.product, *match.same)]


def duplicates_csv(groups: Sequence[DuplicateGroup]) -> bytes:
    """Return a CSV file with one line per product: its group, the group's distance in look, its attributes."""
    columns = _attribute_columns(product for group in groups for product in group.products)
    lines: list[Sequence[object]] = [("group", "distance", "id", "path", *columns)]
    for number, group in enumerate(groups, start=1):
        for product in group.products:
            lines.append((number, f"{group.distance:.3f}", product.id, product.name, *_values(product, columns)))
    return csv_bytes(lines)


def suspect_labels_csv(labels: Iterable[SuspectLabel]) -> bytes:
    """Return a CSV file with one line per label, in the order given."""
    lines: list[Sequence[object]] = [("id", "path", "column", "word", "suggested", "share", "own_share")]
    for label in labels:
        shares = f"{label.share:.2f}", f"{label.own_share:.2f}"
        lines.append((label.product.id, label.product.name, label.column, label.word, label.suggested, *shares))
    return csv_bytes(lines)


def csv_bytes(lines: Iterable[Sequence[object]]) -> bytes:
    """Return lines of cells as a CSV file that no spreadsheet runs: RFC 4180, UTF-8 with BOM.

    Without the BOM, Excel misreads any letter that is not ASCII.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([defuse(str(cell)) for cell in line] for line in lines)
    return readable(text.getvalue()).encode("utf-8-sig")


def _attribute_columns(products: Iterable[Product]) -> tuple[str, ...]:
    """Return the columns that any of the products has, in the order in which they first come."""
    return tuple(dict.fromkeys(column for product in products for column in product.attributes))


def _offer_values(product: Product) -> tuple[str, ...]:
    """Return a product's DOWNLOADED_OFFER. What is no price stays as the shop wrote it; what is no address does not."""
    offer, written = offer_of(product.attributes), product.attributes.get
    prices = [str(price.amount) if price else "" for price in (offer.price, offer.sale_price)]
    price = offer.price
    if price is None:
        prices[0] = written(PRICE, "")
    currency = price.currency if price else written(CURRENCY, "")
    return (*prices, currency, offer.availability, offer.link or "")


def _values(product: Product, columns: Iterable[str]) -> tuple[str, ...]:
    return tuple(product.attributes.get(column, "") for column in columns)
