"""What clicks say, by hand: rates by rank, the mean reciprocal rank, and products that nobody clicks."""

import pytest

from lookalike.analysis.clicks import judge_clicks
from lookalike.errors import CatalogueError
from lookalike.search.clicks import Key


def line(event, product, rank, count, day="2026-11-30"):
    return day, Key(event, product, rank), count


def test_rates_ranks_and_products_that_nobody_clicks():
    found = judge_clicks(
        [
            line("shown", "a", 1, 60), line("shown", "b", 1, 40, "2026-11-01"), line("shown", "b", 2, 50),
            line("shown", "c", 2, 2), line("link", "a", 1, 9), line("similar", "a", 1, 1), line("kept", "a", 1, 4),
            line("liked", "c", 2, 1), line("link", "c", 0, 2),
        ]
    )  # fmt: skip
    assert (found.first_day, found.last_day) == ("2026-11-01", "2026-11-30")
    assert found.events == {"shown": 152, "link": 11, "similar": 1, "kept": 4, "liked": 1, "disliked": 0}
    first, second = found.ranks
    assert (first.rank, first.shown, first.clicked, first.rate) == (1, 100, 10, 0.1)
    # Wilson's interval for 10 of 100 and for 0 of 52.
    assert (round(first.low, 4), round(first.high, 4)) == (0.0552, 0.1744)
    assert (second.rate, second.low, round(second.high, 4)) == (0.0, 0.0, 0.0688)
    assert found.rate == 10 / 152 and found.reciprocal_rank == 1.0
    # b was shown 40 times at rank 1, where one in ten is clicked; c was clicked among the favorites.
    (never,) = found.never_clicked
    assert (never.product, never.shown, never.expected) == ("b", 90, 4.0)


def test_the_mean_reciprocal_rank_is_over_clicks():
    lines = [line("shown", "a", rank, 10) for rank in (1, 2, 4)] + [line("link", "a", 2, 3), line("link", "a", 4, 1)]
    assert judge_clicks(lines).reciprocal_rank == (3 / 2 + 1 / 4) / 4


def test_several_clicks_in_one_answer_are_no_rate_above_one():
    assert judge_clicks([line("shown", "a", 1, 1), line("link", "a", 1, 3)]).ranks[0].rate == 1.0


def test_without_anything_shown_a_sentence_says_so():
    with pytest.raises(CatalogueError, match=r"^Nothing was shown in these files.*\.$"):
        judge_clicks([line("link", "a", 0, 3)])
