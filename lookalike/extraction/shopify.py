"""Shopify's product export: the rows of one handle → a product for each variant, in the columns of Google Merchant."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Row: TypeAlias = Mapping[str, str]
"""A row by the names of the export's columns, in lower case."""

HANDLE, IMAGE = "handle", "image src"
# What an export must have to be one.
NEEDED = (HANDLE, IMAGE)
# Shopify allows a product 2,048 variants and 250 pictures.
MAX_ROWS = 4096
# Columns that all variants of a product share.
SHARED = {
    "title": "title",
    "type": "product_type",
    "vendor": "brand",
    "google shopping / gender": "gender",
    "google shopping / age group": "age_group",
}
OPTIONS = {"color": "color", "colour": "color", "size": "size"}
PLACES = "123"
NOT_FOR_SALE = {"draft", "archived"}


def is_for_sale(rows: Sequence[Row]) -> bool:
    """Return whether the shop shows the product of these rows: it is neither a draft nor archived."""
    return _first(rows, "status").lower() not in NOT_FOR_SALE


def merchant_items(rows: Sequence[Row]) -> list[dict[str, list[str]]]:
    """Return the items that the rows of one handle (at least one) are in Google Merchant's columns.

    Variants that differ in color or size are an item each, as in the feed that Shopify itself makes for Google: the
    handle is their item_group_id. The first one has all pictures of the product, any other that of its color. What a
    further color looks like is not known without a picture of its own: it is left out.
    """
    handle = _first(rows, HANDLE)
    pictures = [row[IMAGE].strip() for row in rows if row.get(IMAGE, "").strip()]
    shared = {ours: [_first(rows, name)] for name, ours in SHARED.items()}
    names = [OPTIONS.get(_first(rows, f"option{place} name").lower()) for place in PLACES]
    options = [
        {name: row.get(f"option{place} value", "").strip() for name, place in zip(names, PLACES) if name is not None}
        for row in rows
    ]
    first_color = options[0].get("color", "")
    picture_of = {first_color: pictures[0]} if pictures else {}
    for row, option in reversed([*zip(rows, options)]):
        if own := row.get("variant image", "").strip():
            picture_of[option.get("color", "")] = own
    items: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for row, option in zip(rows, options):
        picture = picture_of.get(option.get("color", ""))
        # Rows with nothing but a picture follow the variants.
        if items and (picture is None or not any(option.values())):
            continue
        item = {
            **shared,
            **{name: [value] for name, value in option.items()},
            **_offer(row),
            "image_link": [*([picture] if picture else []), *([] if items else pictures)],
            "item_group_id": [handle],
        }
        items.setdefault(tuple(option.values()), item)
    if len(items) == 1:
        (item,) = items.values()
        del item["item_group_id"]
        return [{**item, "id": [handle]}]
    return [{**item, "id": ["_".join([handle, *filter(None, values)])]} for values, item in items.items()]


def _offer(row: Row) -> dict[str, list[str]]:
    """Return the price, the sale price and the availability of a variant."""
    price, before = row.get("variant price", "").strip(), row.get("variant compare at price", "").strip()
    offer = {"price": [before], "sale_price": [price]} if _number(before) > _number(price) else {"price": [price]}
    stock = row.get("variant inventory qty", "").strip()
    if stock:
        is_counted = bool(row.get("variant inventory tracker", "").strip())
        sells_on = row.get("variant inventory policy", "").strip().lower() == "continue"
        offer["availability"] = ["in stock" if not is_counted or sells_on or _number(stock) > 0 else "out of stock"]
    return offer


def _number(text: str) -> float:
    """Return a number as Shopify writes it, 0 for anything else."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _first(rows: Sequence[Row], name: str) -> str:
    """Return the first text that a column has in any of the rows."""
    return next((text for row in rows if (text := row.get(name, "").strip())), "")
