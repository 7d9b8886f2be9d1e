"""ResNet-50's ImageNet weights as Keras publishes them: in Keras's own cache, or downloaded into it."""

import hashlib
import os
import sys
import threading
import urllib.request
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from lookalike.errors import WeightsError

MAX_SECONDS_TO_CONNECT = 15


@dataclass(frozen=True)
class PublishedWeights:
    """A file that Keras publishes, named and checked as Keras does."""

    file: str
    url: str
    md5: str


RESNET50_FILE = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
RESNET50 = PublishedWeights(
    file=RESNET50_FILE,
    url=f"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{RESNET50_FILE}",
    md5="4d473c1dd8becc155b73f8504c6f6626",
)


def fetch_weights(published: PublishedWeights, announce: Callable[[str], object]) -> Path:
    """Return the path of the weights in Keras's cache; raises WeightsError.

    If they are not there, downloads them with Keras's own downloader, after telling announce.
    """
    path = _keras_folder() / "models" / published.file
    if not _is_complete(path, published.md5):
        check_reachable(published.url)
        announce("Downloading ResNet-50's ImageNet weights (95 MB) into Keras's cache, once.")
        path = _download(published)
    return path


def _keras_folder() -> Path:
    """Return where Keras keeps its files: for a user without a home directory, in /tmp."""
    folder = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    is_usable = os.path.isdir(folder) or os.access(os.path.dirname(folder), os.W_OK)
    return Path(folder if is_usable else "/tmp/.keras")  # noqa: S108 # nosec B108 - Keras's own choice; see _is_complete


def _is_complete(path: Path, md5: str) -> bool:
    """Return whether the file is the published one: an interrupted download leaves a part of it there."""
    if not os.path.isfile(path):  # Path.is_file raises where the folder may not be looked into
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == md5


def _download(published: PublishedWeights) -> Path:
    # Without a choice Keras wants TensorFlow, which need not be there; and an engine may want it afterwards.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow" if util.find_spec("tensorflow") else "openvino")
    import keras

    try:
        with redirect_stdout(sys.stderr):  # where Keras shows progress; stdout is for results
            file = keras.utils.get_file(published.file, published.url, cache_subdir="models", file_hash=published.md5)
        return Path(file)
    except Exception as error:  # keras passes on whatever urllib, the disk or its hash check raises
        raise WeightsError(
            f"ResNet-50's weights could not be downloaded ({error}). Try again or, when indexing, give their file "
            "with --weights."
        ) from None


def check_reachable(
    url: str, max_seconds: float = MAX_SECONDS_TO_CONNECT, max_socket_seconds: float = MAX_SECONDS_TO_CONNECT
) -> None:
    """Read one byte from url; raises WeightsError if that takes longer than max_seconds.

    A thread does it, because a hanging resolver or proxy ignores the socket's own time-out, max_socket_seconds.
    """
    problem = [f"no answer within {max_seconds:g} s"]

    def read_byte() -> None:
        try:
            with urllib.request.urlopen(url, timeout=max_socket_seconds) as answer:  # noqa: S310 # nosec B310 - our own https URL
                answer.read(1)
            problem.clear()
        except OSError as error:
            reason = getattr(error, "reason", error)
            # The socket's time-out may come before the thread's. A reader need not tell them apart.
            if not isinstance(reason, TimeoutError):
                problem[0] = str(reason)

    thread = threading.Thread(target=read_byte, daemon=True)
    thread.start()
    thread.join(max_seconds)
    if problem:
        raise WeightsError(
            f"ResNet-50's weights are not in Keras's cache and cannot be downloaded ({problem[0]}). "
            "Put their file there (~/.keras/models) or, when indexing, give their file with --weights."
        )
