"""A map of a catalogue: products that look alike lie close together on a plane."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from lookalike.analysis.audit import joined_witnesses
from lookalike.embedding.color import ANCHORS

# t-SNE is slow: it places so many products, and every other one lies beside those it looks most like.
LANDMARKS = 2000

ROUNDS = 500

# t-SNE sees no better with more numbers, and is faster with fewer.
PRINCIPAL = 32

PERPLEXITY = 30

# Landmarks that may pull at a product, and how far apart, on a map of width 2, they may be to do so together.
PULLING, TOGETHER = 3, 0.06

SCATTER = 0.006

# Fewer have too few neighbors for t-SNE.
FEWEST = 7

BLOCK = 4096

# The colors most people, also color-blind ones, tell apart on a light and on a dark page.
PALETTE = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e")

REST = "#9498a0"


@dataclass(frozen=True)
class Legend:
    """What the colors of a map mean: (word, color as #rrggbb, count) and how many products are of the rest."""

    entries: tuple
    rest: int

    def color(self, word):
        """The color of a word (None for a product without one)."""
        return next((color for named, color, _ in self.entries if named == word), REST)


def layout(index):
    """Each product's place, float32 (n, 2) from -1 to 1; the same index gives the same map."""
    if len(index.names) == 1:
        return np.zeros((1, 2), np.float32)
    vectors = _principal(joined_witnesses(index.spaces))
    if len(vectors) < FEWEST:
        return _framed(vectors[:, :2])
    rng = np.random.default_rng(0)
    landmarks = np.sort(rng.choice(len(vectors), min(LANDMARKS, len(vectors)), replace=False))
    placed = _framed(_tsne(vectors[landmarks]))
    places = _beside(vectors, vectors[landmarks], placed)
    places += rng.normal(scale=SCATTER, size=places.shape).astype(np.float32)
    places[landmarks] = placed
    return np.clip(places, -1, 1)


def _principal(vectors):
    """The vectors along the directions in which they differ most: float32 (n, at least 2)."""
    from sklearn.decomposition import PCA

    count = min(PRINCIPAL, *vectors.shape)
    found = PCA(count, svd_solver="covariance_eigh").fit_transform(vectors)
    return np.pad(found, ((0, 0), (0, max(0, 2 - count)))).astype(np.float32)


def _tsne(vectors):
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    spread = vectors[:, 0].std()
    # One picture all over: TSNE would divide by zero and read beyond its memory.
    if not spread:
        return np.zeros((len(vectors), 2), np.float32)
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    # Vectors of principal directions begin with what TSNE's own "pca" would compute anew.
    start = vectors[:, :2] / spread * 1e-4
    model = TSNE(perplexity=perplexity, max_iter=ROUNDS, init=start, random_state=0)
    # On a busy server its threads wait for each other longer than they work; one is as fast and repeatable.
    with threadpool_limits(1, user_api="openmp"):
        return model.fit_transform(vectors)


def _framed(places):
    """Places moved and scaled alike in both directions, into the square from -1 to 1."""
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    reach = np.abs(places - middle).max() or 1.0
    return ((places - middle) / reach).astype(np.float32)


def _beside(vectors, landmarks, placed):
    """The mean place of the landmarks nearest to each vector, of those that lie with the very nearest."""
    places = np.empty((len(vectors), 2), np.float32)
    halves = (landmarks**2).sum(axis=1) / 2
    for start in range(0, len(vectors), BLOCK):
        scores = vectors[start : start + BLOCK] @ landmarks.T - halves
        nearest = np.argpartition(-scores, PULLING - 1, axis=1)[:, :PULLING]
        candidates = placed[nearest]
        apart = np.linalg.norm(candidates - placed[scores.argmax(axis=1), None], axis=2, keepdims=True)
        places[start : start + BLOCK] = np.mean(candidates, axis=1, where=apart < TOGETHER)
    return places


def legend(words):
    """The Legend for each product's word in a column, a list of str or None.

    Names of colors are shown in their own color; of any other words the most frequent have one.
    """
    counts = Counter(word for word in words if word)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    named = [word for word in ordered if word.lower() in ANCHORS]
    if 2 * sum(counts[word] for word in named) > sum(counts.values()):
        colors = {word: "#{:02x}{:02x}{:02x}".format(*ANCHORS[word.lower()]) for word in named}
    else:
        colors = dict(zip(ordered, PALETTE))
    entries = tuple((word, color, counts[word]) for word, color in colors.items())
    return Legend(entries, len(words) - sum(count for _, _, count in entries))


def drawn_rows(rows, most):
    """At most so many of the rows, evenly spread, so that every part of a catalogue is on its map."""
    rows = np.asarray(rows)
    return rows if len(rows) <= most else rows[np.arange(most) * len(rows) // most]
