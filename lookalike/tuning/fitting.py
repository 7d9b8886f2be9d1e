"""Fit an AttributeHead to one catalogue's attributes by logistic regression."""

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lookalike.index.attribute_head import AttributeHead, columns_to_learn, join_inputs
from lookalike.index.attributes import TYPE_COLUMN
from lookalike.tuning.photo_examples import PhotoExamples
from lookalike.types import Attributes, Matrix, Vectors

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

# Logit adjustment: how much of the log prior of a column's words is subtracted from the head's logits, 1 for all of
# it. Otherwise a shop of T-shirts sees one in every dress, and the five nearest products favor frequent words again.
# All of it is too much for photos, and for colors any of it costs relevance (benchmarks/LOG.md).
PRIOR_CORRECTION = {TYPE_COLUMN: 0.5}
# Additive smoothing of the prior: the shares of rare words are uncertain.
PRIOR_SMOOTHING = 20
MAX_ITERATIONS, PENALTY = 30, 1.0
# How much a shopper's photo counts, a product being 1.
PHOTO_WEIGHT = 2.0


def fit_head(
    vectors: Vectors,
    attributes: Sequence[Attributes],
    columns: Sequence[str] | None = None,
    photos: PhotoExamples | None = None,
) -> AttributeHead | None:
    """Fit an AttributeHead to n products' vectors and attributes; return None if there is no column to learn.

    columns are the ones to learn, by default columns_to_learn(attributes). photos are learned beside the products, in
    the products' words. Deterministic: the same catalogue gives the same head.
    """
    inputs = join_inputs(vectors)
    columns = columns_to_learn(attributes) if columns is None else columns
    shop_words = {column: {own[column] for own in attributes if column in own} for column in columns}
    photo_inputs = join_inputs(photos.vectors) if photos else np.empty((0, inputs.shape[1]), np.float32)
    photo_words = photos.in_words_of(shop_words) if photos else []
    words, weights = {}, {}
    for column in columns:
        rows = [row for row, known in enumerate(attributes) if column in known]
        labels = [attributes[row][column] for row in rows]
        seen = [place for place, known in enumerate(photo_words) if column in known]
        words[column], weights[column] = _fit_column(
            np.concatenate([inputs[rows], photo_inputs[seen]]),
            [*labels, *(photo_words[place][column] for place in seen)],
            np.repeat([1.0, PHOTO_WEIGHT], [len(rows), len(seen)]),
        )
        weights[column][-1] -= PRIOR_CORRECTION.get(column, 0) * _log_prior(labels, words[column])
    return AttributeHead(words, weights) if words else None


def _fit_column(
    inputs: Matrix, labels: Sequence[str], sample_weights: NDArray[np.float64]
) -> tuple[tuple[str, ...], Matrix]:
    """Return a column's words and their weights (d + 1, w), by multinomial logistic regression."""
    from sklearn.linear_model import LogisticRegression

    words = sorted(set(labels))
    places = {word: place for place, word in enumerate(words)}
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-3
    # With standardized inputs one penalty fits every space, whatever the spread of its vectors.
    model = LogisticRegression(C=PENALTY * 100 / len(inputs), max_iter=MAX_ITERATIONS)
    with warnings.catch_warnings():
        # Stopping early is intended: the last iterations fit the noise in a shop's labels.
        warnings.simplefilter("ignore")
        model.fit((inputs - mean) / scale, [places[label] for label in labels], sample_weights)
    return tuple(words), _fold_standardization(model, mean, scale)


def _log_prior(labels: Sequence[str], words: Sequence[str]) -> Matrix:
    """Return the logarithm of each word's smoothed share of the labels: float32 (w,)."""
    counts = Counter(labels)
    shares = np.array([counts[word] + PRIOR_SMOOTHING for word in words], np.float32)
    return np.log(shares / shares.sum())


def _fold_standardization(model: "LogisticRegression", mean: Matrix, scale: Matrix) -> Matrix:
    """Return a fitted model's weights for inputs that are not standardized, the bias last: float32 (d + 1, w)."""
    kernel, bias = model.coef_, model.intercept_
    if len(kernel) == 1:  # for two words, scikit-learn keeps the logit of the second only
        kernel, bias = np.concatenate([0 * kernel, kernel]), np.concatenate([0 * bias, bias])
    kernel = kernel / scale
    return np.concatenate([kernel.T, (bias - kernel @ mean)[None]]).astype(np.float32)
