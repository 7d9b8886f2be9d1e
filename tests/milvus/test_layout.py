"""How an index lies in Milvus, without a server."""

import numpy as np
import pytest

from lookalike.errors import IndexFileError
from lookalike.index.vector_search import InMemorySearcher
from lookalike.milvus.layout import MAX_COLUMNS, Layout, filter_columns, search_params

WIDTHS = {"look": 40, "fashion": 16, "color": 8}


def random_vectors(n, seed):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(n, width)).astype(np.float32) for name, width in WIDTHS.items()}


@pytest.mark.parametrize("weights", [{"look": 1.0}, {"fashion": 0.9, "look": 0.1}, {"color": 0.7, "fashion": 0.3}])
def test_the_inner_product_orders_as_the_distances_do_whatever_the_weights_and_lengths(weights):
    layout, products, queries = Layout(WIDTHS), random_vectors(300, 0), random_vectors(5, 1)
    products["look"][7] = 0
    scores = layout.pack_queries(queries, weights) @ layout.pack(products).T
    for place in range(5):
        query = {name: matrix[place : place + 1] for name, matrix in queries.items()}
        (rows,), _ = InMemorySearcher(products).nearest(query, weights, 300)
        np.testing.assert_array_equal(np.argsort(-scores[place], kind="stable"), rows)


def test_unpacking_gives_back_every_bit():
    layout, products = Layout(WIDTHS), random_vectors(20, 2)
    unpacked = layout.unpack(layout.pack(products))
    assert all((unpacked[name] == products[name]).all() and unpacked[name].flags.c_contiguous for name in WIDTHS)
    assert list(layout.unpack(layout.pack(products), ["color"])) == ["color"]


def test_more_numbers_than_milvus_holds_are_refused():
    with pytest.raises(IndexFileError, match="40,001 numbers in all; Milvus holds 32,768"):
        Layout({"look": 40_000}).numbers  # noqa: B018


def test_a_search_considers_more_products_than_it_returns():
    for kind in ("hnsw", "diskann"):
        assert next(iter(search_params(kind, 500)["params"].values())) >= 1000


def test_columns_to_filter_by_start_with_the_usual_ones_and_leave_out_names():
    many = [f"c{place}" for place in range(100)]
    columns = filter_columns(["id", "productDisplayName", *many, "gender"])
    assert columns[:2] == ("gender", "c0") and len(columns) == MAX_COLUMNS
