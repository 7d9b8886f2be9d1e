"""Precision at 5 against the products' attributes, for each space, with its 95 % bootstrap interval."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import CatalogueError
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN
from lookalike.index.catalogue import product_id
from lookalike.index.product_groups import find_attributes
from lookalike.index.reading import Index
from lookalike.search.ranking_rule import RankingRule, default_rule, usable_rule
from lookalike.search.recommender import Ranking
from lookalike.types import Attributes, Progress, Rows, Vectors, no_progress

Label: TypeAlias = tuple[str, ...]
"""The words of one product in the columns that are scored together."""

AttributesById: TypeAlias = Mapping[str, Attributes]

Keys: TypeAlias = NDArray[np.int_]

Precisions: TypeAlias = NDArray[np.float64]

Forget: TypeAlias = Callable[[Rows], Index]
"""Gives the index with a head that has not learned the words of the products in those rows."""

Part: TypeAlias = tuple[Index, Rows]
"""An index, and the places of the queries that are asked of it."""

K = 5
DEFAULT = "default"
# What labeled photos are scored by, and pictures of a product that another picture in the index shows.
TYPE, COLOR, BOTH, SAME_PRODUCT = "type", "color", "type and color", "same product"
PRODUCT_COLUMN = "product"
# What is scored, by the columns of the table of attributes that must all agree.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    **{name: (name,) for name in (TYPE_COLUMN, COLOR_COLUMN, GENDER_COLUMN, "subCategory")},
    "together": (TYPE_COLUMN, COLOR_COLUMN, GENDER_COLUMN),
    "class": (TYPE_COLUMN,),
    TYPE: (TYPE_COLUMN,),
    COLOR: (COLOR_COLUMN,),
    BOTH: (TYPE_COLUMN, COLOR_COLUMN),
    SAME_PRODUCT: (PRODUCT_COLUMN,),
}
# What products are scored by that ask by their own words.
OWN_WORDS = (TYPE_COLUMN, COLOR_COLUMN, GENDER_COLUMN, "subCategory", "together")
QUERIES_PER_CHUNK = 512
BOOTSTRAP_ROUNDS, SEED = 1000, 0
# Results requested beyond k at first: few files have more copies than this.
EXTRA_RESULTS = 5
# At most this share of the products that a head learned from is kept from it at a time.
MAX_FORGOTTEN = 0.2
# Stands in place of a row where there is no product.
NO_PRODUCT = -1


@dataclass(frozen=True)
class Figure:
    """A mean precision (0 to 1), its 95 % interval, and the number of queries it was taken over."""

    precision: float
    low: float
    high: float
    queries: int


@dataclass(frozen=True)
class Queries:
    """m queries whose vectors are the rows (m,) of vectors, float32 (·, d) by space.

    Attributes:
        right: for each query, the set of labels that are right, by what is scored.
        keys, product_keys: int (m, j) and (n, j), equal in a column if a product is the query itself or its copy.
        groups: the m queries' classes, or None.
        notes: sentences to show.
        paths: the m queries' files.
        boxes: what part of its picture each query is about, in fractions, None for all of it; () for all of all.
    """

    vectors: Vectors
    rows: Rows
    right: tuple[Mapping[str, set[Label]], ...]
    keys: Keys
    product_keys: Keys
    groups: tuple[str | None, ...] | None = None
    notes: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    boxes: tuple[tuple[float, float, float, float] | None, ...] = ()


def joint_label(attributes: Attributes, columns: Iterable[str]) -> Label | None:
    """Return the words in those columns as a tuple, or None if one is unknown."""
    words = tuple(attributes.get(column, "") for column in columns)
    return words if all(words) else None


def number_distinct(values: Iterable[Hashable]) -> Keys:
    """Return one integer per value, equal for equal values: int (n,)."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(value, len(numbers)) for value in values])


def evaluate(
    index: Index,
    attributes: AttributesById,
    queries: Queries,
    names: Sequence[str] = (),
    progress: Progress = no_progress,
    forget: Forget | None = None,
) -> dict[str, dict[str, Figure]]:
    """Return Figures by space, with the default ranking as one more, then by what is scored.

    attributes are those of each product by id; names select some of the spaces. With forget, no head is asked about
    a product whose words it has learned. Raises CatalogueError if the index lacks a named space, or if nothing can be
    scored.
    """
    rules = {name: RankingRule({name: 1.0}) for name in index.spaces if name in queries.vectors}
    rules[DEFAULT] = usable_rule(default_rule(index.spaces, len(index.names)), index.widths)
    unknown = [name for name in names if name not in rules]
    if unknown:
        raise CatalogueError(f"The index has no space {unknown[0]}. Choose among: {', '.join(rules)}.")
    labels = _product_labels(index, attributes, queries)
    figures: dict[str, dict[str, Figure]] = {}
    whole: list[Part] = [(index, np.arange(len(queries.rows)))]
    asks_head = any("tuned" in rules[name].spaces for name in names or rules)
    untaught = _untaught_parts(index, queries, forget) if index.head and forget and asks_head else whole
    for name in names or rules:
        # The default is often one space alone: do not search twice.
        same = next((done for done in figures if rules[done] == rules[name]), None)
        if same is None:
            parts = untaught if "tuned" in rules[name].spaces else whole
            figures[name] = _score(_search(parts, rules[name], queries, name, progress), queries, labels)
        else:
            figures[name] = figures[same]
    return figures


def default_matches(
    index: Index, attributes: AttributesById, queries: Queries, forget: Forget | None = None
) -> tuple[Rows, str, list[Label | None]]:
    """Return the rows (m, K) that the default ranking finds, the strictest of what is scored, and the labels by it.

    There is one label for each product. Raises CatalogueError if nothing can be scored.
    """
    labels = _product_labels(index, attributes, queries)
    rule = usable_rule(default_rule(index.spaces, len(index.names)), index.widths)
    parts: list[Part] = [(index, np.arange(len(queries.rows)))]
    if index.head and forget and "tuned" in rule.spaces:
        parts = _untaught_parts(index, queries, forget)
    scored = max(labels, key=lambda name: len(COLUMNS[name]))
    return _search(parts, rule, queries, DEFAULT, no_progress), scored, labels[scored]


def _product_labels(index: Index, attributes: AttributesById, queries: Queries) -> dict[str, list[Label | None]]:
    """Return each product's label, by what is scored, leaving out what no query or no product has."""
    known = [find_attributes(attributes, product_id(name)) for name in index.names]
    asked = {scored: columns for scored, columns in COLUMNS.items() if any(scored in right for right in queries.right)}
    labels = {scored: [joint_label(own, columns) for own in known] for scored, columns in asked.items()}
    labels = {scored: words for scored, words in labels.items() if any(words)}
    if not labels:
        raise CatalogueError(
            f"None of the {len(known)} products of the index has an attribute that the queries can be scored by "
            f"({', '.join(asked)}). Name the table of their attributes with --styles."
        )
    return labels


def _untaught_parts(index: Index, queries: Queries, forget: Forget) -> list[Part]:
    """Split queries into as many parts as it takes that each part's head can still learn from most products."""
    learned = index.head.words.keys() if index.head else ()
    taught = np.array(
        [any(column in index.attributes_of(row) for column in learned) for row in range(len(index.names))]
    )

    def related(places: Rows) -> Rows:
        """Return the rows of the taught products that are one of those queries, or its copy."""
        columns = zip(queries.keys[places].T, queries.product_keys.T)
        return np.flatnonzero(taught & np.logical_or.reduce([np.isin(own, asked) for asked, own in columns]))

    order = np.random.default_rng(SEED).permutation(len(queries.rows))
    count = -(-len(related(order)) // max(int(MAX_FORGOTTEN * taught.sum()), 1))
    parts = [(np.sort(places), related(places)) for places in np.array_split(order, max(count, 1))]
    return [(forget(rows) if len(rows) else index, places) for places, rows in parts]


def _search(parts: Sequence[Part], rule: RankingRule, queries: Queries, name: str, progress: Progress) -> Rows:
    """Return the rows (m, K) of each query's matches."""
    found = np.empty((len(queries.rows), K), int)
    chunks = [
        (ranking, places[start : start + QUERIES_PER_CHUNK])
        for ranking, places in ((Ranking(index, rule), places) for index, places in parts)
        for start in range(0, len(places), QUERIES_PER_CHUNK)
    ]
    for ranking, places in progress(chunks, desc=name, unit="chunk"):
        vectors: Vectors = {space: matrix[queries.rows[places]] for space, matrix in queries.vectors.items()}
        vectors = ranking.index.with_tuned(vectors) if "tuned" in rule.spaces else vectors
        found[places] = nearest_others(ranking, vectors, queries.keys[places], queries.product_keys, K)
    return found


def _score(rows: Rows, queries: Queries, labels: Mapping[str, list[Label | None]]) -> dict[str, Figure]:
    figures = {}
    for scored, product_labels in labels.items():
        if scored == SAME_PRODUCT:
            hits = is_right(rows, [right.get(scored) for right in queries.right], product_labels)
            figures[f"{scored} first"] = mean_figure(hits[:, 0])
            figures[f"{scored} of {K}"] = mean_figure(hits.max(axis=1))
            continue
        precisions = precision_at_k(rows, [right.get(scored) for right in queries.right], product_labels)
        figures[scored] = mean_figure(precisions)
        if scored == "class":
            figures["class mean"] = mean_figure(precisions, queries.groups)
    return figures


def nearest_others(ranking: Ranking, vectors: Vectors, query_keys: Keys, product_keys: Keys, k: int = K) -> Rows:
    """Return the rows (m, k) of the k nearest products that share no key with the query, then NO_PRODUCT.

    Of several pictures of a product, and of its variants, the nearest one is a match, as in an answer. vectors are
    float32 (m, d) by space; Queries explains the keys.
    """
    rows = np.full((len(query_keys), k), NO_PRODUCT)
    unfinished, wanted = np.arange(len(query_keys)), k + EXTRA_RESULTS
    groups = ranking.index.groups
    while len(unfinished):
        found, _ = ranking.nearest({name: matrix[unfinished] for name, matrix in vectors.items()}, wanted)
        is_other = (product_keys[found] != query_keys[unfinished, None]).all(axis=2)
        if groups:
            for own, is_new in zip(found, is_other):
                others = np.flatnonzero(is_new)
                is_new[:] = False
                is_new[others[groups.first_places(own[others])]] = True
        # A stable sort moves the others to the front and keeps them in the order of their distance.
        first = np.argsort(~is_other, axis=1, kind="stable")[:, :k]
        rows[unfinished, : first.shape[1]] = np.take_along_axis(np.where(is_other, found, NO_PRODUCT), first, axis=1)
        if wanted >= len(product_keys):
            break
        unfinished, wanted = unfinished[is_other.sum(axis=1) < k], 4 * wanted
    return rows


def precision_at_k(
    rows: Rows, query_labels: Sequence[Collection[Hashable] | None], product_labels: Sequence[Hashable]
) -> Precisions:
    """Return the share of right products in each row of rows (m, k): float64 (m,), NaN for a query without a label.

    query_labels are m collections of right labels, product_labels one label per product or None. A product without a
    label is wrong, and so is NO_PRODUCT.
    """
    return is_right(rows, query_labels, product_labels).mean(axis=1)


def is_right(
    rows: Rows, query_labels: Sequence[Collection[Hashable] | None], product_labels: Sequence[Hashable]
) -> Precisions:
    """Return 1 or 0 for each of rows (m, k), NaN in the rows of a query without a label; see precision_at_k."""
    hits = np.full(rows.shape, np.nan)
    for query, (found, right) in enumerate(zip(rows, query_labels)):
        if right:
            hits[query] = [row != NO_PRODUCT and product_labels[row] in right for row in found]
    return hits


def mean_figure(precisions: Precisions, groups: Sequence[str | None] | None = None) -> Figure:
    """Return the Figure of precisions (m,) without the NaN, of which not all may be NaN.

    With groups, one name per precision, it is the mean of the groups' means.
    """
    known = ~np.isnan(precisions)
    names = np.zeros(len(precisions)) if groups is None else np.asarray(groups)
    parts = [precisions[known & (names == name)] for name in np.unique(names[known])]
    low, high = bootstrap_interval(parts)
    return Figure(float(np.mean([part.mean() for part in parts])), low, high, int(known.sum()))


def bootstrap_interval(
    parts: Sequence[Precisions], rounds: int = BOOTSTRAP_ROUNDS, seed: int = SEED
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval (low, high) of the mean of the parts' means.

    Each round draws from each part as many values as it has, with replacement.
    """
    rng = np.random.default_rng(seed)
    means = np.mean([_bootstrap_means(part, rounds, rng) for part in parts], axis=0)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def _bootstrap_means(values: Precisions, rounds: int, rng: np.random.Generator) -> Precisions:
    # Drawing how often each distinct value occurs is the same as drawing the values, and takes no memory.
    distinct, counts = np.unique(values, return_counts=True)
    return rng.multinomial(len(values), counts / len(values), size=rounds) @ distinct / len(values)
