"""ResNet-50's ImageNet weights where Keras keeps them: its cache, or its download into that."""

import hashlib
import os
import threading
import urllib.request
from pathlib import Path

from .errors import WeightsError

RESNET50_FILE = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
RESNET50_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{RESNET50_FILE}"
RESNET50_MD5 = "4d473c1dd8becc155b73f8504c6f6626"
CONNECT_SECONDS = 15


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
