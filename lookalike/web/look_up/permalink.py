"""The page's address: everything that was asked about a product of the catalogue, there and back."""

import math
from dataclasses import dataclass, field

BALANCE = 0.5

COUNT, MOST = 5, 100

# Of filters, and of words of one: more than any catalogue offers.
MAX_CHOSEN = 300

# Longer texts in an address are nobody's question.
LONGEST = 200

# Keeps a shop's columns apart from our own keys, whatever they are called.
FILTER = "only."


@dataclass(frozen=True)
class SearchState:
    """What the page shows: a product's id or "", words searched for, filters, and how to rank how many.

    filters is a dict from column to a tuple of words, without empty ones; balance goes from 0, the same look,
    to 1, the same color; count is the number of results wanted.
    """

    product: str = ""
    words: str = ""
    filters: dict = field(default_factory=dict)
    balance: float = BALANCE
    count: int = COUNT

    def to_params(self):
        """The query parameters of the address: a dict from str to str or, for several words, a list of str.

        Whatever is as it is by default is left out.
        """
        params = {"product": self.product, "words": self.words}
        if self.balance != BALANCE:
            params["balance"] = repr(float(self.balance))
        if self.count != COUNT:
            params["count"] = str(self.count)
        chosen = {FILTER + column: _one_or_list(words) for column, words in self.filters.items() if words}
        return {key: value for key, value in params.items() if value} | chosen

    @staticmethod
    def from_params(params, columns=None):
        """The Asked of query parameters, a dict from str to str or list of str; never raises.

        columns, a dict from column to its words, is what the catalogue offers (None: anything). Other filters
        are ignored, as is everything too long or of no meaning; numbers out of bounds are brought within.
        """
        return SearchState(
            _text(_values(params.get("product"))),
            _text(_values(params.get("words"))),
            _filters(params, columns),
            _number(_values(params.get("balance")), float, 0.0, 1.0, BALANCE),
            _number(_values(params.get("count")), int, 1, MOST, COUNT),
        )


def _filters(params, columns):
    """The filters among parameters: a dict from column to a tuple of words, each once."""
    filters = {}
    for key, value in params.items():
        if not isinstance(key, str) or not key.startswith(FILTER) or len(filters) == MAX_CHOSEN:
            continue
        column = key.removeprefix(FILTER)
        offered = columns.get(column, ()) if columns is not None else None
        words = [word for word in _values(value)[:MAX_CHOSEN] if offered is None or word in offered]
        if words and len(column) <= LONGEST:
            filters[column] = tuple(dict.fromkeys(words))
    return filters


def _values(value):
    """What a parameter says as a list of str, without those of absurd length."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    return [text for text in values if isinstance(text, str) and len(text) <= LONGEST]


def _text(values):
    """The last of values, as browsers and Streamlit have it where a parameter stands twice; "" without one."""
    return values[-1] if values else ""


def _number(values, kind, least, most, default):
    try:
        number = kind(_text(values))
    except ValueError:
        return default
    return default if math.isnan(number) else min(max(number, least), most)


def _one_or_list(words):
    return words[0] if len(words) == 1 else list(words)
