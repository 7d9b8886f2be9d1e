"""Word search: products by their id, or by words of their attributes."""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lookalike.index.attributes import TYPE_COLUMN, normalize
from lookalike.index.catalogue import Catalogue, product_id
from lookalike.types import Attributes, Mask

Counts: TypeAlias = NDArray[np.int_]
"""How many words each row has: int (n,)."""

Word: TypeAlias = tuple[str, tuple[str, ...]]
"""A word of a text written as one, and its parts: ("tshirt", ("t", "shirt"))."""

NAME_COLUMN = "productDisplayName"
# What a query has beyond these is ignored.
MAX_WORDS, MAX_LETTERS = 16, 400
MAX_RESULTS = 24
# Sorts after every token that begins with what precedes it.
LAST = "\U0010ffff"


def find_groups(search: "WordSearch", index: Catalogue, text: str, max_results: int = MAX_RESULTS) -> list[int]:
    """Return the rows of an index that search finds for a text, of each group of products the first alone."""
    if index.groups is None:
        return search.find(text, max_results)
    return index.one_of_each(search.find(text, len(index.names)))[:max_results]


class WordSearch:
    """Finds rows of a catalogue from the attributes and the names of its n products."""

    def __init__(self, attributes_by_row: Sequence[Attributes], names: Sequence[str]) -> None:
        self._rows: dict[str, list[int]] = {}
        for row, name in enumerate(names):
            self._rows.setdefault(product_id(name).casefold(), []).append(row)
        # Most values occur in thousands of products: split them once, and forget them when all are split.
        tokens = cache(_tokens)
        self._everywhere = _TokenIndex([set().union(*map(tokens, own.values())) for own in attributes_by_row])
        self._in_name = _TokenIndex([tokens(own.get(NAME_COLUMN, "")) for own in attributes_by_row])
        self._in_type = _TokenIndex([tokens(own.get(TYPE_COLUMN, "")) for own in attributes_by_row])

    def find(self, text: str, max_results: int = MAX_RESULTS) -> list[int]:
        """Return rows: those with that very id, then those where every word begins one of the product's.

        Case and accents do not count. Products whose article type has the most of the words come first, since a dress
        watch is no dress; then those whose displayed name has all the words; then the catalogue's order stands.
        """
        text = text.strip()[:MAX_LETTERS]
        exact = self._rows.get(normalize(text).casefold(), [])
        words = _words(text)[:MAX_WORDS]
        if not words:
            return exact[:max_results]
        found = np.flatnonzero(self._everywhere.with_all(words))
        named, in_type = self._in_name.with_all(words)[found], self._in_type.count(words)[found]
        order = np.lexsort((~named, -in_type))  # stable
        # Duplicates of the exact rows drop out before the cut.
        rows = found[order[: max_results + len(exact)]].tolist()
        return list(dict.fromkeys(exact + rows))[:max_results]


class _TokenIndex:
    """Which rows hold which tokens. Tokens are sorted, so that all with the same beginning are neighbors."""

    def __init__(self, tokens_by_row: Sequence[Iterable[str]]) -> None:
        self._n = len(tokens_by_row)
        rows_of: dict[str, list[int]] = {}
        for row, tokens in enumerate(tokens_by_row):
            for token in tokens:
                rows_of.setdefault(token, []).append(row)
        self._sorted = sorted(rows_of)
        self._starts = np.cumsum([0] + [len(rows_of[token]) for token in self._sorted])
        self._rows = np.array([row for token in self._sorted for row in rows_of[token]], np.int32)

    def with_all(self, words: Sequence[Word]) -> Mask:
        """Return which rows have every one of the words, whole or in parts: bool (n,)."""
        return np.logical_and.reduce([self._with_word(word) for word in words])

    def count(self, words: Sequence[Word]) -> Counts:
        """Return how many of the words each row has, whole or in parts: int (n,)."""
        return np.sum([self._with_word(word) for word in words], axis=0)

    def _with_word(self, word: Word) -> Mask:
        whole, parts = word
        return np.logical_and.reduce([self._with_prefix(part) for part in parts]) | self._with_prefix(whole)

    def _with_prefix(self, prefix: str) -> Mask:
        """Return which rows have a token with that prefix: bool (n,)."""
        first, after = (bisect_left(self._sorted, text) for text in (prefix, prefix + LAST))
        found = np.zeros(self._n, bool)
        found[self._rows[self._starts[first] : self._starts[after]]] = True
        return found


def _tokens(text: str) -> frozenset[str]:
    """Return all tokens of a text: tshirt, t and shirt for T-Shirt; women and womens for Women's."""
    without = re.sub("['’]", "", text)
    words = _words(text) + (_words(without) if without != text else [])
    return frozenset(token for whole, parts in words for token in (whole, *parts))


def _words(text: str) -> list[Word]:
    split = (re.findall(r"[^\W_]+", word) for word in _simplify(text).split())
    return [("".join(parts), tuple(parts)) for parts in split if parts]


def _simplify(text: str) -> str:
    """Return the text in lower case, without accents and without the 's of women's."""
    plain = text.casefold()
    if not plain.isascii():
        letters = unicodedata.normalize("NFKD", plain)
        plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"['’]s?\b", "", plain)
