"""Word search: products by their id, or by words of their attributes."""

import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lookalike.index.attribute_table import EncodedColumn
from lookalike.index.attributes import TYPE_COLUMN, normalize
from lookalike.index.catalogue import Catalogue, product_ids
from lookalike.types import Codes, Mask, Rows

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

    def __init__(self, columns: Mapping[str, EncodedColumn], names: Sequence[str]) -> None:
        """Read all columns of the products' table, and their names."""
        self._row: dict[str, int] = {}
        # The rows after the first one of products that have the same id but for case.
        self._others: dict[str, list[int]] = {}
        for row, identity in enumerate(map(str.casefold, product_ids(names))):
            if self._row.setdefault(identity, row) != row:
                self._others.setdefault(identity, []).append(row)
        split = {column: _split_words(*encoded) for column, encoded in columns.items()}
        self._everywhere = _TokenIndex(len(names), split.values())
        self._in_name = _TokenIndex(len(names), [split[NAME_COLUMN]] if NAME_COLUMN in split else [])
        self._in_type = _TokenIndex(len(names), [split[TYPE_COLUMN]] if TYPE_COLUMN in split else [])

    @classmethod
    def of_catalogue(cls, catalogue: Catalogue) -> "WordSearch":
        """Return a search over all products of a catalogue."""
        return cls(catalogue.encoded_columns(catalogue.columns), catalogue.names)

    def find(self, text: str, max_results: int = MAX_RESULTS) -> list[int]:
        """Return rows: those with that very id, then those where every word begins one of the product's.

        Case and accents do not count. Products whose article type has the most of the words come first, since a dress
        watch is no dress; then those whose displayed name has all the words; then the catalogue's order stands.
        """
        text = text.strip()[:MAX_LETTERS]
        identity = normalize(text).casefold()
        exact = [self._row[identity], *self._others.get(identity, [])] if identity in self._row else []
        words = _words(text)[:MAX_WORDS]
        if not words:
            return exact[:max_results]
        found = np.flatnonzero(self._everywhere.with_all(words))
        named, in_type = self._in_name.with_all(words)[found], self._in_type.count(words)[found]
        order = np.lexsort((~named, -in_type))  # stable
        # Duplicates of the exact rows drop out before the cut.
        rows = found[order[: max_results + len(exact)]].tolist()
        return list(dict.fromkeys(exact + rows))[:max_results]


@dataclass(frozen=True)
class _SplitColumn:
    """A column whose words are split into tokens: those of word w are tokens[numbers[starts[w] : starts[w + 1]]].

    codes are the places of the rows' words (n,), -1 for none.
    """

    codes: Codes
    tokens: Sequence[str]
    numbers: Codes
    starts: Rows


def _split_words(words: Sequence[str], codes: Codes) -> _SplitColumn:
    places: dict[str, int] = {}
    numbers, starts = array("i"), array("q", [0])
    for word in words:
        numbers.extend(places.setdefault(token, len(places)) for token in _tokens(word))
        starts.append(len(numbers))
    return _SplitColumn(codes, tuple(places), np.array(numbers, np.int32), np.array(starts, np.int64))


class _TokenIndex:
    """Which rows hold which tokens. Tokens are sorted, so that all with the same beginning are neighbors."""

    def __init__(self, n: int, columns: Iterable[_SplitColumn]) -> None:
        self._n = n
        columns = list(columns)
        self._sorted = sorted(set[str]().union(*(column.tokens for column in columns)))
        places = {token: place for place, token in enumerate(self._sorted)}
        # A token in a row is one number: the token's place times n, and the row.
        pairs = [np.empty(0, np.int64)]
        for column in columns:
            known = np.flatnonzero(column.codes >= 0)
            codes = column.codes[known]
            counts = np.diff(column.starts)[codes]
            # Where the tokens of each row's word stand among those of all words.
            ends = np.cumsum(counts)
            at = np.arange(ends[-1] if len(ends) else 0) + np.repeat(column.starts[codes] - (ends - counts), counts)
            own = np.fromiter((places[token] for token in column.tokens), np.int64, len(column.tokens))
            pairs.append(own[column.numbers[at]] * n + np.repeat(known, counts))
        # np.unique hashes, which takes 20 s for a million products.
        found = np.concatenate(pairs)
        found.sort()
        found = found[np.diff(found, prepend=-1) > 0]
        self._rows = (found % max(n, 1)).astype(np.int32)
        self._starts = np.searchsorted(found, np.arange(len(self._sorted) + 1) * n)

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
