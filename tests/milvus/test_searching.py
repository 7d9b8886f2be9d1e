"""The searcher over a stand-in for the server, and the expressions that select products."""

import numpy as np
import pytest

from lookalike.index.facets import Facets
from lookalike.index.vector_search import InMemorySearcher, RowFilter
from lookalike.milvus.layout import VECTOR, Layout
from lookalike.milvus.searching import MilvusSearcher, filter_expression, quote

ROWS = [
    {"kind": 'a "b"'},
    {"kind": 'a "b"', "use": "x\\"},
    {"kind": "c\n", "use": "x\\"},
    {"kind": "c\n", "use": "y"},
] * 3


def test_an_expression_names_fields_by_their_place_and_quotes_every_word():
    facets = Facets(ROWS)

    def expression(filters, excluded=()):
        return filter_expression(RowFilter(12, facets, filters, excluded), ("use", "kind"))

    assert filter_expression(None, ()) == "" and expression({}, (5, 3)) == "row not in [3, 5]"
    assert expression({"kind": ('a "b"', "no such")}) == r'word_1 in ["a \"b\""]'
    several = expression({"use": ("x\\",), "kind": ("c\n",)}, (1,))
    assert several == r'word_0 in ["x\\"] and word_1 in ["c\n"] and row not in [1]'


def test_ranges_of_prices_become_comparisons():
    facets = Facets([{"price": f"{amount}.50 EUR", "kind": "a" if amount % 2 else "b"} for amount in range(1, 41)])

    def expression(**filters):
        return filter_expression(RowFilter(40, facets, filters, ()), ("kind",))

    assert expression(price=["20..29.99"]) == "((amount >= 20.0 and amount <= 29.99))"
    both = expression(price=["..5", "30.."], kind=["a"])
    assert both == '((amount >= 0.0 and amount <= 5.0) or (amount >= 30.0)) and word_0 in ["a"]'
    assert (
        expression(price=["cheap", "1..2 or 1 == 1"]) is None and expression(price=["x", "5.."]) == "((amount >= 5.0))"
    )


def test_what_may_be_had_is_asked_for_in_the_tables_own_spellings():
    words = ("In Stock", "out_of_stock", "in_stock", "sold out")
    facets = Facets.packed(9, {"availability": (words, np.array([0, 0, 1, 2, 1, 1, -1, 3, 3], np.int32))})
    assert facets.counts({})["availability"] == {"in stock": 4, "out of stock": 3, "sold out": 2}

    def expression(*asked):
        return filter_expression(RowFilter(9, facets, {"availability": asked}, ()), ("availability",))

    assert expression("in stock") == 'word_0 in ["In Stock", "in_stock", ""]'
    assert expression("out of stock", "sold out") == 'word_0 in ["out_of_stock", "sold out"]'
    assert expression("In Stock") is None


def test_words_that_no_product_has_never_reach_an_expression():
    allowed = [
        RowFilter(12, Facets(ROWS), filters, ()) for filters in ({"kind": ('"] or row >= 0 //',)}, {"price": ("1",)})
    ]
    assert [filter_expression(one, ("use", "kind")) for one in allowed] == [None, None]
    assert filter_expression(RowFilter(12, Facets(ROWS), {"kind": ()}, ()), ("use", "kind")) == ""


@pytest.mark.parametrize("word", ["\0", "\x1f", "\r\n", "\\u0041", '"', "\\", "😀", "日本", "' or 1 == 1"])
def test_a_quoted_word_is_one_line_and_leaves_no_quote_open(word):
    text = quote(word)
    assert text[0] == text[-1] == '"' and "\n" not in text and "\r" not in text and "\0" not in text
    assert text[1:-1].replace("\\\\", "").replace('\\"', "").count('"') == 0


WIDTHS = {"look": 12, "color": 5}
WEIGHTS = {"look": 0.7, "color": 0.3}


class Server:
    """Answers queries and searches over packed vectors, by inner product, as Milvus does."""

    def __init__(self, vectors):
        self.entities = [{"row": row, VECTOR: vector} for row, vector in enumerate(vectors)]

    def call(self, method, collection, filter, output_fields, limit, data=(), **options):
        chosen = [entity for entity in self.entities if not filter or eval(filter, {}, entity)]
        if method == "query":
            return chosen[:limit]
        return [self._nearest(query, chosen)[:limit] for query in data]

    def _nearest(self, query, chosen):
        hits = [{"distance": float(query @ entity[VECTOR]), "entity": entity} for entity in chosen]
        return sorted(hits, key=lambda hit: -hit["distance"])


@pytest.fixture
def searchers():
    """The searchers in memory and in Milvus over 200 products; 40 of them show the picture of product 0."""
    rng = np.random.default_rng(0)
    spaces = {name: rng.normal(size=(200, width)).astype(np.float32) for name, width in WIDTHS.items()}
    for name, matrix in spaces.items():
        matrix[:40] = matrix[0]
        spaces[name] = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    layout = Layout(WIDTHS)
    return InMemorySearcher(spaces), MilvusSearcher(Server(layout.pack(spaces)), "v", layout, (), "flat")


@pytest.mark.parametrize("allowed", [None, RowFilter(200, None, {}, (0, 5, 190))])
def test_candidates_from_the_server_give_the_same_answers_as_a_search_in_memory(searchers, allowed):
    here, there = searchers
    for row in (0, 3, 77, 199):
        query = here.vectors([row])
        expected, found = here.nearest(query, WEIGHTS, 9, allowed), there.nearest(query, WEIGHTS, 9, allowed)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("limits", [None, {"look": 0.01, "color": 0.01}])
def test_distances_to_the_nearest_other_picture_are_the_same_as_in_memory(searchers, limits):
    here, there = searchers
    rows = np.arange(0, 200, 3)
    expected = here.nearest_distances(here.vectors(rows), WEIGHTS, limits, rows)
    found = there.nearest_distances(there.vectors(rows), WEIGHTS, limits, rows)
    np.testing.assert_allclose(found, expected, atol=2e-3 if limits is None else 1e-5)
