import random
from urllib.parse import parse_qs, urlencode

import pytest

from lookalike.web.look_up.permalink import BALANCE, COUNT, LONGEST, MAX_CHOSEN, MOST, SearchState

LETTERS = "ab Zß&=,;+%#?/\\\"'<>[]{}.\n\t\x00\u200f日本é👗𝕏"


def through_a_browser(params):
    """The parameters as a page gets them that was opened with the address they make."""
    address = urlencode(params, doseq=True)
    return {key: values if len(values) > 1 else values[0] for key, values in parse_qs(address, True).items()}


def text(rng, least=0):
    return "".join(rng.choices(LETTERS, k=rng.randint(least, 12)))


def anything(rng):
    filters = {text(rng): tuple({text(rng) for _ in range(rng.randint(1, 4))}) for _ in range(rng.randint(0, 4))}
    balance = rng.choice([BALANCE, 0.0, 1.0, rng.random()])
    return SearchState(text(rng), text(rng), filters, balance, rng.choice([COUNT, rng.randint(1, MOST)]))


@pytest.mark.parametrize("seed", range(300))
def test_there_and_back_nothing_changes(seed):
    asked = anything(random.Random(seed))
    assert SearchState.from_params(asked.to_params()) == asked
    assert SearchState.from_params(through_a_browser(asked.to_params())) == asked


def test_an_address_says_only_what_is_not_as_ever():
    assert SearchState().to_params() == {}
    assert SearchState(filters={"gender": ()}).to_params() == {}
    assert SearchState("1163", balance=0.3, count=10).to_params() == {
        "product": "1163",
        "balance": "0.3",
        "count": "10",
    }
    chosen = SearchState(words="red & blue", filters={"gender": ("Men", "Women"), "usage": ("Casual",)})
    assert chosen.to_params() == {"words": "red & blue", "only.gender": ["Men", "Women"], "only.usage": "Casual"}
    assert (
        urlencode(chosen.to_params(), True) == "words=red+%26+blue&only.gender=Men&only.gender=Women&only.usage=Casual"
    )


def test_a_shops_column_may_have_the_name_of_our_own_key():
    asked = SearchState("1", filters={"product": ("a",), "count": ("3",), "only.x": ("y",), "": ("",)})
    assert SearchState.from_params(asked.to_params()) == asked


@pytest.mark.parametrize(
    "params, expected",
    [
        ({"count": "1000000000"}, SearchState(count=MOST)),
        ({"count": "-3"}, SearchState(count=1)),
        ({"count": "9" * 150}, SearchState(count=MOST)),
        ({"count": "9" * 10_000}, SearchState()),
        ({"count": "five"}, SearchState()),
        ({"count": "5.5"}, SearchState()),
        ({"balance": "nan"}, SearchState()),
        ({"balance": "-inf"}, SearchState(balance=0.0)),
        ({"balance": "1e999"}, SearchState(balance=1.0)),
        ({"balance": ""}, SearchState()),
        ({"product": "x" * (LONGEST + 1)}, SearchState()),
        ({"words": "x" * 10**7}, SearchState()),
        ({"product": ["1", "2"]}, SearchState("2")),
        ({"product": []}, SearchState()),
        ({"product": None, "words": 3, "count": {}, "balance": [None]}, SearchState()),
        ({3: "x", None: "y", "embed": "true"}, SearchState()),
        ({"only.gender": ["Men", "Men", None, "x" * 10**6]}, SearchState(filters={"gender": ("Men",)})),
        ({"only." + "x" * 10**6: "Men"}, SearchState()),
    ],
)
def test_what_makes_no_sense_is_ignored_or_brought_within_bounds(params, expected):
    assert SearchState.from_params(params) == expected


def test_only_what_the_catalogue_offers_is_filtered_by():
    offered = {"gender": ("Women", "Men"), "usage": ("Casual",)}
    params = {"only.gender": ["Men", "Martians"], "only.usage": "Formal", "only.secret": "x"}
    assert SearchState.from_params(params, offered) == SearchState(filters={"gender": ("Men",)})
    assert SearchState.from_params(params, {}) == SearchState()


def test_neither_filters_nor_words_come_without_end():
    params = {f"only.{number}": ["a"] * 10**5 for number in range(1000)}
    assert len(SearchState.from_params(params).filters) == MAX_CHOSEN
    words = SearchState.from_params({"only.a": [str(number) for number in range(10**5)]}).filters["a"]
    assert len(words) == MAX_CHOSEN
