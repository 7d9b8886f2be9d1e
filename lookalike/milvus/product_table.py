"""Names and attributes of millions of products, packed: bytes and numbers instead of an object for each."""

from array import array
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain

import numpy as np

from lookalike.index.catalogue import product_id, readable


class ProductTable:
    """Products in the catalogue's order, added one by one; columns says in which order attributes are told.

    A product takes its name's bytes, 8 for where that ends, and 4 a column; each word is kept once.
    """

    def __init__(self, columns=()):
        self.names = PackedTexts()
        self._codes = {column: array("i") for column in columns}
        self._words = {column: {} for column in columns}

    def add(self, name, attributes):
        """Add a product with its attributes, a dict from column to word."""
        row = len(self.names)
        self.names.add(name)
        for column, word in attributes.items():
            codes = self._codes.setdefault(column, array("i"))
            # Products before this one did not know the column.
            codes.extend([-1] * (row - len(codes)))
            words = self._words.setdefault(column, {})
            codes.append(words.setdefault(word, len(words)))

    def packed(self, columns):
        """Of those columns that there are: a dict to (words, int32 (n,) places in them, -1 for none)."""
        return {
            column: (tuple(self._words[column]), self._all_codes(column)) for column in columns if column in self._codes
        }

    def attributes(self, row):
        """The attributes of the product in that row."""
        known = ((c, codes[row] if row < len(codes) else -1) for c, codes in self._codes.items())
        return {column: self._listed[column][code] for column, code in known if code >= 0}

    def row(self, identity):
        """The row of the product with that id, the first of several, or with that name; None without one."""
        of_name = (row for row in self.of_id(product_id(identity)) if readable(self.names[row]) == readable(identity))
        return next(chain(self.of_id(identity), of_name), None)

    def of_id(self, identity):
        """Yield the rows of the products with that id, in their order."""
        wanted = hash(identity)
        place = int(np.searchsorted(self._sorted[0], wanted))
        while place < len(self._sorted[0]) and self._sorted[0][place] == wanted:
            row = int(self._sorted[1][place])
            if product_id(self.names[row]) == identity:
                yield row
            place += 1

    @cached_property
    def _listed(self):
        return {column: tuple(words) for column, words in self._words.items()}

    @cached_property
    def _sorted(self):
        """The hashes of all ids, ascending, and their rows: 12 bytes a product where a dict takes a hundred."""
        hashes = np.fromiter((hash(product_id(name)) for name in self.names), np.int64, len(self.names))
        order = np.argsort(hashes, kind="stable")
        return hashes[order], order.astype(np.int32)

    def _all_codes(self, column):
        codes = np.full(len(self.names), -1, np.int32)
        known = np.frombuffer(self._codes[column], np.int32)
        codes[: len(known)] = known
        return codes


class PackedTexts(Sequence):
    """A sequence of texts in one row of bytes."""

    def __init__(self):
        self._bytes, self._ends = bytearray(), array("q")

    def add(self, text):
        self._bytes += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._bytes))

    def __len__(self):
        return len(self._ends)

    def __getitem__(self, place):
        place = range(len(self))[place]
        start = self._ends[place - 1] if place else 0
        return self._bytes[start : self._ends[place]].decode("utf-8", "surrogatepass")


class AttributesById(Mapping):
    """A ProductTable as the attributes by id that an index has; products without any are not in it."""

    def __init__(self, table):
        self._table = table

    def __getitem__(self, identity):
        row = next(self._table.of_id(identity), None)
        own = {} if row is None else self._table.attributes(row)
        if not own:
            raise KeyError(identity)
        return own

    def __iter__(self):
        rows = range(len(self._table.names))
        known = (product_id(self._table.names[row]) for row in rows if self._table.attributes(row))
        return iter(dict.fromkeys(known))

    def __len__(self):
        return sum(1 for _ in self)

    def __bool__(self):
        return any(self._table.attributes(row) for row in range(len(self._table.names)))


def column_order(attributes):
    """The columns of many dicts in one order that agrees with theirs, as far as they agree."""
    order = []
    for own in attributes:
        place = 0
        for column in own:
            if column in order:
                place = max(place, order.index(column) + 1)
            else:
                order.insert(place, column)
                place += 1
    return tuple(order)
