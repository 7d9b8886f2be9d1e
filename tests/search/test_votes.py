from pathlib import Path

import pytest

from lookalike.index.catalogue import Product
from lookalike.search.explain import votes


def products(*colors, **others):
    """Products with those base colours, None where it is unknown."""
    return [Product("1.jpg", Path("1.jpg"), {"baseColour": color} if color else {}) for color in colors]


def test_the_word_that_most_agree_on_with_its_share():
    found = votes(products("Black", "Black", "Blue", "Black"), [0, 0, 0, 0])
    assert found == [("baseColour", "Black", 0.75)]


def test_nearer_products_count_more():
    # Cosines 1, 0.5 and 0.5: one near against two far is a draw, and the nearer one's word stands.
    assert votes(products("Red", "Blue", "Blue"), [0, 1, 1]) == [("baseColour", "Red", 0.5)]
    # At √2 there is nothing in common, and beyond it a vote never counts against anything.
    assert votes(products("Red", "Blue", "Blue"), [0, 2**0.5, 2]) == [("baseColour", "Red", pytest.approx(1))]


def test_less_than_least_is_not_said():
    three = products("Red", "Blue", "Green")
    assert votes(three, [0, 0, 0]) == []
    assert votes(three, [0, 0, 0], least=0.3) == [("baseColour", "Red", pytest.approx(1 / 3))]


def test_unknown_words_have_no_vote_and_a_majority_of_them_says_nothing():
    assert votes(products("Red", "Red", None), [0, 0, 0]) == [("baseColour", "Red", 1)]
    assert votes(products("Red", None, None), [0, 0, 0]) == []


def test_columns_come_in_the_order_asked_for():
    shoe = Product("1.jpg", Path("1.jpg"), {"baseColour": "Black", "gender": "Men", "articleType": "Casual Shoes"})
    assert [word for _, word, _ in votes([shoe], [0.3])] == ["Casual Shoes", "Black", "Men"]
    assert votes([shoe], [0.3], columns=("gender",)) == [("gender", "Men", 1)]


def test_nobody_to_ask_says_nothing():
    assert votes([], []) == []
    assert votes(products("Red"), [2]) == []
    assert votes(products("Red"), [float("nan")]) == []
