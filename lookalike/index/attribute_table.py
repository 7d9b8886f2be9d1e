"""A table of attributes in memory: the words of each column once, and for each row the places of its words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lookalike.types import Attributes, Codes

EncodedColumn: TypeAlias = tuple[tuple[str, ...], Codes]
"""The words of a column, and int32 (n,): the place of each row's word among them, -1 if it has none."""


class AttributeTable(Mapping[str, Attributes]):
    """Product id → its known attributes, in the table's column order; a product takes 4 bytes for each column.

    rows is id → row, columns is column → its words and the codes of all rows.
    """

    def __init__(self, rows: Mapping[str, int], columns: Mapping[str, EncodedColumn]) -> None:
        self._rows = rows
        self._words = {column: words for column, (words, codes) in columns.items() if (codes >= 0).any()}
        height = max((len(codes) for _, codes in columns.values()), default=len(rows))
        self._codes: NDArray[np.int32] = np.empty((height, len(self._words)), np.int32)
        for place, column in enumerate(self._words):
            self._codes[:, place] = columns[column][1]

    @classmethod
    def encode(cls, attributes: Mapping[str, Attributes]) -> "AttributeTable":
        """Return a table of attributes by id that are kept in another way."""
        names = dict.fromkeys(column for own in attributes.values() for column in own)
        columns = {name: encode_words([own.get(name) for own in attributes.values()]) for name in names}
        return cls({identity: row for row, identity in enumerate(attributes)}, columns)

    def __getitem__(self, identity: str) -> dict[str, str]:
        return self.row(self._rows[identity])

    def row(self, row: int) -> dict[str, str]:
        """Return the attributes in a row, none in -1."""
        if row < 0:
            return {}
        codes = self._codes[row].tolist()
        return {column: words[code] for (column, words), code in zip(self._words.items(), codes) if code >= 0}

    def __contains__(self, identity: object) -> bool:
        return identity in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in which any row has a word, in the table's order."""
        return tuple(self._words)

    def rows_of(self, identities: Iterable[str], count: int) -> Codes:
        """Return the rows of count ids, -1 where there is none: int32 (count,)."""
        find = self._rows.get
        return np.fromiter((find(identity, -1) for identity in identities), np.int32, count)

    def encoded_column(self, column: str, rows: Codes) -> EncodedColumn:
        """Return a column of some rows (n,), a row of -1 having no word; the words in order of appearance there."""
        if column not in self._words:
            return (), np.full(len(rows), -1, np.int32)
        codes = np.append(self._codes[:, list(self._words).index(column)], np.int32(-1))[rows]
        return order_by_appearance(self._words[column], codes)


def encode_words(values: Sequence[object], in_order: bool = False) -> EncodedColumn:
    """Return the words among n values, and each value's place in them, -1 if it is not a word: int32 (n,).

    The words come in order of appearance, or sorted with in_order.
    """
    words = dict.fromkeys(value for value in values if isinstance(value, str) and value)
    places = {word: place for place, word in enumerate(sorted(words) if in_order else words)}
    codes = [places.get(value, -1) if isinstance(value, str) else -1 for value in values]
    return tuple(places), np.array(codes, np.int32)


def order_by_appearance(words: Sequence[str], codes: Codes) -> EncodedColumn:
    """Return the words that appear in codes (n,), in order of appearance, and the codes of these."""
    first = np.full(len(words) + 1, len(codes))
    # The last of several values for a place stays: the first row. Code -1 writes the last place.
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    order = np.argsort(first[:-1], kind="stable")[: int((first[:-1] < len(codes)).sum())]
    places = np.full(len(words) + 1, -1, np.int32)
    places[order] = np.arange(len(order))
    return tuple(words[place] for place in order.tolist()), places[codes]


def order_columns_by_appearance(columns: Mapping[str, EncodedColumn]) -> dict[str, EncodedColumn]:
    """Return the columns in which any row has a word: those of earlier rows first, as their attributes list them."""
    first = {column: int(np.argmax(codes >= 0)) for column, (words, codes) in columns.items() if (codes >= 0).any()}
    return {column: columns[column] for column in sorted(first, key=lambda column: first[column])}
