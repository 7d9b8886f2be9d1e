"""Run a backbone with OpenVINO. The converted model is kept in a cache folder for the next start."""

import os
import queue
import re
import shutil
import tempfile
from collections import deque
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
import openvino as ov

from lookalike.embedding.backbones import Backbone, Preprocessing
from lookalike.embedding.engines.convert import convert_keras
from lookalike.errors import WeightsError
from lookalike.files import file_sha256
from lookalike.settings import Settings
from lookalike.types import Matrix, Pixels

# Part of the cache's key: raise it whenever the conversion below changes what a model computes, and PREPARATION in
# images/decoding.py with it; otherwise an index would mix old vectors with new ones.
CONVERSION = 3

DIGEST = "sha256"


class OpenVinoEngine:
    """uint8 pixels (n, s, s, 3) → float32 feature maps (n, h, w, C), on this machine's CPU.

    Each image is an asynchronous request of its own, so that its vector never depends on the rest of its batch.
    """

    def __init__(
        self,
        backbone: Backbone,
        precision: str,
        streams: int,
        max_outputs: int | None = None,
        cores: int | None = None,
        cache: Path | None = None,
    ) -> None:
        """Load the model; raises WeightsError.

        Args:
            backbone: the network.
            precision: one of supported_precisions().
            streams: how many requests run at the same time. One for each core gives the most images a second; one
                over all cores gives the quickest single answer.
            max_outputs: compute only that many of the model's first outputs, None for all.
            cores: how many cores it may use, None for all.
            cache: the folder of converted models, None for that of Settings.
        """
        self.backbone = backbone
        model = _load_model(backbone, cache or Settings.from_environment().cache)
        for result in model.get_results()[max_outputs:] if max_outputs else ():
            model.remove_result(result)
        size = backbone.preprocessing.size
        # The processor's code for one known shape is faster than that for any shape.
        model.reshape([1, size, size, 3])
        options = {"INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": str(streams)}
        options |= {"INFERENCE_NUM_THREADS": str(cores)} if cores else {}
        compiled = _core().compile_model(model, "CPU", options)
        # One request more than streams, so that no stream waits while an answer is copied.
        self._idle: queue.SimpleQueue[ov.InferRequest] = queue.SimpleQueue()
        for _ in range(streams + 1):
            self._idle.put(compiled.create_infer_request())

    def feature_maps(self, pixels: Pixels) -> Matrix:
        """Return float32 feature maps (n, h, w, C) for uint8 pixels (n, s, s, 3)."""
        maps = self.outputs(pixels)[0]
        if maps.ndim == 2:
            return maps[:, None, None, :]
        return maps if self.backbone.preprocessing.layout == "NHWC" else maps.transpose(0, 2, 3, 1)

    def outputs(self, pixels: Pixels) -> tuple[Matrix, ...]:
        """Return every output of the model for uint8 pixels (n, s, s, 3), in its order, each float32 (n, …)."""
        answers: list[list[Matrix]] = []
        running: deque[ov.InferRequest] = deque()
        try:
            for image in pixels:
                request = self._next_request(answers, running)
                running.append(request)
                request.start_async([image[None]])
            while running:
                answers.append(self._finish(running.popleft()))
        finally:
            # After an error every request comes back: the next caller would wait for a lost one forever.
            for request in running:
                with suppress(Exception):
                    self._finish(request)
        return tuple(np.stack(output) for output in zip(*answers))

    def _next_request(self, answers: list[list[Matrix]], running: "deque[ov.InferRequest]") -> ov.InferRequest:
        """Return an idle request. A caller with running ones finishes those first, so that callers never deadlock."""
        while running:
            try:
                return self._idle.get_nowait()
            except queue.Empty:
                answers.append(self._finish(running.popleft()))
        return self._idle.get()

    def _finish(self, request: ov.InferRequest) -> list[Matrix]:
        try:
            request.wait()
            return [tensor.data[0].copy() for tensor in request.output_tensors]
        finally:
            self._idle.put(request)


def supported_precisions() -> tuple[str, ...]:
    """Return the precisions that this machine's CPU has instructions for: f32, and on some bf16."""
    capabilities = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ("f32", "bf16") if "BF16" in capabilities else ("f32",)


@lru_cache(maxsize=1)
def _core() -> ov.Core:
    """Return the process's one Core, which outlives every engine.

    A Core that has used a processor gives its thread a stack for signals, and takes that memory back when it goes,
    from whatever thread and in whatever order. The next Ctrl-C would then be a segmentation fault.
    """
    return ov.Core()


def _load_model(backbone: Backbone, cache: Path) -> ov.Model:
    """Return the converted model from the cache, or convert it and put it there whole."""
    stem = re.sub(r"\W+", "-", Path(backbone.name).stem)
    key = f"{stem}-{backbone.manifest_key()}-{CONVERSION}-{ov.__version__.split('-')[0]}"
    file = cache / key / "model.xml"
    if os.path.isfile(file):  # Path.is_file raises where the folder may not be looked into
        try:
            if (file.parent / DIGEST).read_text() == _model_digest(file.parent):
                return _core().read_model(file)
        except (RuntimeError, OSError, ValueError):
            pass
        # It is damaged; it is made again below.
        shutil.rmtree(file.parent, ignore_errors=True)
    model = _convert(backbone)
    _save_model(model, file)
    return model


def _save_model(model: ov.Model, file: Path) -> None:
    """Write the model's folder beside its place and rename it. A cache that cannot be written only costs time."""
    try:
        file.parent.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent.parent) as folder:
            ov.save_model(model, Path(folder, "new", file.name), compress_to_fp16=False)
            Path(folder, "new", DIGEST).write_text(_model_digest(Path(folder, "new")))
            os.rename(Path(folder, "new"), file.parent)
    except (OSError, RuntimeError):
        pass


def _model_digest(folder: Path) -> str:
    """Return the SHA-256 of each file of a model. This reveals damage, not a file put there on purpose."""
    return "\n".join(file_sha256(folder / name) for name in ("model.xml", "model.bin"))


def _convert(backbone: Backbone) -> ov.Model:
    if backbone.is_onnx:
        return _with_preprocessing(_read_onnx(backbone), backbone.preprocessing)
    # The folder goes away with this block, so the model must not stay mapped to its file.
    with tempfile.TemporaryDirectory() as folder:
        convert_keras(backbone, Path(folder, "keras.xml"))
        core = ov.Core()  # a second one, for this property
        core.set_property({"ENABLE_MMAP": False})
        return _with_preprocessing(core.read_model(Path(folder, "keras.xml")), backbone.preprocessing)


def count_output_dimensions(file: Path) -> int:
    """Return how many dimensions the first output of an ONNX model has, the batch's included; raises WeightsError."""
    try:
        dimensions: int = _core().read_model(file).output(0).partial_shape.rank.get_length()
        return dimensions
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1][:200]
        raise WeightsError(f"{file} cannot be used as an encoder ({reason})") from None


def _read_onnx(backbone: Backbone) -> ov.Model:
    size, layout = backbone.preprocessing.size, backbone.preprocessing.layout
    try:
        model = _core().read_model(backbone.weights)
        model.reshape([-1, 3, size, size] if layout == "NCHW" else [-1, size, size, 3])
        rank = model.output(0).partial_shape.rank.get_length()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1][:200]
        raise WeightsError(
            f"{backbone.weights} cannot be used as an encoder of {size} × {size} pixels ({reason})"
        ) from None
    if rank != (2 if backbone.pooling == "none" else 4):
        raise WeightsError(
            f"{backbone.weights} gives an output of {rank} dimensions; pooling max or average needs 4 "
            "(a feature map), pooling none 2 (a vector). Correct the .json beside it, or export another output first."
        )
    return model


def _with_preprocessing(model: ov.Model, preprocessing: Preprocessing) -> ov.Model:
    """Make the graph itself take uint8 RGB pixels, so that it is handed bytes, not floats."""
    steps = ov.preprocess.PrePostProcessor(model)
    image = steps.input()
    image.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    image.tensor().set_color_format(ov.preprocess.ColorFormat.RGB)
    image.model().set_layout(ov.Layout(preprocessing.layout))
    to_float = image.preprocess().convert_element_type(ov.Type.f32)
    if preprocessing.order == "BGR":
        to_float = to_float.convert_color(ov.preprocess.ColorFormat.BGR)
    to_float.mean(list(preprocessing.mean)).scale(list(preprocessing.std))
    return steps.build()
