"""Prices as a column to filter by: ranges such as 20..50, and the bands that a catalogue's prices fall into."""

import math
import re
from array import array
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from lookalike.index.attribute_table import EncodedColumn
from lookalike.index.offers import CURRENCY, PRICE, SALE_PRICE, offer_of
from lookalike.index.prices import Price
from lookalike.types import Attributes, Mask, Rows

# The columns that say what a product costs.
PRICED = (PRICE, SALE_PRICE, CURRENCY)
# From LOW to HIGH, both included; either may be left out.
RANGE = re.compile(r"(\d{1,12}(?:\.\d{1,4})?)?\.\.(\d{1,12}(?:\.\d{1,4})?)?", re.ASCII)
# So many prices of all must be in one currency: an amount says nothing beside one in another currency.
MIN_SAME_CURRENCY = 0.9
# The share of products whose price must be known.
MIN_KNOWN = 0.5
BANDS = 5
# What the edge of a band may begin with.
ROUND = np.array([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10])


class Prices:
    """What n products cost now, in the currency of nearly all of them: float64 (n,), NaN where that is unknown.

    bands are the ranges to offer, the cheapest first; there are none where prices are rarely known, mixed or all alike.
    """

    def __init__(
        self, attributes_by_row: Iterable[Attributes], currency: str | None = None, places_of: Rows | None = None
    ) -> None:
        """Read the products' attributes, of which 12 bytes each are kept meanwhile.

        currency is the one that counts, by default that of most prices. With places_of (n,), the attributes are those
        of m kinds of products, in order of appearance, and that is each product's kind.
        """
        amounts, places = array("d"), array("i")
        currencies: dict[str, int] = {}
        for own in attributes_by_row:
            price = current_price(own)
            amounts.append(float(price.amount) if price else math.nan)
            places.append(currencies.setdefault(price.currency, len(currencies)) if price else -1)
        self.amounts: NDArray[np.float64] = np.array(amounts)
        codes = np.array(places, np.int32)
        if places_of is not None:
            self.amounts, codes = self.amounts[places_of], codes[places_of]
        counts = np.bincount(codes + 1, minlength=len(currencies) + 1)[1:]
        most = max(currencies, key=lambda one: int(counts[currencies[one]]), default="")
        self.currency = most if currency is None else currency
        place = currencies.get(self.currency, -1)
        same = int(counts[place]) if place >= 0 else 0
        self.amounts[codes != place] = math.nan
        is_worth_offering = same >= max(MIN_KNOWN * len(codes), 2) and same >= MIN_SAME_CURRENCY * counts.sum()
        self.bands = _bands(self.amounts[~np.isnan(self.amounts)]) if is_worth_offering else ()

    @classmethod
    def of_columns(cls, n: int, columns: Mapping[str, EncodedColumn]) -> "Prices":
        """Return the Prices of n products from the columns of their table; each combination of words is read once."""
        priced = {column: columns[column] for column in PRICED if column in columns}
        numbers = np.zeros(n, np.int64)
        for words, codes in priced.values():
            numbers = np.unique(numbers, return_inverse=True)[1].reshape(-1) * (len(words) + 1) + (codes + 1)
        _, first, kinds = np.unique(numbers, return_index=True, return_inverse=True)
        order = np.argsort(first)
        ranks = np.empty(len(order), np.intp)
        ranks[order] = np.arange(len(order))
        attributes = (
            {column: words[codes[row]] for column, (words, codes) in priced.items() if codes[row] >= 0}
            for row in first[order].tolist()
        )
        return cls(attributes, places_of=ranks[kinds.reshape(-1)])

    def mask(self, ranges: Iterable[object]) -> Mask:
        """Return which products cost what one of the ranges says: bool (n,). What is no range matches nothing."""
        matching = np.zeros(len(self.amounts), bool)
        for bounds in map(read_range, ranges):
            if bounds:
                matching |= (self.amounts >= bounds[0]) & (self.amounts <= bounds[1])
        return matching


def current_price(attributes: Attributes) -> Price | None:
    """Return what a product costs now, None if that is unknown."""
    if PRICE not in attributes and SALE_PRICE not in attributes:
        return None
    offer = offer_of(attributes)
    return offer.sale_price or offer.price


def read_range(text: object) -> tuple[float, float] | None:
    """Return the lowest and the highest price of a range: "20..50", "..50", "20.."; None for what is none."""
    found = RANGE.fullmatch(text) if isinstance(text, str) else None
    if not found or not any(found.groups()):
        return None
    low, high = float(found[1] or 0), float(found[2] or math.inf)
    return (low, high) if low <= high else None


def _bands(amounts: NDArray[np.float64]) -> tuple[str, ...]:
    """Return ranges with round edges that divide prices into parts of nearly the same size."""
    edges = np.unique(_rounded(np.quantile(amounts, np.arange(1, BANDS) / BANDS)))
    edges = edges[(edges > amounts.min()) & (edges < amounts.max())]
    if not len(edges):
        return ()
    texts = [f"{edge:.12g}" for edge in edges]
    return tuple(f"{low}..{high}" for low, high in zip(["", *texts], [*texts, ""]))


def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.maximum(values, 0.01)
    unit = 10.0 ** np.floor(np.log10(values))
    nearest = np.abs(values[:, None] / unit[:, None] - ROUND).argmin(axis=1)
    return np.round(ROUND[nearest] * unit, 2)
