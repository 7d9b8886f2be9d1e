"""Word search: products by their id, or by words of their attributes."""

import re
import unicodedata
from bisect import bisect_left
from functools import cache

import numpy as np

from lookalike.index.catalogue import product_id

NAME = "productDisplayName"

# A longer question than this asks nothing more.
MAX_WORDS, MAX_LETTERS = 16, 400

# Sorts after every token that begins with what stands before it.
LAST = "\U0010ffff"


class WordSearch:
    """Finds rows of a catalogue: a list of n dicts of attributes and the n names of its products."""

    def __init__(self, attributes_by_row, names):
        self._rows = {}
        for row, name in enumerate(names):
            self._rows.setdefault(product_id(name).casefold(), []).append(row)
        # Most words stand at thousands of products; taken apart once, and forgotten when all are.
        tokens = cache(_tokens)
        self._everywhere = _Tokens([set().union(*map(tokens, own.values())) for own in attributes_by_row])
        self._in_name = _Tokens([tokens(own.get(NAME, "")) for own in attributes_by_row])

    def find(self, text, limit=24):
        """At most limit rows: those of that very id, then those where every word begins one of the product's.

        Case and accents do not count. Where the name shown has all the words the product comes first; otherwise
        the catalogue's order stands.
        """
        exact = self._rows.get(text.strip().casefold(), [])
        asked = _words(text[:MAX_LETTERS])[:MAX_WORDS]
        if not asked:
            return exact[:limit]
        named = self._in_name.with_all(asked)
        found = [np.flatnonzero(named), np.flatnonzero(self._everywhere.with_all(asked) & ~named)]
        # Before the cut more rows than the exact ones can take away again.
        rows = np.concatenate(found)[: limit + len(exact)].tolist()
        return list(dict.fromkeys(exact + rows))[:limit]


class _Tokens:
    """Which rows hold which tokens: tokens sorted, so that all with one beginning are neighbors."""

    def __init__(self, tokens_by_row):
        self._n, held = len(tokens_by_row), {}
        for row, tokens in enumerate(tokens_by_row):
            for token in tokens:
                held.setdefault(token, []).append(row)
        self._sorted = sorted(held)
        self._starts = np.cumsum([0] + [len(held[token]) for token in self._sorted])
        self._held = np.array([row for token in self._sorted for row in held[token]], np.int32)

    def with_all(self, words):
        """The rows with every one of the words, each a tuple (whole, parts): bool (n,)."""
        matching = np.ones(self._n, bool)
        for whole, parts in words:
            spelt = np.logical_and.reduce([self._with(part) for part in parts])
            matching &= spelt | self._with(whole)
        return matching

    def _with(self, beginning):
        """The rows with a token that begins so: bool (n,)."""
        first, after = (bisect_left(self._sorted, text) for text in (beginning, beginning + LAST))
        found = np.zeros(self._n, bool)
        found[self._held[self._starts[first] : self._starts[after]]] = True
        return found


def _tokens(text):
    """All tokens of a text: of T-Shirt tshirt, t and shirt; of Women's women and womens."""
    without = re.sub("['’]", "", text)
    words = _words(text) + (_words(without) if without != text else [])
    return frozenset(token for whole, parts in words for token in (whole, *parts))


def _words(text):
    """The words of a text as pairs: the word written as one, and its parts."""
    split = (re.findall(r"[^\W_]+", word) for word in _plain(text).split())
    return [("".join(parts), tuple(parts)) for parts in split if parts]


def _plain(text):
    """In lower case, without accents and without the 's of women's."""
    plain = text.casefold()
    if not plain.isascii():
        letters = unicodedata.normalize("NFKD", plain)
        plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"['’]s?\b", "", plain)
