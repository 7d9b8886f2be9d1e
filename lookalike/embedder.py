"""Runs a backbone: pixels → feature maps → unit vectors. Its engine is imported when first used."""

import numpy as np


class Embedder:
    """A backbone and the engine that runs it; size is the side of the pixels it takes."""

    def __init__(self, backbone, engine):
        self.backbone = backbone
        self.size = backbone.preprocessing.size
        self._engine = engine

    def feature_maps(self, pixels):
        """uint8 pixels (n, size, size, 3) → float32 feature maps (n, h, w, C)."""
        return self._engine.feature_maps(np.ascontiguousarray(pixels))

    def embed(self, pixels):
        """uint8 pixels (n, size, size, 3) → look vectors, float32 (n, C), each of norm 1."""
        return normalise(pool(self.feature_maps(pixels), self.backbone.pooling))


def pool(maps, pooling="max"):
    """Feature maps (n, h, w, C) → (n, C), the maximum (or average) over the cells, not normalised."""
    return maps.mean(axis=(1, 2)) if pooling == "average" else maps.max(axis=(1, 2))


def normalise(vectors):
    """Vectors (n, d) → float32 (n, d) of norm 1; a vector of zeros stays as it is."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)


def load_embedder(backbone):
    """The Embedder of a Backbone, ready to run; raises WeightsError."""
    from .engines.openvino import OpenVinoEngine

    return Embedder(backbone, OpenVinoEngine(backbone))
