"""The recommender over an index as it is now: a new whole index is taken over while queries go on."""

import gc
import json
import threading
import time
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Protocol, TypeAlias, TypedDict, TypeVar, cast

import numpy as np

from lookalike.errors import IndexFileError, LookalikeError
from lookalike.files import sha256
from lookalike.search.loading import index_version, load_recommender
from lookalike.search.recommender import Recommender
from lookalike.serving import telemetry
from lookalike.types import StrPath

# When the same files are tried again: what else they need (weights, memory) may be there by then.
RETRY_SECONDS = 30.0

Served: TypeAlias = tuple[Recommender, Hashable]
"""A recommender and the version of its index."""

Value = TypeVar("Value")


class Description(TypedDict):
    """What is served, for the log and the health check."""

    products: int
    index: str
    backbone: str
    precision: str


class Load(Protocol):
    """Opens the index in a folder or at an address; like is the recommender that is served now."""

    def __call__(self, folder: StrPath, like: Recommender | None = None) -> Recommender: ...


class LiveRecommender:
    """The index in a folder, used by any number of threads. Each gets one whole index, never a mixture.

    A damaged or half-written index is not taken over: the old one keeps answering, and problem is the sentence that
    says why (None if all is well). load returns a Recommender or raises LookalikeError.
    """

    def __init__(self, folder: StrPath, load: Load = load_recommender) -> None:
        self.folder = folder
        self.problem: str | None = None
        self._load = load
        # What is served, and its version: replaced together.
        self._served: Served | None = None
        self._refused: Hashable = None
        self._refused_at = 0.0
        self._loading = threading.Lock()

    def current(self) -> Served:
        """Return the Recommender and its version, which changes with the index.

        One thread at a time loads; if there is an old index, the others continue with that. Raises LookalikeError
        while there is none.
        """
        served = self._served
        try:
            version = index_version(self.folder)
        except LookalikeError:
            # The server cannot be reached. What is served may still answer.
            if served:
                return served
            raise
        if served and version == served[1]:
            # The files that are served are back: the problem is gone.
            self.problem = None
            return served
        if served and not self._is_worth_loading(version):
            return served
        if served is None:
            self._loading.acquire()
        elif not self._loading.acquire(blocking=False):
            return served
        del served  # or the index that is replaced would outlive _take_over
        try:
            return self._take_over()
        finally:
            self._loading.release()

    def _is_worth_loading(self, version: Hashable) -> bool:
        return version != self._refused or time.monotonic() - self._refused_at > RETRY_SECONDS

    def _take_over(self) -> Served:
        """Load what is there now. The old index stays if that fails, or if the files change while they are read."""
        served = self._served
        try:
            before = index_version(self.folder)
        except LookalikeError:
            if served:
                return served
            raise
        if served and served[1] == before:
            return served
        if served is None and self.problem and not self._is_worth_loading(before):
            raise IndexFileError(self.problem)
        try:
            recommender = self._load(self.folder, like=served[0] if served else None)
        except (LookalikeError, MemoryError) as error:
            self._refused, self._refused_at = before, time.monotonic()
            self.problem = str(error) or f"The index in {self.folder} needs more memory than there is."
            if served:
                return served
            raise IndexFileError(self.problem) from None
        # Without a manifest, only an unchanged version tells that the two files belong together.
        if recommender.index.manifest or index_version(self.folder) == before:
            self._served, self.problem = (recommender, before), None
            # The old one and what was kept with it refer to each other.
            served = None
            gc.collect()
            return recommender, before
        if served:
            return served
        raise IndexFileError(f"The index in {self.folder} is being written. Try again in a moment.")


def open_recommender(folder: StrPath, like: Recommender | None = None, load: Load = load_recommender) -> Recommender:
    """Load a recommender, let it answer once, and report it to the log and the metrics.

    Raises LookalikeError or MemoryError alone.
    """
    try:
        recommender = load(folder, like)
        warm_up(recommender)
        telemetry.index_loaded(recommender.index, recommender.index.written_at)
        telemetry.log("index", **describe(recommender))
        return recommender
    except (LookalikeError, MemoryError) as error:
        telemetry.failed(error)
        raise
    except Exception as error:
        # A bug: visitors get a sentence, the log the error's class and place.
        telemetry.failed(error)
        raise LookalikeError(f"The index cannot be loaded ({type(error).__name__}).") from None


def warm_up(recommender: Recommender) -> None:
    """Answer a gray picture: engines get ready at their first question, not when they are made."""
    side = recommender.embedder.size
    gray = np.full((1, side, side, 3), 128, np.uint8)
    _ = recommender.index.groups
    recommender.nearest(recommender.index.with_tuned(recommender.embedder.vectors(gray)), 1)
    if recommender.embedder.finds_garments:
        recommender.embedder.garments(np.full((recommender.embedder.garment_side,) * 2 + (3,), 128, np.uint8))


def kept_with(owner: object, name: str, make: Callable[[], Value]) -> Value:
    """Return what make computes of a recommender or an index: computed once, kept with it and gone with it.

    A cache of its own would hold a replaced index for as long as nobody asks for the next one. Errors are not kept.
    """
    kept = vars(owner).setdefault("kept_with_it", {})
    # A lock for each name: what takes seconds must not hold up what is there already.
    with kept.setdefault(("lock", name), threading.Lock()):
        if name not in kept:
            kept[name] = make()
        return cast(Value, kept[name])


def describe(recommender: Recommender) -> Description:
    """Return what is served: products, the index's version (12 digits of a SHA-256), backbone, precision."""
    index, embedder = recommender.index, recommender.embedder
    digests = index.manifest.get("files") or list(index.names)
    version = sha256(json.dumps(digests, sort_keys=True).encode())[:12]
    backbone = Path(embedder.backbone.name).stem
    return {"products": index.product_count, "index": version, "backbone": backbone, "precision": embedder.precision}
