"""Runs a backbone with OpenVINO; the converted model is kept in a cache folder for the next start."""

import os
import queue
import re
import shutil
import tempfile
from collections import deque
from functools import lru_cache
from pathlib import Path

import numpy as np
import openvino as ov

from lookalike.embedding.engines.convert import convert_keras
from lookalike.errors import WeightsError
from lookalike.files import file_sha256

# Part of the cache's key: raise it whenever the conversion below changes what a model computes, and PREPARATION in
# images.py with it, or old vectors would stay beside new ones.
CONVERSION = 3

DIGEST = "sha256"


class OpenVinoEngine:
    """uint8 pixels (n, s, s, 3) → float32 feature maps (n, h, w, C), on this machine's CPU.

    Each image is an asynchronous request of its own, so that its vector never depends on which images
    happen to share a batch with it. streams is how many requests are computed side by side: one core
    each gives the most images a second, one stream over all cores the quickest single answer. Of the
    model's outputs only the first so many are computed, where first says how many; cores is how many
    of the machine's it may use, all by default.
    """

    name = "openvino"

    def __init__(self, backbone, precision, streams, cache=None, first=None, cores=None):
        self.backbone = backbone
        model = _cached(backbone, Path(cache) if cache else default_cache())
        for result in model.get_results()[first:] if first else ():
            model.remove_result(result)
        size = backbone.preprocessing.size
        # The processor's code for one known shape is faster than that for any shape.
        model.reshape([1, size, size, 3])
        options = {"INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": str(streams)}
        options |= {"INFERENCE_NUM_THREADS": str(cores)} if cores else {}
        compiled = _core().compile_model(model, "CPU", options)
        # One request more than streams, so that none waits while an answer is copied.
        self._idle = queue.SimpleQueue()
        for _ in range(streams + 1):
            self._idle.put(compiled.create_infer_request())

    def outputs(self, pixels):
        """Every output of the model for uint8 pixels (n, s, s, 3), in its order: a list of (n, …)."""
        answers, running = [], deque()
        for image in pixels:
            request = self._next_request(answers, running)
            request.start_async([image[None]])
            running.append(request)
        answers += [self._finish(request) for request in running]
        return [np.stack(output) for output in zip(*answers)]

    def _next_request(self, answers, running):
        """An idle request; who holds some finishes those first, so that callers never wait for each other."""
        while running:
            try:
                return self._idle.get_nowait()
            except queue.Empty:
                answers.append(self._finish(running.popleft()))
        return self._idle.get()

    def _finish(self, request):
        try:
            request.wait()
            return [tensor.data[0].copy() for tensor in request.output_tensors]
        finally:
            self._idle.put(request)

    def feature_maps(self, pixels):
        maps = self.outputs(pixels)[0]
        if maps.ndim == 2:
            return maps[:, None, None, :]
        return maps if self.backbone.preprocessing.layout == "NHWC" else maps.transpose(0, 2, 3, 1)


def supported_precisions():
    """The precisions this machine's CPU computes in its own instructions: f32, and bf16 on some."""
    capabilities = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ("f32", "bf16") if "BF16" in capabilities else ("f32",)


@lru_cache(maxsize=1)
def _core():
    """The process's one Core, which outlives every engine.

    Each Core that has met a processor gives its thread a stack for signals and takes that memory back when it goes,
    from whatever thread and in whatever order: the next Ctrl-C would then be a segmentation fault.
    """
    return ov.Core()


def default_cache():
    """The folder of converted models: $LOOKALIKE_CACHE, or lookalike in the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("LOOKALIKE_CACHE") or Path(home, "lookalike"))


def _cached(backbone, cache):
    """The converted model, from the cache or made now and put there whole."""
    stem = re.sub(r"\W+", "-", Path(backbone.name).stem)
    key = f"{stem}-{backbone.manifest_key()}-{CONVERSION}-{ov.__version__.split('-')[0]}"
    file = cache / key / "model.xml"
    if file.is_file():
        try:
            if (file.parent / DIGEST).read_text() == _digest(file.parent):
                return _core().read_model(file)
        except (RuntimeError, OSError, ValueError):
            pass
        # Damaged: made again below.
        shutil.rmtree(file.parent, ignore_errors=True)
    model = _convert(backbone)
    _keep(model, file)
    return model


def _keep(model, file):
    """Write beside and rename; a cache that cannot be written costs the next start some seconds only."""
    try:
        file.parent.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent.parent) as folder:
            ov.save_model(model, Path(folder, "new", file.name), compress_to_fp16=False)
            Path(folder, "new", DIGEST).write_text(_digest(Path(folder, "new")))
            os.rename(Path(folder, "new"), file.parent)
    except (OSError, RuntimeError):
        pass


def _digest(folder):
    """The SHA-256 of each file of a model: one that is damaged is noticed, one put there on purpose is not."""
    return "\n".join(file_sha256(folder / name) for name in ("model.xml", "model.bin"))


def _convert(backbone):
    if str(backbone.weights).lower().endswith(".onnx"):
        return _with_preprocessing(_read_onnx(backbone), backbone.preprocessing)
    # The folder goes away with this block; a model read from it would still be mapped to its file.
    with tempfile.TemporaryDirectory() as folder:
        convert_keras(backbone, Path(folder, "keras.xml"))
        core = ov.Core()  # of its own, for this property
        core.set_property({"ENABLE_MMAP": False})
        return _with_preprocessing(core.read_model(Path(folder, "keras.xml")), backbone.preprocessing)


def _read_onnx(backbone):
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
            "(a feature map), pooling none 2 (a vector). Mend the .json beside it."
        )
    return model


def _with_preprocessing(model, preprocessing):
    """Let the graph itself take uint8 RGB pixels, so that bytes, not floats, are handed over."""
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
