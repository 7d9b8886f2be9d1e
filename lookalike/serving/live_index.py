"""The recommender over a folder's index as it is now: a new whole index is taken over while queries go on."""

import gc
import hashlib
import json
import threading
import time
from pathlib import Path

import numpy as np

from lookalike.errors import IndexFileError, LookalikeError
from lookalike.search.loading import index_version, load_recommender
from lookalike.serving import telemetry

# How soon the same files are tried again; what they need besides (weights, memory) may be there by then.
RETRY_SECONDS = 30.0


_shared = {}


class LiveRecommender:
    """The index in folder, asked by any number of threads; each gets one whole index, never a mixture.

    An index that is damaged, or half written, is not taken over: the old one answers on, and problem is the
    sentence that says why (None where all is well). load(folder, like=recommender or None) makes a Recommender
    or raises LookalikeError.
    """

    def __init__(self, folder, load=load_recommender):
        self.folder = folder
        self.problem = None
        self._load = load
        # A pair, replaced as one: what is served, and its version.
        self._served = None
        self._refused, self._refused_at = None, 0.0
        self._loading = threading.Lock()

    def current(self):
        """The Recommender and its version, which changes with the index; raises LookalikeError while there is none.

        One thread at a time loads; where there is an old index, the others go on with that.
        """
        served = self._served
        try:
            version = index_version(self.folder)
        except LookalikeError:
            # Whoever could tell is not to be reached; what is served may be all that is needed.
            if served:
                return served
            raise
        if served and (version == served[1] or not self._worth_loading(version)):
            # Back to the files that are served: whatever was wrong is gone.
            if version == served[1]:
                self.problem = None
            return served
        if self._loading.acquire(blocking=served is None):
            try:
                self._take_over()
            finally:
                self._loading.release()
        return self._served

    def _worth_loading(self, version):
        return version != self._refused or time.monotonic() - self._refused_at > RETRY_SECONDS

    def _take_over(self):
        """Load what is there now; the old one stays where that fails or changes while it is read."""
        served = self._served
        try:
            before = index_version(self.folder)
        except LookalikeError:
            if served:
                return
            raise
        if served and served[1] == before:
            return
        if served is None and self.problem and not self._worth_loading(before):
            raise IndexFileError(self.problem)
        try:
            recommender = self._load(self.folder, like=served[0] if served else None)
        except (LookalikeError, MemoryError) as error:
            self._refused, self._refused_at = before, time.monotonic()
            self.problem = str(error) or f"The index in {self.folder} needs more memory than there is."
            if served is None:
                raise IndexFileError(self.problem) from None
            return
        # Without a manifest nothing but the clock tells whether two files belong together.
        if recommender.index.manifest or index_version(self.folder) == before:
            self._served, self.problem = (recommender, before), None
        elif served is None:
            raise IndexFileError(f"The index in {self.folder} is being written. Try again in a moment.")


def shared(folder):
    """The LiveRecommender of a folder: one a process, whoever asks."""
    return _shared.setdefault(str(folder), LiveRecommender(folder, open_recommender))


def open_recommender(folder, like=None, load=load_recommender):
    """load(folder, like) once it has answered, told to the log and the metrics; raises LookalikeError alone."""
    try:
        recommender = warm_up(load(folder, like))
    except (LookalikeError, MemoryError) as error:
        telemetry.failed(error)
        raise
    except Exception as error:
        # A fault of ours: visitors get a sentence, the log the class and the place.
        telemetry.failed(error)
        raise LookalikeError(f"The index cannot be loaded ({type(error).__name__}).") from None
    _settle()
    telemetry.index_loaded(recommender.index, recommender.index.written_at)
    telemetry.log("index", **describe(recommender))
    return recommender


def warm_up(recommender):
    """The recommender, once it has answered: engines get ready at their first question, not at their making."""
    side = recommender.embedder.size
    grey = np.full((1, side, side, 3), 128, np.uint8)
    recommender.nearest(recommender.index.with_tuned(recommender.embedder.vectors(grey)), 1)
    return recommender


def _settle():
    """What is loaded now stays: Streamlit collects garbage after every run, and need not look through all of it.

    What was settled before is looked through once more: of the index served until now nothing may stay.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def describe(recommender):
    """What is served: products, the index's version (12 digits of its files' digests), backbone, precision."""
    index, embedder = recommender.index, recommender.embedder
    digests = index.manifest.get("files") or list(index.names)
    version = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()[:12]
    backbone = Path(embedder.backbone.name).stem
    return {"products": len(index.names), "index": version, "backbone": backbone, "precision": embedder.precision}
