"""A map of a catalogue: products that look alike lie close together on a plane."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lookalike.analysis.audit import join_audit_spaces
from lookalike.embedding.color import ANCHORS
from lookalike.index.reading import Index
from lookalike.types import Matrix, Rows

# t-SNE is slow: it places this many products, and each of the others goes next to the ones it looks most like.
MAX_LANDMARKS = 2000
TSNE_ITERATIONS, PERPLEXITY = 500, 30
# t-SNE sees no better with more dimensions, and is faster with fewer.
PRINCIPAL_COMPONENTS = 32
# How many landmarks decide where a product goes, and how far from the nearest one they may lie on a map of width 2.
NEAREST_LANDMARKS, MAX_DISTANCE = 3, 0.06
JITTER = 0.006
# With fewer products, t-SNE has too few neighbors.
MIN_PRODUCTS = 7
ROWS_PER_BLOCK = 4096
# The colors that most people, including color-blind ones, can tell apart on a light and on a dark page.
PALETTE = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e")
REST_COLOR = "#9498a0"


@dataclass(frozen=True)
class Legend:
    """What the colors of a map mean: (word, color as #rrggbb, count), and how many products have other words."""

    entries: tuple[tuple[str, str, int], ...]
    rest: int

    def color(self, word: str | None) -> str:
        """Return the color of a word, None for a product without one."""
        return next((color for named, color, _ in self.entries if named == word), REST_COLOR)


def place_products(index: Index, max_landmarks: int = MAX_LANDMARKS) -> Matrix:
    """Return each product's place, float32 (n, 2) from -1 to 1; the same index gives the same map."""
    if len(index.names) == 1:
        return np.zeros((1, 2), np.float32)
    vectors = _principal_components(join_audit_spaces(index.spaces))
    if len(vectors) < MIN_PRODUCTS:
        return _scale_to_square(vectors[:, :2])
    rng = np.random.default_rng(0)
    landmarks = np.sort(rng.choice(len(vectors), min(max_landmarks, len(vectors)), replace=False))
    landmark_places = _scale_to_square(_tsne(vectors[landmarks]))
    places = _place_by_landmarks(vectors, vectors[landmarks], landmark_places)
    places += rng.normal(scale=JITTER, size=places.shape).astype(np.float32)
    places[landmarks] = landmark_places
    return np.clip(places, -1, 1)


def _principal_components(vectors: Matrix) -> Matrix:
    """Return the vectors along the directions in which they differ most: float32 (n, at least 2)."""
    from sklearn.decomposition import PCA

    count = min(PRINCIPAL_COMPONENTS, *vectors.shape)
    components = PCA(count, svd_solver="covariance_eigh").fit_transform(vectors)
    return np.pad(components, ((0, 0), (0, max(0, 2 - count)))).astype(np.float32)


def _tsne(vectors: Matrix) -> Matrix:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    spread = vectors[:, 0].std()
    # If all pictures are the same, TSNE would divide by zero and read out of bounds.
    if not spread:
        return np.zeros((len(vectors), 2), np.float32)
    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    # Principal components begin with what TSNE's own init="pca" would compute again.
    start = vectors[:, :2] / spread * 1e-4
    model = TSNE(perplexity=perplexity, max_iter=TSNE_ITERATIONS, init=start, random_state=0)
    # On a busy server its threads wait for each other longer than they work; one is as fast and repeatable.
    with threadpool_limits(1, user_api="openmp"):
        return model.fit_transform(vectors)


def _scale_to_square(places: Matrix) -> Matrix:
    """Return the places moved, and scaled equally in both directions, into the square from -1 to 1."""
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    reach = np.abs(places - middle).max() or 1.0
    return ((places - middle) / reach).astype(np.float32)


def _place_by_landmarks(vectors: Matrix, landmarks: Matrix, landmark_places: Matrix) -> Matrix:
    """Return the mean place of each vector's nearest landmarks, except those far from the very nearest: (n, 2)."""
    places = np.empty((len(vectors), 2), np.float32)
    halves = (landmarks**2).sum(axis=1) / 2
    for start in range(0, len(vectors), ROWS_PER_BLOCK):
        scores = vectors[start : start + ROWS_PER_BLOCK] @ landmarks.T - halves
        nearest = np.argpartition(-scores, NEAREST_LANDMARKS - 1, axis=1)[:, :NEAREST_LANDMARKS]
        candidates = landmark_places[nearest]
        # The best of those three, not of all: of many equal landmarks, argmax need not name one of them.
        best = np.take_along_axis(scores, nearest, axis=1).argmax(axis=1)
        center = candidates[np.arange(len(candidates)), best][:, None]
        distances = np.linalg.norm(candidates - center, axis=2, keepdims=True)
        places[start : start + ROWS_PER_BLOCK] = np.mean(candidates, axis=1, where=distances < MAX_DISTANCE)
    return places


def make_legend(words: Sequence[str | None]) -> Legend:
    """Return the Legend for each product's word in a column.

    If most of the words are names of colors, each of those gets that color; otherwise the most frequent words get one.
    """
    counts = Counter(word for word in words if word)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    named = [word for word in ordered if word.lower() in ANCHORS]
    if 2 * sum(counts[word] for word in named) > counts.total():
        colors = {word: "#{:02x}{:02x}{:02x}".format(*ANCHORS[word.lower()]) for word in named}
    else:
        colors = dict(zip(ordered, PALETTE))
    entries = tuple((word, color, counts[word]) for word, color in colors.items())
    return Legend(entries, len(words) - sum(count for _, _, count in entries))


def sample_rows(rows: Sequence[int], max_rows: int) -> Rows:
    """Return at most max_rows of the rows, evenly spread, so that every part of a catalogue is on its map."""
    chosen = np.asarray(rows, int)
    return chosen if len(chosen) <= max_rows else chosen[np.arange(max_rows) * len(chosen) // max_rows]
