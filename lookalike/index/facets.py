"""Facets: the attributes worth filtering a catalogue by, and how many products each choice leaves."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from lookalike.errors import CatalogueError
from lookalike.index.attribute_table import EncodedColumn, encode_words, order_columns_by_appearance
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN
from lookalike.index.offers import (
    AVAILABILITY,
    CURRENCY,
    FORMER_GROUP,
    GROUP_COLUMNS,
    IN_STOCK,
    LINK,
    PRICE,
    SALE_PRICE,
    availability_of,
)
from lookalike.index.price_ranges import Prices, read_range
from lookalike.types import Attributes, Codes, Filters, Mask

# Offered in this order if a catalogue has them; other columns follow in the table's order.
FIRST = (GENDER_COLUMN, TYPE_COLUMN, COLOR_COLUMN, "season", "usage", "masterCategory", "subCategory", "year")

# Names and links, which products share only by accident; prices, which are filtered by ranges.
NEVER = (
    "id", "productDisplayName", "name", "title", "description", "url", "filename",
    LINK, PRICE, SALE_PRICE, CURRENCY, *GROUP_COLUMNS, FORMER_GROUP,
)  # fmt: skip

# A list that can still be scrolled. Columns that shoppers know by name (Kaggle has 143 article types) are searched.
MAX_WORDS, MAX_WORDS_OF_FIRST = 60, 300

# Numbers are prices, sizes or ids rather than kinds, unless there are only a few of them.
MAX_NUMBERS = 20

# The share of products whose word must be known, and how many products must share a word on average.
MIN_KNOWN, MIN_SHARED = 0.5, 2

# Words that are longer on average are sentences.
MAX_MEAN_LENGTH = 40


class Facets:
    """The columns worth offering for n pictures, of which those in counted (n,) count: one of each product.

    words is column → its words, most frequent first; codes is column → int32 (n,), the place of each row's
    word among them, -1 if it is unknown. The column price has ranges for words, the cheapest first, and no codes: any
    range may be asked for. prices are what they are compared with, None where the catalogue offers none. spellings is
    column → word → the table's own words for it, "" where it has none: only of columns that are read in one spelling.
    """

    prices: Prices | None = None
    spellings: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType({})

    def __init__(self, attributes_by_row: Sequence[Attributes], counted: Mask | None = None) -> None:
        self._counted = counted
        columns = _order_columns(dict.fromkeys(column for own in attributes_by_row for column in own))
        encoded = ((column, encode_words(_values(column, attributes_by_row))) for column in columns)
        self._offer(len(attributes_by_row), encoded)
        self._offer_prices(Prices(attributes_by_row))

    @classmethod
    def packed(
        cls, n: int, columns: Mapping[str, EncodedColumn], counted: Mask | None = None, prices: Prices | None = None
    ) -> "Facets":
        """Return the Facets of n pictures from column → (words, codes), as encode_words gives them, and prices."""
        facets = cls.__new__(cls)
        facets._counted = counted
        if AVAILABILITY in columns:
            spelled, own = _in_one_spelling(*columns[AVAILABILITY])
            columns, facets.spellings = {**columns, AVAILABILITY: own}, {AVAILABILITY: spelled}
        facets._offer(n, ((column, columns[column]) for column in _order_columns(columns)))
        if prices:
            facets._offer_prices(prices)
        return facets

    @classmethod
    def of_table(cls, n: int, columns: Mapping[str, EncodedColumn], counted: Mask | None = None) -> "Facets":
        """Return the Facets of n pictures from all columns of their table: what their attributes would give."""
        columns = order_columns_by_appearance(columns)
        return cls.packed(n, columns, counted, Prices.of_columns(n, columns))

    def _offer_prices(self, prices: Prices) -> None:
        if prices.bands:
            self.prices, self.words[PRICE] = prices, prices.bands

    def _offer(self, n: int, columns: Iterable[tuple[str, EncodedColumn]]) -> None:
        self.n = n
        self.words: dict[str, tuple[str, ...]] = {}
        self.codes: dict[str, Codes] = {}
        self._places: dict[str, dict[str, int]] = {}
        products = n if self._counted is None else int(self._counted.sum())
        for column, (words, codes) in columns:
            if column in NEVER:
                continue
            own = codes if self._counted is None else codes[self._counted]
            counts = np.bincount(own + 1, minlength=len(words) + 1)[1:]
            if np.count_nonzero(counts) > MAX_WORDS_OF_FIRST:
                continue  # too many, whatever they are: a million need not be sorted to know that
            order = sorted(np.flatnonzero(counts).tolist(), key=lambda place: (-counts[place], words[place]))
            if _is_worth_offering(column, {words[place]: int(counts[place]) for place in order}, products):
                self.words[column] = tuple(words[place] for place in order)
                self._places[column] = {word: place for place, word in enumerate(self.words[column])}
                # One place more for the unknown: code -1 reads the last.
                renumbered = np.full(len(words) + 1, -1, np.int32)
                renumbered[order] = np.arange(len(order))
                self.codes[column] = renumbered[codes]

    def mask(self, filters: Filters) -> Mask:
        """Return which products match, bool (n,): in each column of filters, one of its words.

        A column with no words does not filter. Columns and words that are not offered match nothing.
        """
        matching = np.ones(self.n, bool)
        for column, words in _active_filters(filters).items():
            matching &= self._mask_of(column, words)
        return matching

    def offered(self, filters: Filters) -> dict[str, tuple[str, ...]] | None:
        """Return the words in filters that can match, by column; None if nothing can match."""
        asked = {
            column: tuple(dict.fromkeys(word for word in words if self._can_match(column, word)))
            for column, words in _active_filters(filters).items()
        }
        return asked if all(asked.values()) else None

    def counts(self, filters: Filters) -> dict[str, dict[str, int]]:
        """Return how many products each word leaves: column → word → count, the largest first.

        Each column is counted under the filters of the others. Words that would leave nothing are left out, except
        those in filters.
        """
        filters = _active_filters(filters)
        masks = {column: self._mask_of(column, words) for column, words in filters.items()}
        failed = np.zeros(self.n, np.int16)
        for mask in masks.values():
            failed += ~mask
        if self._counted is not None:
            failed[~self._counted] = -1  # neither passes nor fails one filter alone
        everything = failed == 0
        counted = {}
        for column in self.words:
            matching = failed == ~masks[column] if column in masks else everything
            counted[column] = self._counts_of(column, matching, filters.get(column, ()))
        return counted

    @property
    def currency(self) -> str:
        """The currency of the prices that can be filtered by, "" if there are none or it is not named."""
        return self.prices.currency if self.prices else ""

    def check(self, filters: Filters) -> None:
        """Raise CatalogueError for a column that is not offered, and for a price that is no range."""
        for column, words in _active_filters(filters).items():
            if column not in self.words:
                columns = ", ".join(self.words) or "none"
                raise CatalogueError(f"There is no column {column} to filter by. Choose among: {columns}.")
            wrong = [word for word in words if column == PRICE and read_range(word) is None]
            if wrong:
                raise CatalogueError(
                    f"{wrong[0]} is no range of prices. Write 20..50, ..50 or 20.., with a decimal point."
                )

    def _mask_of(self, column: str, words: Collection[str]) -> Mask:
        if column == PRICE and self.prices:
            return self.prices.mask(words)
        if column not in self.codes:
            return np.zeros(self.n, bool)
        # One place more than there are words: code -1, unknown, reads the last, which never matches.
        wanted = np.zeros(len(self.words[column]) + 1, bool)
        places = (self._place(column, word) for word in words)
        wanted[[place for place in places if place is not None]] = True
        return wanted[self.codes[column]]

    def _can_match(self, column: str, word: object) -> bool:
        if column == PRICE and self.prices:
            return read_range(word) is not None
        return self._place(column, word) is not None

    def _place(self, column: str, word: object) -> int | None:
        return self._places.get(column, {}).get(word) if isinstance(word, str) else None

    def _counts_of(self, column: str, matching: Mask, asked: Collection[str]) -> dict[str, int]:
        words = self.words[column]
        if column == PRICE and self.prices:
            ranges = {
                word: int((self.prices.mask([word]) & matching).sum()) for word in dict.fromkeys((*words, *asked))
            }
            return {word: count for word, count in ranges.items() if count or word in asked}
        # Shifted by one, so that bincount counts the unknown as 0.
        counts = np.bincount(self.codes[column][matching] + 1, minlength=len(words) + 1)[1:]
        order = np.argsort(-counts, kind="stable")
        return {words[place]: int(counts[place]) for place in order if counts[place] or words[place] in asked}


def _active_filters(filters: Filters) -> dict[str, tuple[str, ...]]:
    """Return the filters that have words. None has none, and a single text or number counts as one word."""
    tuples = {
        column: tuple(words) if isinstance(words, Iterable) and not isinstance(words, str) else (words,)
        for column, words in filters.items()
        if words is not None
    }
    return {column: words for column, words in tuples.items() if words}


def _values(column: str, attributes_by_row: Sequence[Attributes]) -> list[str | None]:
    """Return each product's word in a column. What may be had is "in stock" in any spelling, as on the cards."""
    if column != AVAILABILITY:
        return [own.get(column) for own in attributes_by_row]
    return [availability_of(own) or IN_STOCK for own in attributes_by_row]


def _in_one_spelling(words: Sequence[str], codes: Codes) -> tuple[dict[str, tuple[str, ...]], EncodedColumn]:
    """Return the words of what may be had as _values gives them, each with how it is spelled, and that column."""
    spellings: dict[str, tuple[str, ...]] = {}
    for word in (*words, ""):
        one = availability_of({AVAILABILITY: word}) or IN_STOCK
        spellings[one] = (*spellings.get(one, ()), word)
    places = {word: place for place, own in enumerate(spellings.values()) for word in own}
    codes_of = np.array([places[word] for word in (*words, "")], np.int32)  # code -1 reads the last
    return spellings, (tuple(spellings), codes_of[codes])


def _order_columns(columns: Collection[str]) -> list[str]:
    return [column for column in FIRST if column in columns] + [column for column in columns if column not in FIRST]


def _is_worth_offering(column: str, words: Mapping[str, int], n: int) -> bool:
    """Return whether a column tells kinds of n products apart, given its words and their counts."""
    known = sum(words.values())
    if column in NEVER or len(words) < 2 or known < MIN_KNOWN * n:
        return False
    if column in FIRST:
        return len(words) <= MAX_WORDS_OF_FIRST
    if sum(map(len, words)) > MAX_MEAN_LENGTH * len(words) or known < MIN_SHARED * len(words):
        return False
    return len(words) <= (MAX_NUMBERS if all(map(_is_number, words)) else MAX_WORDS)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
