import time

import numpy as np
import pytest

from lookalike.index.attributes import read_styles
from lookalike.index.facets import Facets
from tests.support.data import data

ROWS = [
    {"baseColour": "Red", "gender": "Men"},
    {"baseColour": "Red", "gender": "Women"},
    {"baseColour": "Blue", "gender": "Women"},
    {"baseColour": "Blue", "gender": "Women"},
    {"gender": "Men"},
    {"baseColour": "Green", "gender": "Women"},
]


@pytest.fixture
def facets():
    return Facets(ROWS)


def test_familiar_columns_come_first_and_words_are_sorted_by_frequency(facets):
    assert list(facets.words) == ["gender", "baseColour"]
    assert facets.words == {"gender": ("Women", "Men"), "baseColour": ("Blue", "Red", "Green")}
    np.testing.assert_array_equal(facets.codes["baseColour"], [1, 1, 0, 0, -1, 2])
    assert facets.codes["baseColour"].dtype == np.int32


@pytest.mark.parametrize(
    "filters, expected",
    [
        ({}, [1, 1, 1, 1, 1, 1]),
        ({"gender": ("Men",)}, [1, 0, 0, 0, 1, 0]),
        ({"gender": ("Women",), "baseColour": ("Red", "Green")}, [0, 1, 0, 0, 0, 1]),
        ({"baseColour": ("Red", "Mauve")}, [1, 1, 0, 0, 0, 0]),
        ({"gender": ()}, [1, 1, 1, 1, 1, 1]),
        ({"gender": "Men"}, [1, 0, 0, 0, 1, 0]),
        ({"baseColour": ("Mauve",)}, [0] * 6),
        ({"nothing": ("Men",)}, [0] * 6),
        ({"gender": (None, 3, float("nan"), ["Men"])}, [0] * 6),
    ],
)
def test_a_product_matches_if_it_has_one_of_the_words_in_each_column(facets, filters, expected):
    mask = facets.mask(filters)
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, np.array(expected, bool))


def test_without_filters_every_word_is_counted(facets):
    assert facets.counts({}) == {"gender": {"Women": 4, "Men": 2}, "baseColour": {"Blue": 2, "Red": 2, "Green": 1}}


def test_each_column_is_counted_under_the_filters_of_the_others(facets):
    counts = facets.counts({"gender": ("Men",), "baseColour": ("Blue", "Red")})
    assert counts["gender"] == {"Women": 3, "Men": 1}  # of the blue and red ones
    assert counts["baseColour"] == {"Red": 1, "Blue": 0}  # of the men's; Blue stays because it is filtered by
    assert list(facets.counts({"gender": ("Women",)})["baseColour"]) == ["Blue", "Red", "Green"]


def test_a_filter_on_a_column_that_is_not_offered_leaves_nothing(facets):
    assert facets.counts({"nothing": ("x",)}) == {"gender": {}, "baseColour": {}}


def test_counts_agree_with_masks(facets):
    rng = np.random.default_rng(4)
    rows = [{"a": f"w{rng.integers(3)}", "b": f"v{rng.integers(4)}"} for _ in range(300)]
    facets = Facets(rows)
    chosen = {"a": ("w1",), "b": ("v0", "v2")}
    for column, counts in facets.counts(chosen).items():
        for word, count in counts.items():
            assert facets.mask({**chosen, column: (word,)}).sum() == count


def test_names_ids_and_rarely_known_columns_are_not_offered():
    rows = [
        {
            "productDisplayName": "Red shirt",
            "sku": f"{number}",
            "price": f"{number % 40}.5",
            "story": f"Ada likes this one because it has number {number % 3} on it",
            "fit": ("slim", "wide")[number % 2],
            "year": str(2010 + number % 12),
            "size": str(number % 5),
            "kind": "all the same",
            **({"rare": "ab"[number % 2]} if number < 10 else {}),
        }
        for number in range(200)
    ]
    # Prices are offered as ranges, whatever they are.
    assert list(Facets(rows).words) == ["year", "fit", "size", "price"]


def test_a_catalogue_without_attributes_has_no_facets():
    for rows in ([], [{}, {}]):
        facets = Facets(rows)
        assert facets.words == {} and facets.counts({"gender": ("Men",)}) == {}
        assert facets.mask({}).tolist() == [True] * len(rows)


def test_the_kaggle_catalogue_is_counted_in_a_few_milliseconds():
    rows = list(read_styles(data("fashion-product-images", "styles.csv")).values())
    facets = Facets(rows)
    assert list(facets.words) == [
        "gender", "articleType", "baseColour", "season", "usage", "masterCategory", "subCategory", "year",
    ]  # fmt: skip
    filters = {"gender": ("Women",), "articleType": ("Kurtas", "Dresses"), "baseColour": ("Red",)}
    seconds = min(_seconds(lambda: facets.counts(filters)) for _ in range(5))
    assert seconds < 0.05  # 0.5 ms on a free core
    assert sum(facets.counts({})["articleType"].values()) == len(rows)


def _seconds(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin
