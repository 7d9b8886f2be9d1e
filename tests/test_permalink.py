import random
from urllib.parse import parse_qs, urlencode

import pytest

from lookalike.permalink import BALANCE, COUNT, LONGEST, MOST, MOST_CHOSEN, Asked

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
    return Asked(text(rng), text(rng), filters, balance, rng.choice([COUNT, rng.randint(1, MOST)]))


@pytest.mark.parametrize("seed", range(300))
def test_there_and_back_nothing_changes(seed):
    asked = anything(random.Random(seed))
    assert Asked.from_params(asked.to_params()) == asked
    assert Asked.from_params(through_a_browser(asked.to_params())) == asked


def test_an_address_says_only_what_is_not_as_ever():
    assert Asked().to_params() == {}
    assert Asked(filters={"gender": ()}).to_params() == {}
    assert Asked("1163", balance=0.3, count=10).to_params() == {"product": "1163", "balance": "0.3", "count": "10"}
    chosen = Asked(words="red & blue", filters={"gender": ("Men", "Women"), "usage": ("Casual",)})
    assert chosen.to_params() == {"words": "red & blue", "only.gender": ["Men", "Women"], "only.usage": "Casual"}
    assert (
        urlencode(chosen.to_params(), True) == "words=red+%26+blue&only.gender=Men&only.gender=Women&only.usage=Casual"
    )


def test_a_shops_column_may_have_the_name_of_our_own_key():
    asked = Asked("1", filters={"product": ("a",), "count": ("3",), "only.x": ("y",), "": ("",)})
    assert Asked.from_params(asked.to_params()) == asked


@pytest.mark.parametrize(
    "params, expected",
    [
        ({"count": "1000000000"}, Asked(count=MOST)),
        ({"count": "-3"}, Asked(count=1)),
        ({"count": "9" * 150}, Asked(count=MOST)),
        ({"count": "9" * 10_000}, Asked()),
        ({"count": "five"}, Asked()),
        ({"count": "5.5"}, Asked()),
        ({"balance": "nan"}, Asked()),
        ({"balance": "-inf"}, Asked(balance=0.0)),
        ({"balance": "1e999"}, Asked(balance=1.0)),
        ({"balance": ""}, Asked()),
        ({"product": "x" * (LONGEST + 1)}, Asked()),
        ({"words": "x" * 10**7}, Asked()),
        ({"product": ["1", "2"]}, Asked("2")),
        ({"product": []}, Asked()),
        ({"product": None, "words": 3, "count": {}, "balance": [None]}, Asked()),
        ({3: "x", None: "y", "embed": "true"}, Asked()),
        ({"only.gender": ["Men", "Men", None, "x" * 10**6]}, Asked(filters={"gender": ("Men",)})),
        ({"only." + "x" * 10**6: "Men"}, Asked()),
    ],
)
def test_what_makes_no_sense_is_ignored_or_brought_within_bounds(params, expected):
    assert Asked.from_params(params) == expected


def test_only_what_the_catalogue_offers_is_filtered_by():
    offered = {"gender": ("Women", "Men"), "usage": ("Casual",)}
    params = {"only.gender": ["Men", "Martians"], "only.usage": "Formal", "only.secret": "x"}
    assert Asked.from_params(params, offered) == Asked(filters={"gender": ("Men",)})
    assert Asked.from_params(params, {}) == Asked()


def test_neither_filters_nor_words_come_without_end():
    params = {f"only.{number}": ["a"] * 10**5 for number in range(1000)}
    assert len(Asked.from_params(params).filters) == MOST_CHOSEN
    words = Asked.from_params({"only.a": [str(number) for number in range(10**5)]}).filters["a"]
    assert len(words) == MOST_CHOSEN
