"""Runs a backbone with TensorFlow: for a visible GPU, and where OpenVINO is not installed."""

import os
import threading
from pathlib import Path

import numpy as np

from lookalike.errors import WeightsError

BATCH_SIZE = 32

# On some processors the last rows of a batch are summed in another order: they belong to an empty image.
FILLERS = 1


class TensorFlowEngine:
    """uint8 pixels (n, s, s, 3) → float32 feature maps (n, h, w, C), in batches of one shape.

    Batches of one size give an image the same vector whatever it shares its batch with; a lone image
    is a batch of its own, quicker and a rounding apart, unless throughput is asked for. Of the model's
    outputs only the first so many are computed, where first says how many.
    """

    name = "tensorflow"

    def __init__(self, backbone, throughput=False, first=None):
        if str(backbone.weights).lower().endswith(".onnx"):
            raise WeightsError("An .onnx encoder needs the engine openvino. Run: pip install -r requirements.txt")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        from lookalike.embedding.engines.keras_models import keras_model, with_first_outputs

        model = keras_model(backbone.name, backbone.weights)
        self._model = with_first_outputs(model, first) if first else model
        self.backbone = backbone
        self._preprocessing = backbone.preprocessing
        self._lone = BATCH_SIZE if throughput else 1
        self._lock = threading.Lock()

    def feature_maps(self, pixels):
        return self.outputs(pixels)[0]

    def outputs(self, pixels):
        """Every output of the model for uint8 pixels (n, s, s, 3), in its order: a list of (n, …)."""
        with self._lock:
            parts = [self._run(pixels[start : start + BATCH_SIZE]) for start in range(0, len(pixels), BATCH_SIZE)]
        return [np.concatenate(output) for output in zip(*parts)]

    def _run(self, pixels):
        # predict_on_batch compiles anew for every size it meets: one image, and full batches, are enough.
        size = self._lone if len(pixels) == 1 else BATCH_SIZE
        size += FILLERS if size > 1 else 0
        padded = np.concatenate([pixels, np.zeros((size - len(pixels), *pixels.shape[1:]), np.uint8)])
        answers = self._model.predict_on_batch(self._preprocessed(padded))
        answers = answers if isinstance(answers, list) else [answers]
        return [np.asarray(answer)[: len(pixels)] for answer in answers]

    def _preprocessed(self, pixels):
        ordered = pixels[..., ::-1] if self._preprocessing.order == "BGR" else pixels
        mean, std = (np.array(values, np.float32) for values in (self._preprocessing.mean, self._preprocessing.std))
        return (ordered.astype(np.float32) - mean) / std


def sees_gpu():
    """Whether TensorFlow could use a GPU; imports it only where the driver's device exists."""
    if not Path("/dev/nvidiactl").exists():
        return False
    import tensorflow

    return bool(tensorflow.config.list_physical_devices("GPU"))
