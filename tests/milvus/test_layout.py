"""How an index lies in Milvus, and how it is asked for there: what needs no server to be known."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from lookalike.errors import IndexFileError, ServerError
from lookalike.index.facets import Facets
from lookalike.index.reading import load_index
from lookalike.index.vector_search import ExactSearch, RowFilter
from lookalike.milvus import publishing
from lookalike.milvus.layout import MAX_COLUMNS, Layout, filter_columns, search_params
from lookalike.milvus.searching import expression, literal
from lookalike.milvus.server import Address, Milvus, is_address, parse_address

WIDTHS = {"look": 40, "fashion": 16, "color": 8}


def drawn(n, seed):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(n, width)).astype(np.float32) for name, width in WIDTHS.items()}


@pytest.mark.parametrize("weights", [{"look": 1.0}, {"fashion": 0.9, "look": 0.1}, {"color": 0.7, "fashion": 0.3}])
def test_the_inner_product_orders_as_the_distances_do_whatever_the_weights_and_lengths(weights):
    layout, products, asked = Layout(WIDTHS), drawn(300, 0), drawn(5, 1)
    products["look"][7] = 0
    scores = layout.queries(asked, weights) @ layout.packed(products).T
    for place in range(5):
        query = {name: matrix[place] for name, matrix in asked.items()}
        rows, _ = ExactSearch(products).nearest(query, weights, 300)
        np.testing.assert_array_equal(np.argsort(-scores[place], kind="stable"), rows)


def test_what_was_packed_comes_back_to_the_last_bit():
    layout, products = Layout(WIDTHS), drawn(20, 2)
    unpacked = layout.unpacked(layout.packed(products))
    assert all((unpacked[name] == products[name]).all() and unpacked[name].flags.c_contiguous for name in WIDTHS)
    assert list(layout.unpacked(layout.packed(products), ["color"])) == ["color"]


def test_more_numbers_than_milvus_holds_are_refused():
    with pytest.raises(IndexFileError, match="40,001 numbers in all; Milvus holds 32,768"):
        Layout({"look": 40_000}).numbers  # noqa: B018


def test_a_search_looks_at_more_than_it_gives():
    for kind in ("hnsw", "diskann"):
        assert next(iter(search_params(kind, 500)["params"].values())) >= 1000


def test_columns_to_filter_by_are_the_usual_ones_first_and_no_names():
    many = [f"c{place}" for place in range(100)]
    columns = filter_columns(["id", "productDisplayName", *many, "gender"])
    assert columns[:2] == ("gender", "c0") and len(columns) == MAX_COLUMNS


ROWS = [
    {"kind": 'a "b"'},
    {"kind": 'a "b"', "use": "x\\"},
    {"kind": "c\n", "use": "x\\"},
    {"kind": "c\n", "use": "y"},
] * 3


def test_an_expression_names_fields_by_their_place_and_quotes_every_word():
    facets = Facets(ROWS)

    def of(filters, excluded=()):
        return expression(RowFilter(12, facets, filters, excluded), ("use", "kind"))

    assert expression(None, ()) == "" and of({}, (5, 3)) == "row not in [3, 5]"
    assert of({"kind": ('a "b"', "no such")}) == r'word_1 in ["a \"b\""]'
    several = of({"use": ("x\\",), "kind": ("c\n",)}, (1,))
    assert several == r'word_0 in ["x\\"] and word_1 in ["c\n"] and row not in [1]'
    # Nothing that no product has is ever asked for.
    assert of({"kind": ('"] or row >= 0 //',)}) is None and of({"price": ("1",)}) is None and of({"kind": ()}) == ""


@pytest.mark.parametrize("word", ["\0", "\x1f", "\r\n", "\\u0041", '"', "\\", "😀", "日本", "' or 1 == 1"])
def test_a_literal_is_one_line_in_quotes_with_none_left_open(word):
    text = literal(word)
    assert text[0] == text[-1] == '"' and "\n" not in text and "\r" not in text and "\0" not in text
    assert text[1:-1].replace("\\\\", "").replace('\\"', "").count('"') == 0


@pytest.mark.parametrize(
    "text, expected",
    [
        ("milvus://db.shop:19531/fashion_2", Address("http://db.shop:19531", "fashion_2")),
        ("milvus://127.0.0.1/demo/", Address("http://127.0.0.1:19530", "demo")),
        ("milvus+tls://[::1]:443/_x", Address("https://[::1]:443", "_x")),
    ],
)
def test_an_address_names_a_server_and_an_index(text, expected):
    assert is_address(text) and parse_address(text) == expected
    assert not is_address("/srv/milvus") and not is_address("https://db.shop/fashion")


@pytest.mark.parametrize(
    "text",
    ["milvus://", "milvus://h", "milvus://h/", "milvus:///n", "milvus://h:x/n", "milvus://h:99999/n", "milvus://h/a/b",
     "milvus://h/1a", "milvus://h/a b", "milvus://h/" + "a" * 201, "milvus://u:p@h/n", "milvus://h/n?x=1", "folder"],
)  # fmt: skip
def test_what_is_no_address_is_told_how_one_is_written(text):
    with pytest.raises(IndexFileError, match="milvus://HOST:PORT/NAME"):
        parse_address(text)


def test_without_the_package_one_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(ServerError, match='pip install "pymilvus'):
        Milvus(parse_address("milvus://127.0.0.1/demo"))


def test_an_index_in_memory_says_the_same_of_itself(toy_index):
    index = load_index(toy_index)
    assert index.widths == {name: matrix.shape[1] for name, matrix in index.spaces.items()}
    assert index.sample(2) is index and index.row("3") == 2 and index.size > 0 and index.written_at > 1.6e9


def test_other_vectors_of_the_same_names_are_another_version(toy_index, monkeypatch):
    """A classic pair of pickles has no manifest whose digests would differ."""
    said = []
    monkeypatch.setattr(publishing, "publish", lambda blocks, publication, *_: said.append(publication.identity))
    index = replace(load_index(toy_index), manifest={})
    for look in (index.look, index.look, index.look[::-1].copy()):
        publishing.publish_index(replace(index, spaces={"look": look}), None)
    assert said[0] == said[1] != said[2]
