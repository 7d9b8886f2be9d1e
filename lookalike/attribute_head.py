"""A head that learns one catalogue's attributes: fashion and color vectors → tuned vectors."""

import io
import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np

from .safe_arrays import read_npz

INPUTS = ("fashion", "color")
# How much a column counts in a distance; any other counts as OTHER.
IMPORTANCE = {"articleType": 2.0, "baseColour": 1.0, "gender": 0.8}
OTHER = 0.5
# How far the catalogue's own shares of a column's words are taken out of what a head believes, 1 being all the way: a
# shop of T-shirts sees one in every dress, and the five nearest favor what there is most of once more. All the way it
# is too much for photos, and for colors it costs relevance (benchmarks/LOG.md). A word counts as if it had so many
# products more: of rare ones the share is hardly known.
EVENED, MORE_PRODUCTS = {"articleType": 0.5}, 20
# A shop's own word on a product against what the head believes of its picture: words can be wrong.
KNOWN = 0.9
# Columns whose values are few enough to be learned, and come often enough; and so many of them, the best known.
MOST_WORDS, LEAST_EXAMPLES, MOST_COLUMNS = 300, 3, 12
ROUNDS, PENALTY = 30, 1.0


@dataclass(frozen=True)
class AttributeHead:
    """For each column the words it knows, w of them, and float32 (d + 1, w) weights, the last row added."""

    words: dict
    weights: dict

    def beliefs(self, vectors):
        """The probability of each word: a dict from column to float32 (n, w), from a dict of spaces."""
        inputs = _inputs(vectors)
        return {column: _softmax(inputs @ w[:-1] + w[-1]) for column, w in self.weights.items()}

    def tuned(self, vectors, attributes=None):
        """Tuned vectors, float32 (n, d) of norm 1: the square roots of the probabilities, column by column.

        attributes, a dict a product, are what the shop knows; a photo has none.
        """
        parts = []
        for column, believed in self.beliefs(vectors).items():
            if attributes is not None:
                believed = self._with_known(column, believed, attributes)
            parts.append(np.sqrt(believed) * np.float32(IMPORTANCE.get(column, OTHER)))
        joined = np.concatenate(parts, axis=1)
        return joined / np.linalg.norm(joined, axis=1, keepdims=True)

    def to_bytes(self):
        """The head as the bytes of an .npz file."""
        buffer = io.BytesIO()
        arrays = {f"words.{column}": np.array(words) for column, words in self.words.items()}
        np.savez(buffer, **arrays, **{f"weights.{column}": w for column, w in self.weights.items()})
        return buffer.getvalue()

    @staticmethod
    def from_bytes(content):
        """The head that to_bytes wrote; raises ValueError for anything else."""
        stored = read_npz(content)
        columns = [name.removeprefix("words.") for name in stored if name.startswith("words.")]
        if set(stored) != {f"{part}.{column}" for part in ("words", "weights") for column in columns} or not columns:
            raise ValueError("no head")
        words = {column: stored[f"words.{column}"] for column in columns}
        weights = {column: stored[f"weights.{column}"] for column in columns}
        if not all(_belong_together(words[column], weights[column]) for column in columns):
            raise ValueError("no head")
        return AttributeHead({column: tuple(own.tolist()) for column, own in words.items()}, weights)

    def _with_known(self, column, believed, attributes):
        places = {word: place for place, word in enumerate(self.words[column])}
        known = [(row, places[own[column]]) for row, own in enumerate(attributes) if own.get(column) in places]
        if not known:
            return believed
        rows, columns = np.array(known).T
        mixed = believed.copy()
        mixed[rows] *= np.float32(1 - KNOWN)
        mixed[rows, columns] += np.float32(KNOWN)
        return mixed


def _belong_together(words, weights):
    fit = words.dtype.kind == "U" and words.ndim == 1 and 2 <= len(words) <= MOST_WORDS
    fit = fit and weights.dtype == np.float32 and weights.ndim == 2 and weights.shape[1] == len(words)
    return fit and bool(np.isfinite(weights).all())


def columns_to_learn(attributes):
    """The columns a head can learn from a list of dicts: the Kaggle ones where all are there, or else any.

    One of them alone would hide all that a shop says in columns of its own.
    """
    values = {}
    for own in attributes:
        for column, word in own.items():
            values.setdefault(column, []).append(word)
    fit = [column for column, words in values.items() if _can_be_learned(words)]
    if IMPORTANCE.keys() <= set(fit):
        return [column for column in fit if column in IMPORTANCE]
    known = sorted(fit, key=lambda column: -len(values[column]))[:MOST_COLUMNS]
    return [column for column in fit if column in known]


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
        weights[column][-1] -= EVENED.get(column, 0) * _log_shares(labels, words[column])
    return AttributeHead(words, weights) if words else None


def _can_be_learned(words):
    # numpy would give each word the room of the longest, which may be a whole description.
    counts = Counter(words).values()
    frequent = sum(count for count in counts if count >= LEAST_EXAMPLES)
    return 2 <= len(counts) <= MOST_WORDS and frequent > 0.8 * len(words)


def _fit_column(inputs, labels):
    """The words of a column and their weights, (d + 1, w), by multinomial logistic regression."""
    from sklearn.linear_model import LogisticRegression

    words = sorted(set(labels))
    places = {word: place for place, word in enumerate(words)}
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-3
    # On standardised inputs one penalty fits every space, whatever its vectors' spread.
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


def _inputs(vectors):
    return np.concatenate([vectors[name] for name in INPUTS], axis=1)


def _softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
