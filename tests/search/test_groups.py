"""One answer a product: found by whichever picture fits best, its variants with it, exactly as brute force says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lookalike.analysis.audit import find_duplicates, nearest_products
from lookalike.analysis.evaluation import leave_one_out
from lookalike.analysis.metrics import nearest_others
from lookalike.analysis.overview import summarize_index
from lookalike.cli.output import as_dicts
from lookalike.index.reading import Index
from lookalike.search.assessment import VOTERS
from lookalike.search.closeness import neighbor_distances
from lookalike.search.plain_ranking import PlainRecommender
from lookalike.search.ranking_rule import RankingRule
from lookalike.search.recommender import Ranking
from lookalike.search.word_ranking import WordRanking
from lookalike.search.word_search import WordSearch, find_groups
from lookalike.tuning.tune import _tuned_without
from tests.support.grouped import first_of_each_group, group_names, ordered_by_brute_force, random_grouped_index

ONE_STAGE = RankingRule({"fashion": 0.7, "look": 0.3})
TWO_STAGES = RankingRule({"fashion": 0.9, "look": 0.1}, 7, {"look": 0.6, "color": 0.4})


def queries(index, count, seed=1):
    rng = np.random.default_rng(seed)
    for row in rng.integers(0, len(index.names), count):
        vectors = {s: m[row : row + 1] + 0.2 * rng.normal(size=(1, m.shape[1])) for s, m in index.spaces.items()}
        yield {s: (v / np.linalg.norm(v)).astype(np.float32) for s, v in vectors.items()}


@pytest.mark.parametrize("rule", [ONE_STAGE, TWO_STAGES], ids=["one stage", "two stages"])
@pytest.mark.parametrize("filters", [{}, {"gender": ("Men",)}], ids=["all", "filtered"])
@pytest.mark.parametrize("seed", range(3))
def test_answers_are_those_of_brute_force_over_all_pictures(rule, filters, seed):
    index = random_grouped_index(seed=seed)
    ranking, groups = Ranking(index, rule), group_names(index)
    excluded = index.group_rows([3, 50])
    allowed = [
        row
        for row in range(len(index.names))
        if groups[row] not in (groups[3], groups[50])
        and (not filters or index.attributes_of(row)["gender"] in filters["gender"])
    ]
    for query in queries(index, 12, seed):
        rows, distances = ordered_by_brute_force(index, query, rule, allowed)
        expected = first_of_each_group(index, rows)
        for k in (1, 5, 40, 10_000):
            matches = ranking.distinct_matches(query, k, filters=filters, excluded=excluded)
            assert [match.product.name for match in matches] == [index.names[row] for row in expected[:k]]
            np.testing.assert_allclose([m.distance for m in matches], distances[expected[:k]], rtol=1e-9)
            assert [match.rank for match in matches] == list(range(1, len(matches) + 1))
            assert all(not match.same for match in matches)
        found, measured = ranking.nearest_groups(query, VOTERS, excluded=excluded)
        rows, distances = ordered_by_brute_force(
            index, query, rule, [row for row in range(len(groups)) if groups[row] not in (groups[3], groups[50])]
        )
        assert found.tolist() == first_of_each_group(index, rows)[:VOTERS]
        np.testing.assert_allclose(measured, distances[found], rtol=1e-9)


def test_a_match_shows_its_picture_and_names_its_product_and_its_variants():
    index = random_grouped_index()
    groups = group_names(index)
    ranking = Ranking(index, ONE_STAGE)
    for query in queries(index, 30):
        for match in ranking.distinct_matches(query, 5):
            row, identity = index.names.index(match.product.name), match.product.identity
            assert "~" not in identity and Path(match.product.name).stem.partition("~")[0] == identity
            assert index.picture_row(match.product) == row
            of_group = {
                Path(index.names[one]).stem.partition("~")[0] for one, own in enumerate(groups) if own == groups[row]
            }
            assert {one.identity for one in match.variants} == of_group - {identity}
            assert all(not one.first and one.identity == one.id for one in match.variants)
            told = as_dicts([match])[0]
            assert told.get("product", identity) == identity
            assert set(told.get("variants", ())) == {one.identity for one in match.variants}


def test_the_plain_ranking_answers_with_products_too(toy):
    index = random_grouped_index(80)
    plain = PlainRecommender(index, toy)
    for query in queries(index, 10):
        rows, _ = ordered_by_brute_force(index, query, RankingRule({"look": 1.0}), range(len(index.names)))
        expected = [index.names[row] for row in first_of_each_group(index, rows)[:5]]
        assert [match.product.name for match in plain.distinct_matches(query, 5)] == expected


def test_without_groups_answers_are_what_they_were():
    grouped = random_grouped_index()
    names = tuple(name.replace("~", "-") for name in grouped.names)
    attributes = {Path(name).stem: {"gender": "Men"} for name in names}
    index = replace(grouped, names=names, attributes=attributes)
    assert index.groups is None
    for rule in (ONE_STAGE, TWO_STAGES):
        ranking = Ranking(index, rule)
        for query in queries(index, 10):
            rows, distances = ranking.nearest(query, 12)
            matches = ranking.distinct_matches(query, 12)
            assert [match.product.name for match in matches] == [names[row] for row in rows[0]]
            assert [match.distance for match in matches] == distances[0].tolist()
            assert all(match.variants == () and set(as_dicts([match])[0]) == {"rank", "distance", "path", "attributes"}
                       for match in matches)  # fmt: skip


def test_another_product_with_the_same_picture_comes_with_it_once():
    look = np.eye(6, dtype=np.float32)
    look[4] = look[0]  # B's second picture is A's first
    names = ("A.jpg", "A~2.jpg", "B.jpg", "C.jpg", "B~2.jpg", "D.jpg")
    index = Index(Path("."), names, {"look": look}, {}, {})
    query = {"look": (look[[0]] + 0.1 * look[[3]]) / np.float32(1.01**0.5)}
    matches = Ranking(index).distinct_matches(query, 5)
    assert [match.product.id for match in matches] == ["A", "C", "D"]
    assert [(one.id, one.name) for one in matches[0].same] == [("B", "B~2.jpg")]


@pytest.mark.parametrize("rule", [ONE_STAGE, TWO_STAGES, RankingRule({"look": 1.0})], ids=["one", "two", "look"])
def test_the_nearest_neighbor_of_a_product_is_another_one(rule):
    index = random_grouped_index(120)
    groups, rows = group_names(index), np.arange(0, len(index.names), 7)
    expected = []
    for row in rows:
        query = {space: matrix[row : row + 1] for space, matrix in index.spaces.items()}
        others = [one for one in range(len(groups)) if groups[one] != groups[row]]
        ordered, distances = ordered_by_brute_force(index, query, rule, others)
        expected.append(distances[ordered[0]])
    np.testing.assert_allclose(neighbor_distances(index, rows, rule), expected, atol=1e-5)


def test_evaluation_asks_each_product_once_and_counts_no_variant_of_it():
    index = random_grouped_index(120)
    groups = group_names(index)
    asked = leave_one_out(index, index.attributes)
    assert sorted(Path(index.names[row]).stem for row in asked.rows) == sorted(index.attributes)
    vectors = {space: matrix[asked.rows] for space, matrix in asked.vectors.items()}
    found = nearest_others(Ranking(index, ONE_STAGE), vectors, asked.keys, asked.product_keys)
    for row, others in zip(asked.rows, found):
        query = {space: matrix[row : row + 1] for space, matrix in index.spaces.items()}
        allowed = [one for one in range(len(groups)) if groups[one] != groups[row]]
        ordered, _ = ordered_by_brute_force(index, query, ONE_STAGE, allowed)
        assert others.tolist() == first_of_each_group(index, ordered)[:5]


def test_what_is_held_out_of_learning_takes_its_pictures_and_variants_along(monkeypatch):
    index = random_grouped_index(60)
    attributes = [index.attributes_of(row) for row in range(len(index.names))]
    seen = []

    def stop(index, visible, composites):
        seen.extend(visible)
        raise KeyboardInterrupt

    monkeypatch.setattr("lookalike.tuning.tune.fit_with_composites", stop)
    with pytest.raises(KeyboardInterrupt):
        _tuned_without(index, attributes, np.array([4]), ({}, np.empty(0, int)))
    groups = group_names(index)
    assert [not own for own in seen] == [group == groups[4] for group in groups]


def test_the_audit_finds_nothing_among_pictures_of_one_product_and_its_variants():
    look = np.eye(8, dtype=np.float32)
    look[1] = look[2] = look[0]  # A's second picture and its variant V look the same
    look[5] = look[6] = look[4]  # C, its second picture, and D
    names = ("A.jpg", "A~2.jpg", "V.jpg", "B.jpg", "C.jpg", "C~2.jpg", "D.jpg", "E.jpg")
    attributes = {"A": {"item_group_id": "1"}, "V": {"item_group_id": "1"}}
    index = Index(Path("."), names, {"look": look}, attributes, {})
    assert [[one.name for one in group.products] for group in find_duplicates(index)] == [["C.jpg", "D.jpg"]]
    nearest = nearest_products(index, 4)
    groups = index.groups.group
    assert nearest.shape == (8, 4) and (groups[nearest] != groups[:, None]).all()
    found = summarize_index(index)
    assert (found.products, found.described, found.without_image) == (6, 2, 0)


def test_words_find_a_product_once():
    names = ("A.jpg", "A~2.jpg", "B.jpg", "C.jpg")
    attributes = {
        "A": {"productDisplayName": "Red dress", "item_group_id": "1"},
        "B": {"productDisplayName": "Red dress", "item_group_id": "1"},
        "C": {"productDisplayName": "Red dress"},
    }
    index = Index(Path("."), names, {"look": np.eye(4, dtype=np.float32)}, attributes, {})
    search = WordSearch.of_catalogue(index)
    assert find_groups(search, index, "red dress") == [0, 3] and find_groups(search, index, "B") == [2]
    assert find_groups(search, index, "red dress", 1) == [0]
    found = WordRanking(index, search).find("dress", 5)
    assert [match.product.id for match in found.matches][:2] == ["A", "C"] and len(found.matches) == 2
    assert WordRanking(index, search).rank_groups("dress", 5, excluded=[2])[0] == [3]
