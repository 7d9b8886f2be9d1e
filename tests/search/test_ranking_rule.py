"""Rankings in two stages, their weights and their balance, by hand and against a search without any shortcut."""

from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import LookalikeError
from lookalike.index.reading import Index
from lookalike.index.vector_search import measure_distances
from lookalike.search.closeness import neighbor_distances
from lookalike.search.ranking_rule import (
    DEFAULT_RULES,
    SAME_COLOR,
    SAME_LOOK,
    RankingRule,
    balanced,
    balanced_rule,
    default_rule,
    usable_rule,
)
from lookalike.search.recommender import Ranking

RULE = RankingRule({"fashion": 0.9, "look": 0.1}, 4, {"look": 0.6, "color": 0.4})


def random_index(n=300, seed=5):
    rng = np.random.default_rng(seed)
    spaces = {
        name: rng.normal(size=(n, d)).astype(np.float32) for name, d in (("look", 24), ("fashion", 8), ("color", 5))
    }
    spaces = {name: m / np.linalg.norm(m, axis=1, keepdims=True) for name, m in spaces.items()}
    return Index(Path("."), tuple(f"{row}.jpg" for row in range(n)), spaces, {}, {})


def in_two_stages(index, query, rule, k):
    """Return what Ranking.nearest should, by sorting everything."""
    one = {name: vectors[0] for name, vectors in query.items()}
    first = measure_distances(one, index.spaces, rule.weights).argsort(kind="stable")
    apart = measure_distances(one, index.spaces, rule.order_weights)
    blocks = [first[start : start + rule.block] for start in range(0, len(first), rule.block)]
    rows = np.concatenate([block[np.lexsort((block, apart[block]))] for block in blocks])[:k]
    return rows, apart[rows]


def test_the_default_rule_is_the_first_whose_spaces_there_are():
    assert default_rule({"look": 0}, 9).weights == {"look": 1.0}
    assert default_rule({"look": 0, "fashion": 0}, 550) == DEFAULT_RULES[1]
    assert default_rule({"look": 0, "fashion": 0, "color": 0, "detail": 0}, 550) == DEFAULT_RULES[1]
    assert default_rule({"look": 0, "fashion": 0, "color": 0, "detail": 0, "tuned": 0}, 4000) == DEFAULT_RULES[0]
    assert all(rule.spaces for rule in DEFAULT_RULES)


def test_a_head_counts_by_how_many_products_taught_it():
    spaces = ("look", "fashion", "color", "detail", "tuned")
    few, half, many = (default_rule(spaces, products) for products in (100, 1000, 50_000))
    assert many == DEFAULT_RULES[0]
    assert few.weights["tuned"] == pytest.approx(0.6 / 20) and few.order_weights["look"] > 0.5 and few.block == 10
    for weights in (half.weights, half.order_weights):
        assert sum(weights.values()) == pytest.approx(1)
    assert half.order_weights == pytest.approx({"tuned": 0.25, "look": 0.425, "color": 0.2, "detail": 0.125})
    assert half.block == 25


def test_a_block_is_a_small_part_of_a_small_catalogue():
    blocks = [default_rule(("look", "fashion", "color"), products).block for products in (1, 250, 450, 549, 50_000)]
    assert blocks == [10, 10, 30, 39, 40]
    assert default_rule(("look",), 10).block == 0


@pytest.mark.parametrize("k", [1, 3, 4, 5, 11, 300])
def test_blocks_of_the_first_stage_are_put_in_order_by_the_second(k):
    index = random_index()
    ranking = Ranking(index, RULE)
    query = {name: matrix[7:8] for name, matrix in random_index(seed=6).spaces.items()}
    rows, distances = ranking.nearest(query, k)
    expected = in_two_stages(index, query, RULE, k)
    np.testing.assert_array_equal(rows[0], expected[0])
    np.testing.assert_allclose(distances[0], expected[1], atol=1e-6)


def test_more_matches_begin_with_the_same_ones():
    ranking = Ranking(random_index(), RULE)
    query = ranking.product_vectors(3)
    longer = ranking.nearest(query, 30, excluded=[3])[0][0].tolist()
    assert all(ranking.nearest(query, k, excluded=[3])[0][0].tolist() == longer[:k] for k in range(1, 30))


def test_many_queries_get_the_answers_of_each_alone():
    ranking = Ranking(random_index(), RULE)
    queries = random_index(seed=8).spaces
    rows, distances = ranking.nearest(queries, 9)
    for place in range(0, 300, 50):
        alone = ranking.nearest({name: matrix[place : place + 1] for name, matrix in queries.items()}, 9)
        np.testing.assert_array_equal(rows[place], alone[0][0])
        np.testing.assert_allclose(distances[place], alone[1][0], atol=1e-6)


def test_fewer_products_than_a_block_are_put_in_order_too():
    index = random_index(3)
    rows, _ = Ranking(index, RULE).nearest({name: matrix[:1] for name, matrix in index.spaces.items()}, 5)
    assert sorted(rows[0]) == [0, 1, 2] and rows[0][0] == 0


def test_a_products_nearest_neighbor_is_the_first_in_the_order_of_the_second_stage():
    index = random_index()
    found = neighbor_distances(index, np.arange(20), RULE)
    for row in range(20):
        query = {name: matrix[row : row + 1] for name, matrix in index.spaces.items()}
        expected = Ranking(index, RULE).nearest(query, 1, excluded=[row])[1][0][0]
        assert found[row] == pytest.approx(expected, abs=1e-6)


def test_copies_of_a_products_picture_are_no_neighbors():
    index = random_index(60)
    spaces = {name: matrix.copy() for name, matrix in index.spaces.items()}
    for matrix in spaces.values():
        matrix[1:30] = matrix[0]
    index = Index(Path("."), index.names, spaces, {}, {})
    found = neighbor_distances(index, np.array([0]), RULE)
    query = {name: matrix[:1] for name, matrix in spaces.items()}
    rows, distances = Ranking(index, RULE).nearest(query, 60, excluded=[0])
    assert found[0] == pytest.approx(distances[0][(rows[0] >= 30).argmax()], abs=1e-6)
    alone = Index(Path("."), index.names[:30], {name: m[:30] for name, m in spaces.items()}, {}, {})
    assert neighbor_distances(alone, np.array([0]), RULE)[0] == np.inf


def test_the_balance_goes_from_the_same_look_to_the_same_color():
    weights = {"tuned": 0.5, "fashion": 0.45, "look": 0.05}
    assert balanced(weights, 0.5) == weights
    assert {name: w for name, w in balanced(weights, 0).items() if w} == SAME_LOOK
    assert {name: w for name, w in balanced(weights, 1).items() if w} == SAME_COLOR
    assert sum(balanced(weights, 0.8).values()) == pytest.approx(1)
    assert balanced(weights, 0.75)["color"] == pytest.approx(0.35)
    both = balanced_rule(RULE, 1)
    assert both.block == RULE.block and both.spaces == set(SAME_COLOR)
    assert balanced_rule(RankingRule(weights), 0.5) == RankingRule(weights)


def test_weights_that_rank_nothing_are_refused_in_a_sentence():
    widths = {"look": 2, "color": 2}
    assert usable_rule({"look": 2.0, "detail": 1.0}, widths) == RankingRule({"look": 1.0})
    assert not usable_rule(RankingRule({"look": 1.0}, 5, {"detail": 1.0}), widths).has_second_stage
    for weights in ({"detail": 1.0}, {"look": 0.0}, {"look": -1.0, "color": 2.0}, {"look": float("nan")}):
        with pytest.raises(LookalikeError, match="one of them above 0"):
            usable_rule(weights, widths)


def test_a_rule_reads_as_a_sentence():
    assert str(RULE) == "0.9 fashion + 0.1 look, then each 4 by 0.6 look + 0.4 color"
    assert str(RankingRule({"look": 1.0})) == "1 look"
