"""Filtering by price: the ranges that are offered, those that may be asked for, and prices that say nothing."""

import numpy as np
import pytest

from lookalike.errors import CatalogueError
from lookalike.index.facets import Facets
from lookalike.index.price_ranges import Prices, read_range

ROWS = [{"price": f"{number}.00 EUR", "kind": "ab"[number % 2]} for number in range(1, 101)]


def test_bands_are_round_and_divide_the_prices_into_parts_of_nearly_the_same_size():
    facets = Facets(ROWS)
    assert facets.words["price"] == ("..20", "20..40", "40..60", "60..80", "80..") and facets.currency == "EUR"
    assert list(facets.words) == ["kind", "price"] and "price" not in facets.codes
    # Both ends are included.
    assert facets.counts({})["price"] == {"..20": 20, "20..40": 21, "40..60": 21, "60..80": 21, "80..": 21}


def test_any_range_may_be_asked_for_and_counts_agree_with_masks():
    facets = Facets(ROWS)
    assert np.flatnonzero(facets.mask({"price": ["17.5..20", "99.."]})).tolist() == [17, 18, 19, 98, 99]
    chosen = {"price": ["10..30"], "kind": ["a"]}
    assert facets.mask(chosen).sum() == 11
    for column, counts in facets.counts(chosen).items():
        for word, count in counts.items():
            assert facets.mask({**chosen, column: (word,)}).sum() == count
    assert facets.counts({"price": ["500.."]})["price"]["500.."] == 0
    assert not facets.mask({"price": ["500.."]}).any() and not facets.mask({"price": ["cheap"]}).any()


def test_the_price_now_counts():
    prices = Prices(
        [{"price": "100", "sale_price": "39,90"}, {"price": "from 5"}, {"price": "40"}, {"sale_price": "30"}]
    )
    np.testing.assert_array_equal(prices.amounts, [39.9, np.nan, 40, 30])


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [{}] * 5,
        [{"price": "20 EUR"}] * 50,
        [{"price": f"{n} {'EUR' if n % 2 else 'USD'}"} for n in range(1, 101)],
        [{"price": f"{n} EUR"} if n < 40 else {} for n in range(1, 101)],
        [{"price": "on request"}] * 50,
        [{"price": "0"}] * 50,
    ],
    ids=["no product", "no price", "all alike", "mixed currencies", "rarely known", "no prices", "for nothing"],
)
def test_prices_that_say_nothing_are_not_offered(rows):
    facets = Facets(rows)
    assert "price" not in facets.words and facets.currency == "" and not facets.mask({"price": ["1.."]}).any()


@pytest.mark.parametrize("scale", [0.01, 1, 999, 1e6])
def test_bands_fit_any_prices(scale):
    rng = np.random.default_rng(3)
    facets = Facets([{"price": f"{amount:.2f}"} for amount in np.maximum(rng.lognormal(3, 1, 500) * scale, 0.01)])
    assert 2 <= len(facets.words["price"]) <= 5
    counts = facets.counts({})["price"]
    assert min(counts.values()) >= 20 and all(read_range(word) for word in counts)


def test_ranges_are_read():
    assert read_range("20..50") == (20, 50) and read_range("..9.99") == (0, 9.99) and read_range("5..") == (5, np.inf)
    for text in ("..", "", "20", "50..20", "20-50", "-1..5", "1e3..", "٣..", "nan..", "1..2..3", " 1..2", None, 5):
        assert read_range(text) is None


def test_a_filter_that_cannot_be_is_refused_with_a_sentence():
    facets = Facets(ROWS)
    facets.check({"price": ["20..50"], "kind": ["a", "c"]})
    with pytest.raises(CatalogueError, match=r"^There is no column color to filter by\. Choose among: kind, price\.$"):
        facets.check({"color": ["red"]})
    with pytest.raises(CatalogueError, match=r"^20-50 is no range of prices\. Write 20\.\.50, .*\.$"):
        facets.check({"price": ["..5", "20-50"]})
    with pytest.raises(CatalogueError, match=r"Choose among: none\.$"):
        Facets([]).check({"price": ["1..2"]})


def test_what_may_be_had_is_one_word_in_any_spelling():
    rows = [
        {"availability": "in_stock"},
        {"availability": "In Stock"},
        {},
        {"availability": "out_of_stock"},
        {"a": "b"},
    ]
    facets = Facets(rows)
    assert facets.counts({})["availability"] == {"in stock": 4, "out of stock": 1}
    assert facets.mask({"availability": ["in stock"]}).tolist() == [True, True, True, False, True]
