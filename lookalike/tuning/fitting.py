"""Fit an AttributeHead to one catalogue's attributes by logistic regression."""

import warnings
from collections import Counter

import numpy as np

from lookalike.index.attribute_head import AttributeHead, _inputs, columns_to_learn

# How far the catalogue's own shares of a column's words are taken out of what a head believes, 1 being all the way: a
# shop of T-shirts sees one in every dress, and the five nearest favor what there is most of once more. All the way it
# is too much for photos, and for colors it costs relevance (benchmarks/LOG.md). A word counts as if it had so many
# products more: of rare ones the share is hardly known.
PRIOR_CORRECTION, MORE_PRODUCTS = {"articleType": 0.5}, 20

ROUNDS, PENALTY = 30, 1.0


def fit_head(vectors, attributes, columns=None):
    """The AttributeHead for products with those vectors (a dict of spaces) and attributes, or None.

    columns are those to learn; columns_to_learn(attributes) where none are given. None where there is no column to
    learn. Deterministic: the same catalogue gives the same head.
    """
    inputs = _inputs(vectors)
    words, weights = {}, {}
    for column in columns_to_learn(attributes) if columns is None else columns:
        rows = [row for row, own in enumerate(attributes) if column in own]
        labels = [attributes[row][column] for row in rows]
        words[column], weights[column] = _fit_column(inputs[rows], labels)
        weights[column][-1] -= PRIOR_CORRECTION.get(column, 0) * _log_shares(labels, words[column])
    return AttributeHead(words, weights) if words else None


def _fit_column(inputs, labels):
    """The words of a column and their weights, (d + 1, w), by multinomial logistic regression."""
    from sklearn.linear_model import LogisticRegression

    words = sorted(set(labels))
    places = {word: place for place, word in enumerate(words)}
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-3
    # On standardized inputs one penalty fits every space, whatever its vectors' spread.
    model = LogisticRegression(C=PENALTY * 100 / len(inputs), max_iter=ROUNDS)
    with warnings.catch_warnings():
        # Stopping early is meant: the last rounds fit the noise in a shop's labels.
        warnings.simplefilter("ignore")
        model.fit((inputs - mean) / scale, [places[label] for label in labels])
    return tuple(words), _folded(model, mean, scale)


def _log_shares(labels, words):
    """The logarithm of each word's share of the labels, as if each came a few times more: float32 (w,)."""
    counts = Counter(labels)
    shares = np.array([counts[word] + MORE_PRODUCTS for word in words], np.float32)
    return np.log(shares / shares.sum())


def _folded(model, mean, scale):
    kernel, bias = model.coef_, model.intercept_
    if len(kernel) == 1:  # of two words scikit-learn keeps the second's odds alone
        kernel, bias = np.concatenate([0 * kernel, kernel]), np.concatenate([0 * bias, bias])
    kernel = kernel / scale
    return np.concatenate([kernel.T, (bias - kernel @ mean)[None]]).astype(np.float32)
