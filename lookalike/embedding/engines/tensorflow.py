"""Run a backbone with TensorFlow, an extra: on a visible GPU, and where OpenVINO is not installed."""

import os
import threading
from importlib import util
from pathlib import Path

import numpy as np

from lookalike.embedding.backbones import Backbone
from lookalike.errors import WeightsError
from lookalike.types import Matrix, Pixels

BATCH_SIZE = 32

# Some processors sum the last rows of a batch in another order, so those rows are an empty image.
FILLERS = 1


class TensorFlowEngine:
    """uint8 pixels (n, s, s, 3) → float32 feature maps (n, h, w, C), in batches of one shape.

    Batches of one size give an image the same vector whatever else is in its batch. A lone image is a batch of its
    own, which is quicker but differs by a rounding, unless throughput is asked for.
    """

    def __init__(self, backbone: Backbone, throughput: bool = False, max_outputs: int | None = None) -> None:
        """Load the model, with only its first max_outputs outputs (None for all); raises WeightsError."""
        if backbone.is_onnx:
            raise WeightsError("An .onnx encoder needs the engine openvino. Run: pip install -r requirements.txt")
        if not is_installed():
            raise WeightsError(
                "The engine tensorflow is not installed. Run: pip install -r requirements.txt "
                "(with Python 3.11 to 3.13), or leave --engine out."
            )
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        import keras

        if keras.backend.backend() != "tensorflow":
            raise WeightsError(
                f"The engine tensorflow cannot run: Keras was started with {keras.backend.backend()} in this process. "
                "Set KERAS_BACKEND=tensorflow, or leave --engine out."
            )
        from lookalike.embedding.engines.keras_models import keep_first_outputs, keras_model

        model = keras_model(backbone.name, backbone.weights)
        self._model = keep_first_outputs(model, max_outputs) if max_outputs else model
        self.backbone = backbone
        self._preprocessing = backbone.preprocessing
        self._lone_batch_size = BATCH_SIZE if throughput else 1
        self._lock = threading.Lock()

    def feature_maps(self, pixels: Pixels) -> Matrix:
        """Return float32 feature maps (n, h, w, C) for uint8 pixels (n, s, s, 3)."""
        return self.outputs(pixels)[0]

    def outputs(self, pixels: Pixels) -> tuple[Matrix, ...]:
        """Return every output of the model for uint8 pixels (n, s, s, 3), in its order, each float32 (n, …)."""
        with self._lock:
            parts = [self._run(pixels[start : start + BATCH_SIZE]) for start in range(0, len(pixels), BATCH_SIZE)]
        return tuple(np.concatenate(output) for output in zip(*parts))

    def _run(self, pixels: Pixels) -> list[Matrix]:
        # predict_on_batch compiles again for every size it meets: one image and full batches are enough.
        size = self._lone_batch_size if len(pixels) == 1 else BATCH_SIZE
        size += FILLERS if size > 1 else 0
        padded = np.concatenate([pixels, np.zeros((size - len(pixels), *pixels.shape[1:]), np.uint8)])
        answers = self._model.predict_on_batch(self._preprocess(padded))
        answers = answers if isinstance(answers, list) else [answers]
        return [np.asarray(answer)[: len(pixels)] for answer in answers]

    def _preprocess(self, pixels: Pixels) -> Matrix:
        ordered = pixels[..., ::-1] if self._preprocessing.order == "BGR" else pixels
        mean, std = (np.array(values, np.float32) for values in (self._preprocessing.mean, self._preprocessing.std))
        return (ordered.astype(np.float32) - mean) / std


def is_installed() -> bool:
    """Return whether TensorFlow is installed, without importing it."""
    return util.find_spec("tensorflow") is not None


def sees_gpu() -> bool:
    """Return whether TensorFlow could use a GPU; imports it only if the driver's device exists."""
    if not (Path("/dev/nvidiactl").exists() and is_installed()):
        return False
    import tensorflow

    return bool(tensorflow.config.list_physical_devices("GPU"))
