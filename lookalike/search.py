"""Search: a photo, or vectors, in; the nearest products of an index out."""

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from .errors import IndexFileError
from .images import load_pixels
from .index import Product


@dataclass(frozen=True)
class Match:
    """One answer: rank from 1, euclidean distance between unit vectors (0 to 2), the product."""

    rank: int
    distance: float
    product: Product

    @property
    def cosine(self):
        """The cosine that belongs to the distance: 1 the same look, 0 nothing in common."""
        return 1 - self.distance**2 / 2


class Recommender:
    """An index and the embedder it was made with; fitted once, then asked by any number of threads."""

    def __init__(self, index, embedder):
        self.index = index
        self.embedder = embedder
        self._neighbors = NearestNeighbors(algorithm="brute", metric="euclidean").fit(index.look)

    def similar(self, photo, k=5):
        """The k matches of one photo (a path or its bytes), nearest first; raises ImageError."""
        pixels = load_pixels(photo, self.embedder.size)
        return self.nearest(self.embedder.embed(pixels[None]), k)[0]

    def nearest(self, vectors, k=5):
        """For look vectors (m, C): a list of m lists of at most k matches, nearest first."""
        self._check_width(vectors)
        k = min(k, len(self.index.names))
        distances, rows = self._neighbors.kneighbors(vectors, n_neighbors=k)
        return [
            [
                Match(rank, float(distance), self.index.product(row))
                for rank, (distance, row) in enumerate(zip(*found), start=1)
            ]
            for found in zip(distances, rows)
        ]

    def _check_width(self, vectors):
        if np.shape(vectors)[1] != self.index.look.shape[1]:
            raise IndexFileError(
                f"The index holds vectors of {self.index.look.shape[1]} numbers, the backbone gives "
                f"{np.shape(vectors)[1]}. Make the index again: python extract_features.py"
            )
