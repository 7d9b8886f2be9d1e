"""Neighbour votes: the words that most of the nearest products agree on."""

import numpy as np

COLUMNS = ("articleType", "baseColour", "gender")


def votes(products, distances, columns=COLUMNS, least=0.5):
    """A list of (column, word, share), one a column at most, where a word has at least that share of the votes.

    products are the nearest ones with their attributes, distances to them as many numbers. A vote counts by
    the match's cosine, 1 − d²/2; products that do not know a column have none in it, and where they are the
    majority nothing is said.
    """
    weights = np.maximum(1 - np.asarray(distances, np.float64) ** 2 / 2, 0)
    if np.isnan(weights).any() or not weights.sum():
        return []
    elected = (_elected([product.attributes.get(column) for product in products], weights) for column in columns)
    return [(column, word, share) for column, (word, share) in zip(columns, elected) if word and share >= least]


def _elected(words, weights):
    """The word with most of the weight, the nearer product's among equals, and its share; None where most have none."""
    sums = {}
    for word, weight in zip(words, weights):
        if word:
            sums[word] = sums.get(word, 0) + weight
    known = sum(sums.values())
    if known * 2 < weights.sum() or not known:
        return None, 0.0
    word = max(sums, key=sums.get)
    return word, float(sums[word] / known)
