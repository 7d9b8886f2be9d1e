import time

import numpy as np
import pytest

from lookalike.index.attribute_table import encode_words
from lookalike.search.word_search import WordSearch

PRODUCTS = {
    "images/10.jpg": {"articleType": "Tshirts", "productDisplayName": "Inkfruit Men's Black T-shirt"},
    "images/11.jpg": {"articleType": "Shirts", "baseColour": "Black", "productDisplayName": "Rosé Café Shirt"},
    "images/2012.jpg": {"articleType": "Shirts", "baseColour": "Off White", "year": "2011"},
    "images/13.jpg": {"articleType": "Shirts", "baseColour": "Black", "year": "2012"},
    "images/14.jpg": {},
}


def search_over(rows, names):
    columns = dict.fromkeys(column for own in rows for column in own)
    return WordSearch({column: encode_words([own.get(column) for own in rows]) for column in columns}, names)


@pytest.fixture
def search():
    return search_over(list(PRODUCTS.values()), list(PRODUCTS))


@pytest.mark.parametrize(
    "text, rows",
    [
        ("shirt", [1, 2, 3, 0]),  # article types first, of these a name with the word; then a name alone
        ("black shirt", [1, 3, 0]),
        ("shirt black", [1, 3, 0]),
        ("SHIRTS", [1, 2, 3]),
        ("tshirt", [0]),
        ("t-shirts", [0]),
        ("t-shirt", [0]),
        ("rose cafe", [1]),
        ("ROSÉ Cafe\u0301", [1]),
        ("men's", [0]),
        ("mens", [0]),
        ("MEN'S", [0]),
        ("off-white", [2]),
        ("off white", [2]),
        ("hirt", []),
        ("black purple", []),
        ("14", [4]),
        ("2012", [2, 3]),  # the id before the year
        (" 10 ", [0]),
        ("", []),
        ("  ", []),
        ("?!-", []),
        ("\x00\ud800", []),
    ],
)
def test_words_and_ids_find_their_rows(search, text, rows):
    assert search.find(text) == rows


def test_the_case_of_an_id_does_not_count():
    search = search_over([{}, {}], ["images/SKU-1.jpg", "images/sku-2.jpg"])
    assert search.find("sku-1") == [0] and search.find("SKU-2") == [1]


def test_names_come_before_other_attributes():
    rows = [{"baseColour": "Red"}, {"productDisplayName": "Red dress"}, {"baseColour": "Red"}]
    search = search_over(rows, ["a.jpg", "b.jpg", "c.jpg"])
    assert search.find("red") == [1, 0, 2]
    assert search.find("red", max_results=2) == [1, 0]
    assert search.find("red", max_results=0) == []
    assert search.find("a") == [0] and search.find("c", max_results=1) == [2]


def test_a_kind_of_thing_comes_before_what_is_named_after_it():
    names = ["1.jpg", "2.jpg", "3.jpg"]
    watch = {"articleType": "Watches", "productDisplayName": "Steel Dress Watch"}
    dress = {"articleType": "Dresses", "productDisplayName": "Summer Piece", "baseColour": "Red"}
    search = search_over([watch, dress, {"productDisplayName": "A dress"}], names)
    assert search.find("dress") == [1, 0, 2]
    assert search.find("red dress") == [1] and search.find("dress watch") == [0]


def test_all_products_with_an_id_are_found_and_none_twice():
    search = search_over([{"year": "7"}, {"year": "7"}, {}], ["x/7.jpg", "1.jpg", "y/7.jpg"])
    assert search.find("7") == [0, 2, 1]
    assert search.find("7", max_results=3) == [0, 2, 1] and search.find("7", max_results=1) == [0]


def test_huge_queries_are_cut(search):
    assert search.find("black " * 100_000) == [0, 1, 3]
    assert search.find("a" * 10**6) == []


def test_an_empty_catalogue_finds_nothing():
    assert search_over([], []).find("red") == []


def test_a_large_catalogue_is_searched_at_once():
    rng = np.random.default_rng(2)
    words = [f"{a}{b}" for a in "rstlmn" for b in ("ed", "ose", "lack", "irt", "ans", "oe", "at", "ock")]
    picked = rng.integers(0, len(words), (44_441, 9))
    rows = [
        {"articleType": words[own[0]], "productDisplayName": " ".join(words[place] for place in own)} for own in picked
    ]
    search = search_over(rows, [f"{row}.jpg" for row in range(len(rows))])
    begin = time.perf_counter()
    found = search.find("r red soc")
    assert time.perf_counter() - begin < 0.2  # 1 ms on a free core
    assert len(found) == 24
