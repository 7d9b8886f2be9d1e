"""Runs a backbone with OpenVINO; the converted model is kept in a cache folder for the next start."""

import os
import re
import shutil
import tempfile
import threading
from pathlib import Path

import openvino as ov

from ..errors import WeightsError
from .convert import convert_keras

# Part of the cache key: raise it whenever the conversion below changes what a model computes.
CONVERSION = 1


class OpenVinoEngine:
    """uint8 pixels (n, s, s, 3) → float32 feature maps (n, h, w, C), on this machine's CPU."""

    def __init__(self, backbone, cache=None):
        model = _cached(backbone, Path(cache) if cache else default_cache())
        options = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        self._request = ov.Core().compile_model(model, "CPU", options).create_infer_request()
        self._channels_last = backbone.preprocessing.layout == "NHWC"
        # A request is not made for two callers at once; visitors of the app are threads.
        self._lock = threading.Lock()

    def feature_maps(self, pixels):
        with self._lock:
            self._request.infer([pixels])
            maps = self._request.get_output_tensor(0).data.copy()
        if maps.ndim == 2:
            return maps[:, None, None, :]
        return maps if self._channels_last else maps.transpose(0, 2, 3, 1)


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
            return ov.Core().read_model(file)
        except RuntimeError:  # damaged: made again below
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
            os.rename(Path(folder, "new"), file.parent)
    except (OSError, RuntimeError):
        pass


def _convert(backbone):
    if str(backbone.weights).lower().endswith(".onnx"):
        return _with_preprocessing(_read_onnx(backbone), backbone.preprocessing)
    # The folder goes away with this block; a model read from it would still be mapped to its file.
    with tempfile.TemporaryDirectory() as folder:
        convert_keras(backbone, Path(folder, "keras.xml"))
        core = ov.Core()
        core.set_property({"ENABLE_MMAP": False})
        return _with_preprocessing(core.read_model(Path(folder, "keras.xml")), backbone.preprocessing)


def _read_onnx(backbone):
    size, layout = backbone.preprocessing.size, backbone.preprocessing.layout
    try:
        model = ov.Core().read_model(backbone.weights)
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
