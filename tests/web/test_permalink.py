import random
from urllib.parse import parse_qs, urlencode

import pytest

from lookalike.embedding.padding import WHOLE
from lookalike.web.look_up.permalink import (
    DEFAULT_BALANCE,
    DEFAULT_COUNT,
    MAX_COUNT,
    MAX_FILTERS,
    MAX_LETTERS,
    SearchState,
    region_from_text,
    region_to_text,
)

LETTERS = "ab Zß&=,;+%#?/\\\"'<>[]{}.\n\t\x00\u200f日本é👗𝕏"


def through_a_browser(params):
    """Return the parameters that a page gets when it is opened at the address they make."""
    address = urlencode(params, doseq=True)
    return {key: values if len(values) > 1 else values[0] for key, values in parse_qs(address, True).items()}


def text(rng, min_letters=0):
    return "".join(rng.choices(LETTERS, k=rng.randint(min_letters, 12)))


def any_search(rng):
    filters = {text(rng): tuple({text(rng) for _ in range(rng.randint(1, 4))}) for _ in range(rng.randint(0, 4))}
    balance = rng.choice([DEFAULT_BALANCE, 0.0, 1.0, rng.random()])
    return SearchState(text(rng), text(rng), filters, balance, rng.choice([DEFAULT_COUNT, rng.randint(1, MAX_COUNT)]))


@pytest.mark.parametrize("seed", range(300))
def test_a_search_survives_the_address_unchanged(seed):
    search = any_search(random.Random(seed))
    assert SearchState.from_params(search.to_params()) == search
    assert SearchState.from_params(through_a_browser(search.to_params())) == search


def test_an_address_leaves_out_the_defaults():
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


def test_a_column_may_have_the_same_name_as_one_of_our_keys():
    search = SearchState("1", filters={"product": ("a",), "count": ("3",), "only.x": ("y",), "": ("",)})
    assert SearchState.from_params(search.to_params()) == search


@pytest.mark.parametrize(
    "params, expected",
    [
        ({"count": "1000000000"}, SearchState(count=MAX_COUNT)),
        ({"count": "-3"}, SearchState(count=1)),
        ({"count": "9" * 150}, SearchState(count=MAX_COUNT)),
        ({"count": "9" * 10_000}, SearchState()),
        ({"count": "five"}, SearchState()),
        ({"count": "5.5"}, SearchState()),
        ({"balance": "nan"}, SearchState()),
        ({"balance": "-inf"}, SearchState(balance=0.0)),
        ({"balance": "1e999"}, SearchState(balance=1.0)),
        ({"balance": ""}, SearchState()),
        ({"product": "x" * (MAX_LETTERS + 1)}, SearchState()),
        ({"words": "x" * 10**7}, SearchState()),
        ({"product": ["1", "2"]}, SearchState("2")),
        ({"product": []}, SearchState()),
        ({"product": None, "words": 3, "count": {}, "balance": [None]}, SearchState()),
        ({3: "x", None: "y", "embed": "true"}, SearchState()),
        ({"only.gender": ["Men", "Men", None, "x" * 10**6]}, SearchState(filters={"gender": ("Men",)})),
        ({"only." + "x" * 10**6: "Men"}, SearchState()),
    ],
)
def test_nonsense_is_ignored_and_numbers_are_clamped(params, expected):
    assert SearchState.from_params(params) == expected


def test_only_filters_that_the_catalogue_offers_are_kept():
    offered = {"gender": ("Women", "Men"), "usage": ("Casual",)}
    params = {"only.gender": ["Men", "Martians"], "only.usage": "Formal", "only.secret": "x"}
    assert SearchState.from_params(params, offered) == SearchState(filters={"gender": ("Men",)})
    assert SearchState.from_params(params, {}) == SearchState()


def test_the_number_of_filters_and_words_is_limited():
    params = {f"only.{number}": ["a"] * 10**5 for number in range(1000)}
    assert len(SearchState.from_params(params).filters) == MAX_FILTERS
    words = SearchState.from_params({"only.a": [str(number) for number in range(10**5)]}).filters["a"]
    assert len(words) == MAX_FILTERS


def test_a_region_survives_the_address_unchanged():
    cells = frozenset([(3, 4), (3, 3), (0, 6)])
    assert region_to_text(cells) == "063334" and region_from_text("063334") == cells
    assert region_to_text(frozenset()) == ""
    box = (0.125, 0.25, 0.5, 1.0)
    assert region_to_text(box) == "125.250.500.1000" and region_from_text("125.250.500.1000") == box
    assert region_to_text(WHOLE) == "whole" and region_from_text("whole") == WHOLE


@pytest.mark.parametrize("text", [None, 7, ["33"], "", "3", "9z-☂", "77", "-1"])
def test_cells_outside_the_grid_are_ignored(text):
    assert region_from_text(text) == frozenset()
