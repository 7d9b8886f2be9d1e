"""ResNet-50's ImageNet weights as Keras publishes them: in Keras's own cache, or downloaded into it."""

import hashlib
import os
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
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
    path = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras", "models", published.file)
    if not _is_complete(path, published.md5):
        check_reachable(published.url)
        announce("Downloading ResNet-50's ImageNet weights (95 MB) into Keras's cache, once.")
        _download(published)
    return path


def _is_complete(path: Path, md5: str) -> bool:
    """Return whether the file is the published one: an interrupted download leaves a part of it there."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == md5


def _download(published: PublishedWeights) -> None:
    import keras

    try:
        keras.utils.get_file(published.file, published.url, cache_subdir="models", file_hash=published.md5)
    except Exception as error:  # keras passes on whatever urllib, the disk or its hash check raises
        raise WeightsError(
            f"ResNet-50's weights could not be downloaded ({error}). Try again, or give their file with --weights."
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
            f"ResNet-50's weights are not in Keras's cache and cannot be downloaded ({problem[0]}); "
            "give their file with --weights to use it."
        )
