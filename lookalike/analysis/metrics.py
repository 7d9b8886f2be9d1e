"""Is it any good: precision at 5 against attributes, for each space, and how sure that figure is."""

from dataclasses import dataclass

import numpy as np

from lookalike.errors import CatalogueError
from lookalike.search.recommender import Recommender, default_weights

K = 5

DEFAULT = "default"

# What is scored, by which columns of the table of attributes: all of them must agree.
COLUMNS = {
    **{name: (name,) for name in ("articleType", "baseColour", "gender", "subCategory")},
    "together": ("articleType", "baseColour", "gender"),
    "class": ("articleType",),
}

# Queries searched at a time.
CHUNK = 512

ROUNDS, SEED = 1000, 0

# Asked for beyond k at first: few files have more copies than this.
MARGIN = 5

# In place of a row where there is no product.
NONE = -1


@dataclass(frozen=True)
class Figure:
    """A mean precision (0 to 1), its 95 % interval, and the number of queries it was taken over."""

    precision: float
    low: float
    high: float
    queries: int


@dataclass(frozen=True)
class Queries:
    """m queries: their vectors are the rows int (m,) of a dict from space to float32 (·, d).

    right is a dict a query, from what is scored to the set of labels that are right; keys int (m, j)
    and product_keys int (n, j) are equal in a column where a product is the query itself or its copy;
    groups are m classes or None; notes are sentences to show.
    """

    vectors: dict
    rows: np.ndarray
    right: tuple
    keys: np.ndarray
    product_keys: np.ndarray
    groups: tuple | None = None
    notes: tuple = ()


def label(attributes, columns):
    """The values of those columns as a tuple, or None where one is unknown."""
    values = tuple(attributes.get(column) for column in columns)
    return values if all(values) else None


def evaluate(index, attributes, queries, names=(), progress=lambda items, **_: items):
    """Figures by space, the default ranking among them, by what is scored; names choose among the spaces.

    attributes are those of each product by id. progress wraps the iterator of chunks as tqdm does.
    Raises CatalogueError where a name is none of the index's, or nothing can be scored.
    """
    weights = {name: {name: 1.0} for name in index.spaces if name in queries.vectors}
    weights[DEFAULT] = default_weights(index.spaces)
    unknown = [name for name in names if name not in weights]
    if unknown:
        raise CatalogueError(f"The index has no space {unknown[0]}. It can be judged by: {', '.join(weights)}.")
    labels = _labels(index, attributes, queries)
    figures = {}
    for name in names or weights:
        # The default is often one space alone: the same search need not be made twice.
        same = next((done for done in figures if weights[done] == weights[name]), None)
        if same is None:
            rows = _searched(Recommender(index, None, weights[name]), queries, name, progress)
        figures[name] = figures[same] if same else _figures(rows, queries, labels)
    return figures


def _labels(index, attributes, queries):
    """The label of each product, or None, by what is scored: what some query and some product has."""
    known = [attributes.get(index.product(row).id, {}) for row in range(len(index.names))]
    asked = {scored: columns for scored, columns in COLUMNS.items() if any(scored in right for right in queries.right)}
    labels = {scored: [label(own, columns) for own in known] for scored, columns in asked.items()}
    labels = {scored: values for scored, values in labels.items() if any(values)}
    if not labels:
        raise CatalogueError(
            f"None of the {len(known)} products of the index has an attribute that the queries can be judged by "
            f"({', '.join(asked)}). Name the table of their attributes with --styles."
        )
    return labels


def _searched(recommender, queries, name, progress):
    """Rows int (m, K) of what each query finds."""
    starts = range(0, len(queries.rows), CHUNK)
    found = []
    for start in progress(starts, desc=name, unit="chunk"):
        some = slice(start, start + CHUNK)
        vectors = {space: queries.vectors[space][queries.rows[some]] for space in recommender.weights}
        found.append(nearest_others(recommender, vectors, queries.keys[some], queries.product_keys, K))
    return np.concatenate(found)


def _figures(rows, queries, labels):
    figures = {}
    for scored, values in labels.items():
        shares = precision_at_k(rows, [right.get(scored) for right in queries.right], values)
        figures[scored] = mean_figure(shares)
        if scored == "class":
            figures["class mean"] = mean_figure(shares, queries.groups)
    return figures


def nearest_others(recommender, vectors, query_keys, product_keys, k=K):
    """Rows int (m, k) of the k nearest products to each query that share no key with it, NONE beyond the last.

    vectors is a dict from space to float32 (m, d); for the keys see Queries.
    """
    rows = np.full((len(query_keys), k), NONE)
    open_, wanted = np.arange(len(query_keys)), k + MARGIN
    while len(open_):
        found, _ = recommender.nearest({name: matrix[open_] for name, matrix in vectors.items()}, wanted)
        others = (product_keys[found] != query_keys[open_, None]).all(axis=2)
        # Stable, so that the others move to the front in the order of their distance.
        first = np.argsort(~others, axis=1, kind="stable")[:, :k]
        rows[open_, : first.shape[1]] = np.take_along_axis(np.where(others, found, NONE), first, axis=1)
        if wanted >= len(product_keys):
            break
        open_, wanted = open_[others.sum(axis=1) < k], 4 * wanted
    return rows


def precision_at_k(rows, query_labels, gallery_labels):
    """The share of right ones in each row of rows, int (m, k): float64 (m,), NaN where the query has no label.

    query_labels are m collections of the labels that are right, gallery_labels one label a product or
    None; a product without a label is wrong, and so is a place without a product (NONE).
    """
    shares = np.full(len(rows), np.nan)
    for query, (found, right) in enumerate(zip(rows, query_labels)):
        if right:
            shares[query] = sum(row != NONE and gallery_labels[row] in right for row in found) / len(found)
    return shares


def mean_figure(shares, groups=None):
    """The Figure of float shares (m,), NaN left out; at least one is none.

    With groups, one name a share, it is the mean of the groups' means.
    """
    known = ~np.isnan(shares)
    groups = np.zeros(len(shares)) if groups is None else np.asarray(groups)
    parts = [shares[known & (groups == group)] for group in np.unique(groups[known])]
    low, high = interval(parts)
    return Figure(float(np.mean([part.mean() for part in parts])), low, high, int(known.sum()))


def interval(parts, rounds=ROUNDS, seed=SEED):
    """The 95 % bootstrap interval (low, high) of the mean of the parts' means; parts are float arrays.

    Each round draws as many of a part as it has, with replacement.
    """
    rng = np.random.default_rng(seed)
    means = np.mean([_drawn_means(part, rounds, rng) for part in parts], axis=0)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def _drawn_means(values, rounds, rng):
    """Drawing how often each distinct value comes is the same as drawing the values, and needs no memory."""
    distinct, counts = np.unique(values, return_counts=True)
    return rng.multinomial(len(values), counts / len(values), size=rounds) @ distinct / len(values)
