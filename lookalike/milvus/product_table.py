"""Names and attributes of millions of products, packed into bytes and numbers instead of an object each."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import overload

import numpy as np
from numpy.typing import NDArray

from lookalike.index.attribute_table import EncodedColumn
from lookalike.index.attributes import normalize
from lookalike.index.catalogue import product_id, readable
from lookalike.types import Attributes, Codes


class ProductTable:
    """Products in the catalogue's order, added one by one; columns is the order in which attributes are listed.

    A product takes the bytes of its name, 8 for where that ends, and 4 for each column. Each word is kept once.
    """

    def __init__(self, columns: Iterable[str] = ()) -> None:
        self.names = PackedTexts()
        self._codes = {column: array("i") for column in columns}
        self._words: dict[str, dict[str, int]] = {column: {} for column in self._codes}

    def add(self, name: str, attributes: Attributes) -> None:
        """Add the next product."""
        row = len(self.names)
        self.names.add(name)
        for column, word in attributes.items():
            codes = self._codes.setdefault(column, array("i"))
            # Earlier products did not have this column.
            codes.extend([-1] * (row - len(codes)))
            words = self._words.setdefault(column, {})
            codes.append(words.setdefault(word, len(words)))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that any product has."""
        return tuple(self._codes)

    def encoded_columns(self, columns: Iterable[str]) -> dict[str, EncodedColumn]:
        """Return those columns that exist: column → (words, codes), as Facets.packed takes them."""
        return {
            column: (tuple(self._words[column]), self._all_codes(column)) for column in columns if column in self._codes
        }

    def attributes(self, row: int, columns: Iterable[str] | None = None) -> dict[str, str]:
        """Return the attributes of the product in that row, all or those in some columns."""
        known = self._codes if columns is None else {name: self._codes[name] for name in columns if name in self._codes}
        codes = {column: own[row] if row < len(own) else -1 for column, own in known.items()}
        return {column: self._word_lists[column][code] for column, code in codes.items() if code >= 0}

    def row(self, identity: str) -> int | None:
        """Return the row of the product with that id, the first of several, or with that name; None if none has."""
        asked = readable(identity)
        names = asked, asked.removeprefix("./")  # see Catalogue.identity
        named = (row for row in self.rows_of_id(product_id(identity)) if readable(self.names[row]) in names)
        return next(chain(self.rows_of_id(normalize(identity)), named), None)

    def rows_of_id(self, identity: str) -> Iterator[int]:
        """Yield the rows of the products with that id, in order."""
        hashes, rows = self._rows_by_hash
        first, end = (np.searchsorted(hashes, hash(identity), side) for side in ("left", "right"))
        for row in map(int, rows[first:end]):
            if product_id(self.names[row]) == identity:
                yield row

    @cached_property
    def _word_lists(self) -> dict[str, tuple[str, ...]]:
        return {column: tuple(words) for column, words in self._words.items()}

    @cached_property
    def _rows_by_hash(self) -> tuple[NDArray[np.int64], Codes]:
        """The hashes of all ids, ascending, and their rows: 12 bytes a product, where a dict takes a hundred."""
        hashes = np.fromiter((hash(product_id(name)) for name in self.names), np.int64, len(self.names))
        order = np.argsort(hashes, kind="stable")
        return hashes[order], order.astype(np.int32)

    def _all_codes(self, column: str) -> Codes:
        codes = np.full(len(self.names), -1, np.int32)
        known = np.frombuffer(self._codes[column], np.int32)
        codes[: len(known)] = known
        return codes


class PackedTexts(Sequence[str]):
    """A sequence of texts in one array of bytes."""

    def __init__(self) -> None:
        self._bytes, self._ends = bytearray(), array("q")

    def add(self, text: str) -> None:
        """Append a text."""
        self._bytes += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        place = range(len(self))[place]
        start = self._ends[place - 1] if place else 0
        return self._bytes[start : self._ends[place]].decode("utf-8", "surrogatepass")


class AttributesById(Mapping[str, Attributes]):
    """A ProductTable as the attributes by id that an index has; products without any are missing."""

    def __init__(self, table: ProductTable) -> None:
        self._table = table

    def __getitem__(self, identity: str) -> Attributes:
        row = next(self._table.rows_of_id(identity), None)
        own = {} if row is None else self._table.attributes(row)
        if not own:
            raise KeyError(identity)
        return own

    def __iter__(self) -> Iterator[str]:
        rows = range(len(self._table.names))
        known = (product_id(self._table.names[row]) for row in rows if self._table.attributes(row))
        return iter(dict.fromkeys(known))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return any(self._table.attributes(row) for row in range(len(self._table.names)))


def merge_column_orders(attributes: Iterable[Attributes]) -> tuple[str, ...]:
    """Return the columns of many products in one order that agrees with theirs, as far as they agree."""
    order: list[str] = []
    for own in attributes:
        place = 0
        for column in own:
            if column in order:
                place = max(place, order.index(column) + 1)
            else:
                order.insert(place, column)
                place += 1
    return tuple(order)
