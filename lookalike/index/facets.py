"""Facets: the attributes worth narrowing a catalogue by, and how many products each choice leaves."""

import numpy as np

# Offered in this order where a catalogue has them; any other column follows in the table's own order.
FIRST = ("gender", "articleType", "baseColour", "season", "usage", "masterCategory", "subCategory", "year")

# Names and links: no two products share them, or only by accident.
NEVER = ("id", "productDisplayName", "name", "title", "description", "link", "url", "filename")

# A list that can still be scrolled, and for columns a shopper knows by name (143 article types at Kaggle) searched.
MAX_WORDS, MAX_WORDS_OF_FIRST = 60, 300

# Numbers are prices, sizes or ids rather than kinds, unless there are only so many of them.
MAX_NUMBERS = 20

# Of the products, the share whose word must be known; of their words, how many products share one on average.
MIN_KNOWN, MIN_SHARED = 0.5, 2

# Longer words, on average, are sentences.
LONGEST = 40


class Facets:
    """The columns worth offering for n products, from a list of n dicts: column → word.

    words is a dict from column to its words, most frequent first; codes one to int32 (n,), places in
    those words, -1 where a product's word is unknown.
    """

    def __init__(self, attributes_by_row):
        columns = _in_order(dict.fromkeys(column for own in attributes_by_row for column in own))
        coded = ((column, _coded([own.get(column) for own in attributes_by_row])) for column in columns)
        self._offer(len(attributes_by_row), coded)

    @classmethod
    def packed(cls, n, columns):
        """The Facets of n products from a dict: column → (its words, int32 (n,) places in them, -1 for none)."""
        facets = cls.__new__(cls)
        facets._offer(n, ((column, columns[column]) for column in _in_order(columns)))
        return facets

    def _offer(self, n, columns):
        self.n = n
        self.words, self.codes, self._places = {}, {}, {}
        for column, (words, codes) in columns:
            counts = np.bincount(codes + 1, minlength=len(words) + 1)[1:]
            order = sorted(np.flatnonzero(counts).tolist(), key=lambda place: (-counts[place], words[place]))
            if _worth_offering(column, {words[place]: int(counts[place]) for place in order}, n):
                self.words[column] = tuple(words[place] for place in order)
                self._places[column] = {word: place for place, word in enumerate(self.words[column])}
                # One place more, for the unknown: code -1 reads the last.
                renumbered = np.full(len(words) + 1, -1, np.int32)
                renumbered[order] = np.arange(len(order))
                self.codes[column] = renumbered[codes]

    def mask(self, filters):
        """Which products match, bool (n,): for each column of filters, one of its words.

        filters is a dict from column to a tuple of words; () asks nothing of its column. Columns and words
        that are not offered match nothing.
        """
        matching = np.ones(self.n, bool)
        for column, words in _asked(filters).items():
            matching &= self._mask_of(column, words)
        return matching

    def offered(self, filters):
        """The words that can match, by column, of those that are asked for; None where nothing can."""
        asked = {
            column: tuple(dict.fromkeys(word for word in words if self._place(column, word) is not None))
            for column, words in _asked(filters).items()
        }
        return asked if all(asked.values()) else None

    def counts(self, filters):
        """How many products each word leaves: a dict from column to a dict word → count, most first.

        Each column is counted under the filters of the others. Words that would leave nothing are left out,
        but for those asked for.
        """
        filters = _asked(filters)
        masks = {column: self._mask_of(column, words) for column, words in filters.items()}
        failed = np.zeros(self.n, np.int16)
        for mask in masks.values():
            failed += ~mask
        everything = failed == 0
        counted = {}
        for column in self.words:
            matching = failed == ~masks[column] if column in masks else everything
            counted[column] = self._counts_of(column, matching, filters.get(column, ()))
        return counted

    def _mask_of(self, column, words):
        if column not in self.codes:
            return np.zeros(self.n, bool)
        # One place more than there are words: code -1, unknown, reads the last, which never matches.
        wanted = np.zeros(len(self.words[column]) + 1, bool)
        places = (self._place(column, word) for word in words)
        wanted[[place for place in places if place is not None]] = True
        return wanted[self.codes[column]]

    def _place(self, column, word):
        return self._places.get(column, {}).get(word) if isinstance(word, str) else None

    def _counts_of(self, column, matching, asked):
        words = self.words[column]
        # Shifted by one, so that bincount takes the unknown as 0.
        counts = np.bincount(self.codes[column][matching] + 1, minlength=len(words) + 1)[1:]
        order = np.argsort(-counts, kind="stable")
        return {words[place]: int(counts[place]) for place in order if counts[place] or words[place] in asked}


def _asked(filters):
    """The filters that ask something; a lone word stands for a tuple of one."""
    tuples = {column: (words,) if isinstance(words, str) else tuple(words) for column, words in filters.items()}
    return {column: words for column, words in tuples.items() if words}


def _in_order(columns):
    return [column for column in FIRST if column in columns] + [column for column in columns if column not in FIRST]


def _coded(values):
    """The words among values, in order of appearance, and each value's place in them, -1 for none: int32 (n,)."""
    places = {}
    codes = [places.setdefault(v, len(places)) if isinstance(v, str) and v else -1 for v in values]
    return tuple(places), np.array(codes, np.int32)


def _worth_offering(column, words, n):
    """Whether a column with those words, a dict to their counts, tells kinds of products apart."""
    known = sum(words.values())
    if column in NEVER or len(words) < 2 or known < MIN_KNOWN * n:
        return False
    if column in FIRST:
        return len(words) <= MAX_WORDS_OF_FIRST
    if sum(map(len, words)) > LONGEST * len(words) or known < MIN_SHARED * len(words):
        return False
    return len(words) <= (MAX_NUMBERS if all(map(_is_number, words)) else MAX_WORDS)


def _is_number(word):
    try:
        float(word)
    except ValueError:
        return False
    return True
