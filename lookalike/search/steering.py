"""Steering: words that join a photo or a product. What they ask for is pulled in, the rest stays as it is."""

from collections.abc import Collection

import numpy as np

from lookalike.embedding.fashion import OTHER_WORDS, with_words
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN
from lookalike.search.lexicon import Understood, split_words
from lookalike.search.ranking_rule import RankingRule
from lookalike.search.recommender import Match, Ranking
from lookalike.search.word_candidates import CANDIDATES
from lookalike.search.word_ranking import Probabilities, WordRanking
from lookalike.types import Distances, Filters, Matrix, Rows, Vectors, Weights

# The space that words add: how well each product fits them and keeps the rest, as a vector of two numbers.
WORDS = "words"
# How much that space counts in either stage, and how much the columns that the words are not about count in it.
# Chosen on held-out products; see benchmarks/steering.py and LOG.md.
WORDS_WEIGHT, KEPT_WEIGHT = 0.6, 0.5
# Where no product keeps the rest, what is asked for still counts: nothing agrees less than this.
MIN_AGREEMENT = 0.05
KEPT = (TYPE_COLUMN, COLOR_COLUMN, GENDER_COLUMN)
# Stands between phrases, so that no two of them are read as one; it says nothing itself.
BETWEEN = "with"
# A color's own vector is the mean of those of so many products that it fits best.
COLOR_EXAMPLES = 50


def can_steer(ranking: Ranking) -> bool:
    """Return whether words can join a query: the index has the fashion space and ranks by it."""
    return "fashion" in ranking.rule.spaces


def steered_matches(
    ranking: Ranking,
    words: WordRanking,
    vectors: Vectors,
    understood: Understood,
    k: int = 5,
    rule: RankingRule | None = None,
    filters: Filters | None = None,
    excluded: Collection[int] = (),
) -> list[Match]:
    """Return the k matches of a query, space → (1, d), that words join, each with another picture.

    ranking must be one that can_steer; words is the WordRanking of its index. The rest is as in
    Ranking.distinct_matches. A match's distance counts the words, too. Where the vectors lie on a server, the matches
    are the best of words.candidates.
    """
    rule = rule or ranking.rule
    if understood.is_empty:
        return ranking.distinct_matches(vectors, k, rule, filters, excluded)
    if filters:
        _ = ranking.facets  # kept with this ranking, not with the one below
    steered = move_to_words(ranking, words, vectors, understood) | {WORDS: np.array([[1, 0]], np.float32)}
    if ranking.index.is_in_memory:
        joined = _with_words(ranking, words, vectors, understood, filters or {})
        return joined.distinct_matches(steered, k, _join(rule), filters, excluded)
    rows = words.candidates(understood, max(4 * k, CANDIDATES), excluded, filters, (steered, rule.weights))
    if not len(rows):
        return []
    joined = _with_words(ranking.among(rows), words.among(rows), vectors, understood, filters or {})

    def nearest(count: int) -> tuple[Rows, Distances]:
        places, distances = joined.nearest(steered, count, _join(rule))
        return rows[places[0]], distances[0]

    # Its products are what the whole catalogue calls them.
    return ranking.group_matches(nearest, k)


def move_to_words(ranking: Ranking, words: WordRanking, vectors: Vectors, understood: Understood) -> dict[str, Matrix]:
    """Return a query's vectors, space → float32 (1, d), in which what the words are about is what they say."""
    moved = dict(vectors)
    head = ranking.index.head
    for column, right in understood.words.items():
        moved["fashion"] = with_words(moved["fashion"], column, right)
        if head and "tuned" in moved:
            moved["tuned"] = head.with_words(moved["tuned"], column, right, OTHER_WORDS)
    if "color" in moved and COLOR_COLUMN in understood.words:
        color = Understood({COLOR_COLUMN: understood.words[COLOR_COLUMN]}, (), ())
        examples, fit = words.best(color, COLOR_EXAMPLES)
        if not len(examples):  # a server may find none
            return moved
        mean = fit[None] @ ranking.index.searcher().vectors(examples, ["color"])["color"]
        moved["color"] = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), np.float32(1e-12))
    return moved


def add_words(words: WordRanking, before: str, added: str, max_letters: int) -> str:
    """Return the words that join a query, and those added to them, as one text of at most max_letters.

    Of what was there before, that stays which was understood and speaks of other columns than what is added.
    """
    new = words.understand(added)
    phrases = [phrase for phrase in words.understand(before).known if phrase not in new.known]
    kept = [phrase for phrase in phrases if not new.words.keys() & words.understand(phrase).words.keys()]
    while len(text := f" {BETWEEN} ".join([*kept, added])) > max_letters and kept:
        del kept[0]
    return text[:max_letters]


def remove_words(words: WordRanking, text: str, phrase: str) -> str:
    """Return a text without a phrase that was understood of it; "" if nothing is understood of the rest."""
    tokens, removed = split_words(text), phrase.split()
    places = range(len(tokens) - len(removed) + 1)
    for place in reversed([place for place in places if tokens[place : place + len(removed)] == removed]):
        del tokens[place : place + len(removed)]
    left = " ".join(tokens)
    return "" if words.understand(left).is_empty else left


def _with_words(
    ranking: Ranking, words: WordRanking, vectors: Vectors, understood: Understood, filters: Filters
) -> Ranking:
    """Return a ranking in memory with the space of words."""
    fit = _fit_and_keep(words, vectors, understood, filters)
    plane = np.stack([fit, np.sqrt(np.maximum(1 - fit**2, 0))], axis=1)  # from (1, 0), d² = 2 − 2 fit
    return ranking.with_space(WORDS, plane.astype(np.float32))


def _fit_and_keep(words: WordRanking, vectors: Vectors, understood: Understood, filters: Filters) -> Probabilities:
    """Return how well each product fits the words, and keeps what neither they nor the filters are about: float32 (n,).

    Both count at once: words alone would pull in anything that they fit.
    """
    fit = words.fit(understood)
    for column in KEPT:
        if column not in understood.words and column not in filters:
            agreement = np.maximum(words.agreement(vectors, column), np.float32(MIN_AGREEMENT))
            fit *= agreement ** np.float32(KEPT_WEIGHT)
    return fit


def _join(rule: RankingRule) -> RankingRule:
    """Return a rule in which the words' space counts, too."""

    def join(weights: Weights) -> dict[str, float]:
        rest = (1 - WORDS_WEIGHT) / sum(weights.values())
        return {name: rest * weight for name, weight in weights.items()} | {WORDS: WORDS_WEIGHT}

    order = join(rule.order_weights) if rule.has_second_stage else {}
    return RankingRule(join(rule.weights), rule.block, order)
