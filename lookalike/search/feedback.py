"""Relevance feedback: what a shopper likes and dislikes moves the query, by Rocchio's rule in each space."""

from collections.abc import Sequence

import numpy as np

from lookalike.search.recommender import Ranking
from lookalike.types import Matrix, Vectors

# How much the mean of the liked products counts beside the query, and how much that of the disliked ones is taken off.
# Chosen on simulated visits; see benchmarks/feedback.py and LOG.md.
LIKED_WEIGHT, DISLIKED_WEIGHT = 1.5, 0.8


def move_query(vectors: Vectors, ranking: Ranking, liked: Sequence[int], disliked: Sequence[int]) -> Vectors:
    """Return a query's vectors, space → float32 (1, d), moved towards liked rows and away from disliked ones."""
    if not liked and not disliked:
        return vectors
    pull, push = ranking.mean_vectors(liked), ranking.mean_vectors(disliked)
    moved = {}
    for name, vector in vectors.items():
        sum_ = vector + LIKED_WEIGHT * pull.get(name, 0) - DISLIKED_WEIGHT * push.get(name, 0)
        moved[name] = _unit(np.asarray(sum_, np.float32))
    return moved


def _unit(matrix: Matrix) -> Matrix:
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), np.float32(1e-12))
