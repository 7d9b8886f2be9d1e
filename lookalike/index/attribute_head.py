"""A head that learns one catalogue's attributes: fashion and color vectors → tuned vectors."""

import io
from collections import Counter
from dataclasses import dataclass

import numpy as np

from lookalike.index.safe_loading import read_npz

INPUTS = ("fashion", "color")

# How much a column counts in a distance; any other counts as OTHER.
IMPORTANCE = {"articleType": 2.0, "baseColour": 1.0, "gender": 0.8}

OTHER = 0.5

# A shop's own word on a product against what the head believes of its picture: words can be wrong.
KNOWN = 0.9

# Columns whose values are few enough to be learned, and come often enough; and so many of them, the best known.
MAX_WORDS, MIN_EXAMPLES, MAX_COLUMNS = 300, 3, 12


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
    fit = words.dtype.kind == "U" and words.ndim == 1 and 2 <= len(words) <= MAX_WORDS
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
    known = sorted(fit, key=lambda column: -len(values[column]))[:MAX_COLUMNS]
    return [column for column in fit if column in known]


def _can_be_learned(words):
    # numpy would give each word the room of the longest, which may be a whole description.
    counts = Counter(words).values()
    frequent = sum(count for count in counts if count >= MIN_EXAMPLES)
    return 2 <= len(counts) <= MAX_WORDS and frequent > 0.8 * len(words)


def _inputs(vectors):
    return np.concatenate([vectors[name] for name in INPUTS], axis=1)


def _softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
