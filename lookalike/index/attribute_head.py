"""A head that learns one catalogue's attributes: fashion and color vectors → tuned vectors."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.index.attribute_table import EncodedColumn, encode_words
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN
from lookalike.index.offers import OFFER_COLUMNS
from lookalike.index.safe_loading import read_npz
from lookalike.types import Attributes, Codes, Matrix, Vectors

INPUTS = ("fashion", "color")

# How much a column counts in a distance; any other column counts OTHER.
IMPORTANCE = {TYPE_COLUMN: 2.0, COLOR_COLUMN: 1.0, GENDER_COLUMN: 0.8}
OTHER = 0.5

# How much a shop's own word about a product counts against the head's probabilities: words can be wrong.
KNOWN = 0.9

# A column can be learned if it has at most MAX_WORDS words and most of them come MIN_EXAMPLES times. Of more than
# MAX_COLUMNS such columns, those that most products have are learned.
MAX_WORDS, MIN_EXAMPLES, MAX_COLUMNS = 300, 3, 12


@dataclass(frozen=True)
class AttributeHead:
    """A linear classifier for each column: column → its w words, and column → float32 (d + 1, w), the bias last."""

    words: Mapping[str, tuple[str, ...]]
    weights: Vectors

    def class_probabilities(self, vectors: Vectors) -> dict[str, Matrix]:
        """Return the probability of each word: column → float32 (n, w), from space → float32 (n, d)."""
        inputs = join_inputs(vectors)
        return {column: _softmax(inputs, weights) for column, weights in self.weights.items()}

    def tuned(self, vectors: Vectors, attributes: Sequence[Attributes] | None = None) -> Matrix:
        """Return tuned vectors, float32 (n, d) of norm 1: the square roots of the probabilities, column by column.

        attributes are what the shop knows of n products, None for photos.
        """
        if attributes is None:
            return self.tuned_with_known(vectors, {})
        columns = {column: encode_words([own.get(column) for own in attributes]) for column in self.words}
        return self.tuned_with_known(vectors, self.known_places(columns))

    def known_places(self, columns: Mapping[str, EncodedColumn]) -> dict[str, Codes]:
        """Return what the shop knows of n products, given the columns of its table: column → int32 (n,).

        It is the place of each product's word among the head's words, -1 if it has none of them.
        """
        known = {}
        for column in self.words.keys() & columns.keys():
            places = {word: place for place, word in enumerate(self.words[column])}
            words, codes = columns[column]
            known[column] = np.array([places.get(word, -1) for word in (*words, "")], np.int32)[codes]
        return known

    def tuned_with_known(self, vectors: Vectors, known: Mapping[str, Codes]) -> Matrix:
        """Return what tuned does, given what known_places returns."""
        inputs = join_inputs(vectors)
        tuned = np.empty((len(inputs), sum(map(len, self.words.values()))), np.float32)
        start = 0
        for column, weights in self.weights.items():
            own = tuned[:, start : start + weights.shape[1]]
            start += weights.shape[1]
            _softmax(inputs, weights, own)
            if column in known:
                rows = np.flatnonzero(known[column] >= 0)
                own[rows] *= np.float32(1 - KNOWN)
                own[rows, known[column][rows]] += np.float32(KNOWN)
            np.sqrt(own, out=own)
            own *= np.float32(IMPORTANCE.get(column, OTHER))
        tuned /= np.linalg.norm(tuned, axis=1, keepdims=True)
        return tuned

    def with_words(self, tuned: Matrix, column: str, words: Sequence[str], other_words: float = 1.0) -> Matrix:
        """Return tuned vectors, float32 (n, d), as if it were sure that a column has one of the words.

        The second and further words count other_words of the first. Vectors stay as they are if the head does not know
        the column or any of the words.
        """
        known = [word for word in words if word in self.words.get(column, ())]
        if not known:
            return tuned
        before = list(self.weights)[: list(self.weights).index(column)]
        start = sum(len(self.words[other]) for other in before)
        own = slice(start, start + len(self.words[column]))
        shares = {word: other_words if place else 1.0 for place, word in enumerate(known)}
        sure = np.sqrt(np.array([shares.get(word, 0) for word in self.words[column]]) / sum(shares.values()))
        moved = tuned.copy()
        moved[:, own] = np.linalg.norm(tuned[:, own], axis=1, keepdims=True) * sure.astype(np.float32)
        return moved

    def to_bytes(self) -> bytes:
        """Return the head as the bytes of an .npz file."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {f"words.{column}": np.array(words) for column, words in self.words.items()}
        np.savez(buffer, **arrays | {f"weights.{column}": w for column, w in self.weights.items()})
        return buffer.getvalue()

    @staticmethod
    def from_bytes(content: bytes) -> "AttributeHead":
        """Return the head that to_bytes wrote; raises ValueError for anything else."""
        stored = read_npz(content)
        columns = [name.removeprefix("words.") for name in stored if name.startswith("words.")]
        if set(stored) != {f"{part}.{column}" for part in ("words", "weights") for column in columns} or not columns:
            raise ValueError("not a head")
        words = {column: stored[f"words.{column}"] for column in columns}
        weights = {column: stored[f"weights.{column}"] for column in columns}
        if not all(_belong_together(words[column], weights[column]) for column in columns):
            raise ValueError("not a head")
        return AttributeHead({column: tuple(own.tolist()) for column, own in words.items()}, weights)


def columns_to_learn(attributes: Sequence[Attributes]) -> list[str]:
    """Return the columns that a head can learn: the Kaggle table's if all three can be learned, or else any.

    Some of the three alone would hide everything that a shop says in columns of its own.
    """
    values: dict[str, list[str]] = {}
    for own in attributes:
        for column, word in own.items():
            if column not in OFFER_COLUMNS:
                values.setdefault(column, []).append(word)
    learnable = [column for column, words in values.items() if _can_be_learned(words)]
    if IMPORTANCE.keys() <= set(learnable):
        return [column for column in learnable if column in IMPORTANCE]
    chosen = sorted(learnable, key=lambda column: -len(values[column]))[:MAX_COLUMNS]
    return [column for column in learnable if column in chosen]


def join_inputs(vectors: Vectors) -> Matrix:
    """Return what a head is given of space → float32 (n, d): the spaces INPUTS side by side."""
    return np.concatenate([vectors[name] for name in INPUTS], axis=1)


def _can_be_learned(words: Sequence[str]) -> bool:
    # numpy stores each word in the width of the longest, which may be a whole description: keep such columns out.
    counts = Counter(words).values()
    frequent = sum(count for count in counts if count >= MIN_EXAMPLES)
    return 2 <= len(counts) <= MAX_WORDS and frequent > 0.8 * len(words)


def _belong_together(words: NDArray[np.str_], weights: Matrix) -> bool:
    fit = words.dtype.kind == "U" and words.ndim == 1 and 2 <= len(words) <= MAX_WORDS
    fit = fit and weights.dtype == np.float32 and weights.ndim == 2 and weights.shape[1] == len(words)
    return fit and bool(np.isfinite(weights).all())


def _softmax(inputs: Matrix, weights: Matrix, out: Matrix | None = None) -> Matrix:
    """Return the probabilities of a classifier's words, float32 (n, w), written into out if it is given."""
    scores = inputs @ weights[:-1]
    scores += weights[-1]
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    probabilities = np.divide(scores, scores.sum(axis=1, keepdims=True), out=out)
    return probabilities.astype(np.float32, copy=False)
