"""Milvus finds the same products as a search in memory, with the same distances to the last bit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from lookalike.analysis.catalogue_map import place_products
from lookalike.analysis.overview import summarize_index
from lookalike.index.vector_search import RowFilter, join_spaces
from lookalike.milvus.layout import ROW
from lookalike.milvus.searching import filter_expression
from lookalike.search.closeness import Closeness, UnrelatedPhotoDetector, neighbor_distances
from lookalike.search.ranking_rule import RankingRule, default_rule
from lookalike.search.recommender import Ranking
from tests.scale.milvus_shops import HOSTILE, published, queries, random_index, single
from tests.support.grouped import first_of_each_group, ordered_by_brute_force, random_grouped_index

MEN = {"gender": ("Men",), "usage": HOSTILE[:20]}


@pytest.fixture(scope="module")
def plain(milvus):
    """An index without ties, in memory and in Milvus."""
    index = random_index()
    return Ranking(index), published(index, milvus, "plain")


@pytest.fixture(scope="module")
def tied(milvus):
    """An index with equal products, short vectors and one of zeros, in memory and in Milvus."""
    index = random_index(seed=2, plain=False)
    return Ranking(index), published(index, milvus, "tied")


@pytest.mark.parametrize("filters", [{}, MEN])
def test_200_queries_get_the_answers_of_scikit_learn(plain, filters):
    here, there = plain
    mask = np.flatnonzero(here.facets.mask(filters))
    weights = here.rule.weights
    fitted = NearestNeighbors(algorithm="brute", metric="euclidean").fit(join_spaces(here.index.spaces, weights)[mask])
    asked = queries(here.index, 200)
    expected, places = fitted.kneighbors(join_spaces(asked, weights), n_neighbors=10)
    rows, distances = there.nearest(asked, 10, weights, filters=filters)
    np.testing.assert_array_equal(rows, mask[places])
    np.testing.assert_allclose(distances, expected, atol=2e-7)


@pytest.mark.parametrize("balance", [None, 0.0, 0.25, 0.75, 1.0])
@pytest.mark.parametrize("filters, excluded", [({}, ()), (MEN, (3, 4, 5)), ({}, (0, 1, 2999))])
def test_every_ranking_equals_the_one_in_memory_to_the_last_bit(tied, balance, filters, excluded):
    here, there = tied
    rule = None if balance is None else here.balanced_rule(balance)
    asked = queries(here.index, 8)
    for place in range(8):
        expected = here.nearest(single(asked, place), 20, rule, filters, excluded)
        found = there.nearest(single(asked, place), 20, rule, filters, excluded)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("block", [3, 10])
@pytest.mark.parametrize("filters, excluded", [({}, ()), (MEN, (3, 4, 5))])
def test_two_stages_equal_those_in_memory_to_the_last_bit(tied, block, filters, excluded):
    here, there = tied
    first, *others = sorted(here.index.widths)
    rule = RankingRule({first: 1.0}, block, dict.fromkeys(others or [first], 1.0))
    asked = queries(here.index, 8)
    for place in range(8):
        expected = here.nearest(single(asked, place), 20, rule, filters, excluded)
        found = there.nearest(single(asked, place), 20, rule, filters, excluded)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


def test_matches_have_the_same_products_and_same_pictures(tied):
    here, there = tied
    for row in (0, 7, 10, 1234):
        mine, theirs = here.product_vectors(row), there.product_vectors(row)
        assert all((mine[name] == theirs[name]).all() for name in mine)
        assert there.distinct_matches(theirs, 5, excluded=[row]) == here.distinct_matches(mine, 5, excluded=[row])
        assert there.distinct_matches(theirs, 5, filters={"usage": ("no such word",)}) == []
    assert there.row("1234") == here.row("1234") == 1234 and there.row("nobody") is None


@pytest.mark.parametrize("block", [0, 7])
def test_products_with_several_pictures_and_variants_are_the_same_answers(milvus, block):
    index = random_grouped_index(400)
    here, there = Ranking(index), published(index, milvus, f"grouped_{block}")
    rule = RankingRule({"fashion": 0.7, "look": 0.3}, block, {"look": 0.5, "color": 0.5})
    mine, theirs = index.groups, there.index.groups
    np.testing.assert_array_equal(theirs.first, mine.first)
    np.testing.assert_array_equal(theirs.group, mine.group)
    assert there.facets.counts({}) == here.facets.counts({}) and there.index.product_count == 400
    asked = queries(index, 10)
    for place in range(10):
        query = single(asked, place)
        for filters, excluded in (({}, ()), ({"gender": ("Men",)}, index.group_rows([3]))):
            expected = here.distinct_matches(query, 12, rule, filters, excluded)
            assert there.distinct_matches(query, 12, rule, filters, excluded) == expected
            names = [match.product.name for match in expected]
            allowed = [row for row in range(len(index.names)) if row not in excluded]
            allowed = [row for row in allowed if not filters or index.attributes_of(row)["gender"] == "Men"]
            rows, _ = ordered_by_brute_force(index, query, rule, allowed)
            assert names == [index.names[row] for row in first_of_each_group(index, rows)[:12]]
    rows = np.arange(0, len(index.names), 50)
    for weights in (rule, {"look": 1.0}):
        expected = neighbor_distances(index, rows, weights)
        np.testing.assert_allclose(neighbor_distances(there.index, rows, weights), expected, atol=1e-5)


words = st.lists(st.sampled_from([*HOSTILE, "Men", "Women", "nobody's"]), max_size=4).map(tuple)


@settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    filters=st.dictionaries(st.sampled_from(["gender", "usage", 'what "it"\\ is', "none"]), words, max_size=3),
    excluded=st.lists(st.integers(0, 2999), max_size=3).map(tuple),
)
def test_an_expression_selects_exactly_the_products_of_the_mask(plain, filters, excluded):
    here, there = plain
    allowed = RowFilter(3000, here.facets, filters, excluded)
    selected = filter_expression(allowed, there.index.filters)
    assert (selected is None) == (not here.facets.mask(filters).any() and here.facets.offered(filters) is None)
    if selected is not None:
        server = there._searcher._milvus
        found = server.call("query", there.index.version, filter=selected, output_fields=[ROW], limit=3000)
        assert sorted(entity[ROW] for entity in found) == np.flatnonzero(allowed.mask()).tolist()


STOCK = [{"availability": word} for word in ("in stock", "in_stock", "In Stock", "out_of_stock", "Out of stock")] + [{}]


@pytest.fixture(scope="module")
def priced(milvus):
    """A shop with prices in euros, a few in dollars, on sale, unknown or no prices at all, in memory and in Milvus.

    What may be had is spelled in several ways.
    """
    rng = np.random.default_rng(5)
    attributes = {
        str(row): {"price": f"{rng.integers(1, 20000) / 100} EUR", "kind": "ab"[row % 2]} for row in range(500)
    }
    for row, own in enumerate(attributes.values()):
        own |= STOCK[row % len(STOCK)]
    attributes["3"], attributes["4"] = {"price": "19.99 USD"}, {"price": "from 20", "kind": "a"}
    attributes["5"], attributes["6"] = {"price": "90 EUR", "sale_price": "20 EUR"}, {"kind": "b"}
    index = replace(random_index(500, seed=3), attributes=attributes)
    return Ranking(index), published(index, milvus, "priced")


@pytest.mark.parametrize(
    "ranges", [["20..50"], ["..9.99", "150.."], ["20..20"], ["0..0"], ["100000.."], ["cheap"], ["cheap", "..5"]]
)
@pytest.mark.parametrize("kind", [(), ("a",)])
def test_ranges_of_prices_filter_as_in_memory(priced, ranges, kind):
    here, there = priced
    filters = {"price": tuple(ranges), "kind": kind}
    assert there.facets.words == here.facets.words and there.facets.currency == here.facets.currency == "EUR"
    assert there.facets.counts(filters) == here.facets.counts(filters)
    asked = queries(here.index, 3)
    for place in range(3):
        expected = here.nearest(single(asked, place), 20, filters=filters)
        found = there.nearest(single(asked, place), 20, filters=filters)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("word, count", [("in stock", 336), ("out of stock", 164)])
def test_what_may_be_had_is_filtered_in_every_spelling(priced, word, count):
    here, there = priced
    filters = {"availability": (word,), "price": ("..150",)}
    assert there.facets.counts({})["availability"][word] == count
    asked = single(queries(here.index, 1), 0)
    for k in (20, 400):
        expected, found = (one.nearest(asked, k, filters=filters) for one in (here, there))
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


def test_facets_attributes_and_the_overview_are_the_same(plain):
    here, there = plain
    assert there.facets.words == here.facets.words
    for column, codes in here.facets.codes.items():
        np.testing.assert_array_equal(there.facets.codes[column], codes)
    mine, theirs = here.index, there.index
    assert list(theirs.names) == list(mine.names) and dict(theirs.attributes) == mine.attributes
    assert [list(theirs.attributes_of(row)) for row in range(50)] == [list(mine.attributes_of(r)) for r in range(50)]
    assert summarize_index(theirs).columns == summarize_index(mine).columns and theirs.widths == mine.widths


def test_closeness_is_measured_alike(plain, toy):
    here, there = plain
    rows = np.arange(0, 3000, 50)
    for weights in (None, {"color": 0.7, "fashion": 0.3}):
        expected = neighbor_distances(here.index, rows, weights)
        np.testing.assert_allclose(neighbor_distances(there.index, rows, weights), expected, atol=1e-5)
    looks = queries(here.index, 5)["look"]
    mine, theirs = (UnrelatedPhotoDetector(shop.index, toy).distances(looks) for shop in plain)
    np.testing.assert_allclose(theirs, mine, atol=1e-5)


def test_the_nearest_other_picture_is_found_behind_any_number_of_equal_ones(milvus):
    index = random_index(120)
    for matrix in index.spaces.values():
        matrix[:50] = matrix[0]
    there = published(index, milvus, "copies")
    expected, found = (neighbor_distances(one, np.arange(120)) for one in (index, there.index))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(Closeness(there.index).distances, np.sort(expected), atol=1e-5)
    asked = there.product_vectors(0)
    same = there.distinct_matches(asked, 3)
    assert [match.product for match in same] == [match.product for match in Ranking(index).distinct_matches(asked, 3)]
    assert len(same[0].same) == 49


def test_a_sample_is_an_index_in_memory(plain):
    here, there = plain
    whole = there.index.sample(3000)
    assert all((whole.spaces[name] == here.index.spaces[name]).all() for name in whole.spaces)
    some = there.index.sample(100)
    assert len(some.names) == 100 and some.product(3).attributes == here.index.attributes[some.product(3).id]
    assert place_products(some).shape == (100, 2) and default_rule(some.spaces, 100) == default_rule(
        there.index.widths, 100
    )


@pytest.mark.parametrize("kind, min_recall", [("ivf", 0.8), ("hnsw", 0.9)])
def test_faster_search_indexes_find_nearly_all(milvus, plain, kind, min_recall):
    here, _ = plain
    there = published(here.index, milvus, f"faster_{kind}", search_index=kind)
    asked = queries(here.index, 50)
    expected, found = here.nearest(asked, 5)[0], there.nearest(asked, 5)[0]
    assert np.mean([len(set(a) & set(b)) / 5 for a, b in zip(expected, found)]) >= min_recall
    assert (there.facets.mask(MEN)[there.nearest(asked, 5, filters=MEN)[0]]).all()
