"""Runs a backbone: pixels → feature maps → unit vectors. Its engine is imported when first used."""

import hashlib
import json
import os
from dataclasses import dataclass
from importlib import util

import numpy as np

from lookalike.embedding.color import ANCHORS, color_vectors
from lookalike.embedding.fashion import DIMENSION, INDEXED_OUTPUTS, find_fashion
from lookalike.embedding.padding import coverage_of_boxes, pad_to_frame
from lookalike.errors import WeightsError
from lookalike.images.decoding import PREPARATION

ENGINES = ("auto", "openvino", "tensorflow")

PRECISIONS = ("auto", "bf16", "f32")


@dataclass(frozen=True, eq=False)
class FashionMaps:
    """What the fashion network gives for n images, and the pixels uint8 (n, 192, 192, 3) it was given.

    boxes, float32 (n, 4), say where in these pixels the images lie: left, top, right, bottom in fractions.
    vectors are float32 (n, 256), garment the scores (n, 12, 12) from 0 to 1; last is the map
    (n, 6, 6, 1280) before any pooling, None with an embedder loaded for throughput.
    """

    pixels: np.ndarray
    boxes: np.ndarray
    vectors: np.ndarray
    garment: np.ndarray
    last: np.ndarray | None = None

    @property
    def seen(self):
        """The garment's scores (n, 12, 12) within the images, without what these were extended by."""
        return self.garment * coverage_of_boxes(self.boxes, self.garment.shape[1])


class Embedder:
    """A backbone and the engine that runs it; size is the side of the pixels it takes.

    With fashion, the engine of our own network, products and photos get fashion and color vectors too.
    """

    def __init__(self, backbone, engine, precision="f32", fashion=None):
        self.backbone = backbone
        self.size = backbone.preprocessing.size
        self.precision = precision
        self._engine = engine
        self._fashion = fashion

    def manifest(self):
        """What the index records of how its vectors were made."""
        description = {**self.backbone.manifest(), "precision": self.precision}
        return {**description, "fashion": self._fashion.backbone.manifest_key()} if self._fashion else description

    def key(self):
        """16 hexadecimal digits that change whenever anything that makes the vectors does."""
        text = json.dumps({**self.manifest(), "preparation": PREPARATION}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def feature_maps(self, pixels):
        """uint8 pixels (n, size, size, 3) → float32 feature maps (n, h, w, C)."""
        return self._engine.feature_maps(np.ascontiguousarray(pixels))

    def embed(self, pixels):
        """uint8 pixels (n, size, size, 3) → look vectors, float32 (n, C), each of norm 1."""
        return normalize(pool(self.feature_maps(pixels), self.backbone.pooling))

    def vectors(self, pixels, aspects=None):
        """uint8 pixels (n, size, size, 3) → a dict from space to float32 (n, d), look first.

        aspects are the n images' width by height: what tells fashion and color how much they were squashed.
        """
        return {"look": self.embed(pixels), **self.fashion_vectors(pixels, aspects)}

    def fashion_vectors(self, pixels, aspects=None):
        """vectors without look: fashion and color, {} where there is no fashion network."""
        maps = self.fashion_maps(pixels, aspects)
        return {"fashion": normalize(maps.vectors), "color": color_vectors(maps.pixels, maps.seen)} if maps else {}

    def fashion_maps(self, pixels, aspects=None):
        """uint8 pixels (n, size, size, 3) and aspects → FashionMaps, or None where there is no fashion network."""
        if not self._fashion:
            return None
        small, boxes = pad_to_frame(pixels, aspects, self._fashion.backbone.preprocessing.size)
        return FashionMaps(small, boxes, *self._fashion.outputs(small))

    def rows(self, pixels, aspects=None):
        """The vectors of each image side by side: float32 (n, d)."""
        return np.concatenate(list(self.vectors(pixels, aspects).values()), axis=1)

    @property
    def widths_after_look(self):
        """How many numbers of a row each space after look takes: a dict in their order."""
        return {"fashion": DIMENSION, "color": len(ANCHORS)} if self._fashion else {}


def pool(maps, pooling="max"):
    """Feature maps (n, h, w, C) → (n, C), the maximum (or average) over the cells, not normalized."""
    return maps.mean(axis=(1, 2)) if pooling == "average" else maps.max(axis=(1, 2))


def normalize(vectors):
    """Vectors (n, d) → float32 (n, d) of norm 1; a vector of zeros stays as it is."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)


def load_embedder(backbone, engine="auto", precision="auto", throughput=False, cores=None):
    """The Embedder of a Backbone, ready to run; raises WeightsError.

    throughput is for indexing: most images a second rather than the quickest single answer, on so many cores
    where cores says how many.
    """
    if engine == "tensorflow" or (engine == "auto" and _tensorflow_is_better()):
        return _with_tensorflow(backbone, precision, throughput)
    return _with_openvino(backbone, precision, throughput, cores)


def _tensorflow_is_better():
    if util.find_spec("openvino") is None:
        return True
    from lookalike.embedding.engines.tensorflow import sees_gpu

    return sees_gpu()


def _with_tensorflow(backbone, precision, throughput):
    from lookalike.embedding.engines.tensorflow import TensorFlowEngine

    if precision == "bf16":
        raise WeightsError("The engine tensorflow computes in f32. Leave --precision out, or use --engine openvino.")
    look = TensorFlowEngine(backbone, throughput)
    fashion = TensorFlowEngine(find_fashion(), throughput, INDEXED_OUTPUTS if throughput else None)
    return Embedder(backbone, look, "f32", fashion)


def _with_openvino(backbone, precision, throughput, cores):
    if util.find_spec("openvino") is None:
        raise WeightsError("The engine openvino is not installed. Run: pip install -r requirements.txt")
    from lookalike.embedding.engines.openvino import OpenVinoEngine, supported_precisions

    supported = supported_precisions()
    precision = supported[-1] if precision == "auto" else precision
    if precision not in supported:
        raise WeightsError(f"This processor has no instructions for {precision}. Use --precision f32 or auto.")
    streams = (cores or os.cpu_count()) if throughput else 1
    look = OpenVinoEngine(backbone, precision, streams, cores=cores)
    first = INDEXED_OUTPUTS if throughput else None
    fashion = OpenVinoEngine(find_fashion(), precision, streams, first=first, cores=cores)
    return Embedder(backbone, look, precision, fashion)
