"""Run a backbone: pixels → feature maps → unit vectors. Its engine is imported when first used."""

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import util
from typing import Any, Protocol

import numpy as np

from lookalike.embedding.backbones import Backbone
from lookalike.embedding.color import ANCHORS, color_vectors
from lookalike.embedding.fashion import INDEXED_OUTPUTS, describe_fashion, find_fashion
from lookalike.embedding.garments import Garment, describe_finder, find_finder, find_garments
from lookalike.embedding.padding import coverage_of_boxes, pad_to_frame
from lookalike.errors import WeightsError
from lookalike.images.decoding import PREPARATION
from lookalike.settings import ensure_home, usable_cores
from lookalike.types import Engine, Matrix, Pixels


class BackboneEngine(Engine, Protocol):
    """An engine that says which backbone it runs."""

    backbone: Backbone


@dataclass(frozen=True, eq=False)
class FashionMaps:
    """What the fashion network gives for n images.

    Attributes:
        pixels: uint8 (n, 192, 192, 3), what it was given.
        boxes: float32 (n, 4), where in these pixels the images lie: left, top, right, bottom in fractions.
        vectors: float32 (n, 256).
        garment: float32 (n, 12, 12), scores from 0 to 1.
        details: float32 (n, 96), the detail vectors.
        last: float32 (n, 6, 6, 1280), the map before any pooling; None from an embedder loaded for throughput.
    """

    pixels: Pixels
    boxes: Matrix
    vectors: Matrix
    garment: Matrix
    details: Matrix
    last: Matrix | None = None

    @property
    def visible_garment(self) -> Matrix:
        """The garment's scores (n, 12, 12) within the images, 0 where these were padded."""
        return self.garment * coverage_of_boxes(self.boxes, self.garment.shape[1])


class Embedder:
    """A backbone and the engine that runs it; size is the side of the pixels it takes.

    With fashion, the engine of our own network, products and photos get fashion, color and detail vectors too.
    load_finder loads the engine that finds garments, once somebody asks for them.
    """

    def __init__(
        self,
        backbone: Backbone,
        engine: Engine,
        precision: str = "f32",
        fashion: BackboneEngine | None = None,
        load_finder: Callable[[], Engine] | None = None,
    ) -> None:
        self.backbone = backbone
        self.size = backbone.preprocessing.size
        self.precision = precision
        self._engine = engine
        self._fashion = fashion
        self._load_finder = load_finder
        self._finder: Engine | None = None
        self._lock = threading.Lock()

    def manifest(self) -> dict[str, Any]:
        """Return what the index records about how its vectors were made."""
        description = {**self.backbone.manifest(), "precision": self.precision}
        return {**description, "fashion": self._fashion.backbone.manifest_key()} if self._fashion else description

    def key(self) -> str:
        """Return 16 hexadecimal digits that change whenever anything that makes the vectors does."""
        text = json.dumps({**self.manifest(), "preparation": PREPARATION}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def feature_maps(self, pixels: Pixels) -> Matrix:
        """Return the feature maps, float32 (n, h, w, C), of uint8 pixels (n, size, size, 3)."""
        return self._engine.feature_maps(np.ascontiguousarray(pixels))

    def embed(self, pixels: Pixels) -> Matrix:
        """Return the look vectors, float32 (n, C) of norm 1, of uint8 pixels (n, size, size, 3)."""
        return normalize(pool(self.feature_maps(pixels), self.backbone.pooling))

    def vectors(self, pixels: Pixels, aspects: Sequence[float] | None = None) -> dict[str, Matrix]:
        """Return the vectors, space → float32 (n, d), look first, of uint8 pixels (n, size, size, 3).

        aspects are the n images' width divided by their height: how much fashion and color see them squashed.
        """
        return {"look": self.embed(pixels), **self.fashion_vectors(pixels, aspects)}

    def fashion_vectors(self, pixels: Pixels, aspects: Sequence[float] | None = None) -> dict[str, Matrix]:
        """Return the vectors without look: fashion, color and detail; {} without a fashion network."""
        maps = self.fashion_maps(pixels, aspects)
        if not maps:
            return {}
        colors = color_vectors(maps.pixels, maps.visible_garment)
        return {"fashion": normalize(maps.vectors), "color": colors, "detail": normalize(maps.details)}

    def fashion_maps(self, pixels: Pixels, aspects: Sequence[float] | None = None) -> FashionMaps | None:
        """Return the FashionMaps of uint8 pixels (n, size, size, 3), None without a fashion network."""
        if not self._fashion:
            return None
        small, boxes = pad_to_frame(pixels, aspects, self._fashion.backbone.preprocessing.size)
        return FashionMaps(small, boxes, *self._fashion.outputs(small))

    @property
    def finds_garments(self) -> bool:
        """Whether garments can be asked for."""
        return self._load_finder is not None

    @property
    def garment_side(self) -> int:
        """How many pixels a side garments are looked for in."""
        return describe_finder().side

    def garments(self, pixels: Pixels) -> list[Garment]:
        """Return the garments in one image squashed to uint8 (garment_side, garment_side, 3); raises WeightsError."""
        with self._lock:
            if self._finder is None and self._load_finder:
                self._finder = self._load_finder()
        if self._finder is None:
            return []
        return find_garments(self._finder, pixels)

    def rows(self, pixels: Pixels, aspects: Sequence[float] | None = None) -> Matrix:
        """Return the vectors of each image side by side: float32 (n, d)."""
        return np.concatenate(list(self.vectors(pixels, aspects).values()), axis=1)

    @property
    def widths_after_look(self) -> dict[str, int]:
        """How many numbers of a row each space after look takes, in their order."""
        if not self._fashion:
            return {}
        network = describe_fashion()
        return {"fashion": network.dimension, "color": len(ANCHORS), "detail": network.detail_dimension}


def pool(maps: Matrix, pooling: str = "max") -> Matrix:
    """Return the maximum (or average) over the cells of feature maps (n, h, w, C): (n, C), not normalized."""
    return maps.mean(axis=(1, 2)) if pooling == "average" else maps.max(axis=(1, 2))


def normalize(vectors: Matrix) -> Matrix:
    """Return vectors (n, d) as float32 (n, d) of norm 1; a vector of zeros stays as it is."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)


def load_embedder(
    backbone: Backbone,
    engine: str = "auto",
    precision: str = "auto",
    throughput: bool = False,
    cores: int | None = None,
) -> Embedder:
    """Return the Embedder of a Backbone, ready to run; raises WeightsError.

    engine and precision are among ENGINES and PRECISIONS of settings.py. throughput is for indexing: it gives the most
    images a second rather than the quickest single answer, on that many cores (None: all that this process may use).
    """
    ensure_home()
    if engine == "tensorflow" or (engine == "auto" and _prefers_tensorflow()):
        return _load_with_tensorflow(backbone, precision, throughput)
    return _load_with_openvino(backbone, precision, throughput, cores)


def load_finder(engine: str = "auto", precision: str = "auto") -> Engine:
    """Return the engine that find_garments needs, ready to run; raises WeightsError."""
    ensure_home()
    if engine == "tensorflow" or (engine == "auto" and _prefers_tensorflow()):
        from lookalike.embedding.engines.tensorflow import TensorFlowEngine

        return TensorFlowEngine(find_finder())
    from lookalike.embedding.engines.openvino import OpenVinoEngine, supported_precisions

    return OpenVinoEngine(find_finder(), supported_precisions()[-1] if precision == "auto" else precision, streams=1)


def _prefers_tensorflow() -> bool:
    from lookalike.embedding.engines.tensorflow import is_installed, sees_gpu

    return sees_gpu() or (is_installed() and util.find_spec("openvino") is None)


def _load_with_tensorflow(backbone: Backbone, precision: str, throughput: bool) -> Embedder:
    from lookalike.embedding.engines.tensorflow import TensorFlowEngine

    if precision == "bf16":
        raise WeightsError("The engine tensorflow computes in f32. Leave --precision out, or use --engine openvino.")
    look = TensorFlowEngine(backbone, throughput)
    fashion = TensorFlowEngine(find_fashion(), throughput, INDEXED_OUTPUTS if throughput else None)
    return Embedder(backbone, look, "f32", fashion, None if throughput else partial(load_finder, "tensorflow", "f32"))


def _load_with_openvino(backbone: Backbone, precision: str, throughput: bool, cores: int | None) -> Embedder:
    if util.find_spec("openvino") is None:
        raise WeightsError("The engine openvino is not installed. Run: pip install -r requirements.txt")
    from lookalike.embedding.engines.openvino import OpenVinoEngine, supported_precisions

    supported = supported_precisions()
    precision = supported[-1] if precision == "auto" else precision
    if precision not in supported:
        raise WeightsError(f"This processor has no instructions for {precision}. Use --precision f32 or auto.")
    streams = (cores or usable_cores()) if throughput else 1
    look = OpenVinoEngine(backbone, precision, streams, cores=cores)
    max_outputs = INDEXED_OUTPUTS if throughput else None
    fashion = OpenVinoEngine(find_fashion(), precision, streams, max_outputs=max_outputs, cores=cores)
    return Embedder(
        backbone, look, precision, fashion, None if throughput else partial(load_finder, "openvino", precision)
    )
