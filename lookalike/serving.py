"""The one recommender over a folder that a process serves: ready to answer, counted, shared by every thread."""

import gc
import hashlib
import json
from pathlib import Path

import numpy as np

from . import telemetry
from .errors import LookalikeError
from .live_index import LiveRecommender
from .loading import load_recommender

_shared = {}


def shared(folder):
    """The LiveRecommender of a folder: one a process, whoever asks."""
    return _shared.setdefault(str(folder), LiveRecommender(folder, opened))


def opened(folder, like=None, load=load_recommender):
    """load(folder, like) once it has answered, told to the log and the metrics; raises LookalikeError alone."""
    try:
        recommender = warmed(load(folder, like))
    except (LookalikeError, MemoryError) as error:
        telemetry.failed(error)
        raise
    except Exception as error:
        # A fault of ours: visitors get a sentence, the log the class and the place.
        telemetry.failed(error)
        raise LookalikeError(f"The index cannot be loaded ({type(error).__name__}).") from None
    _settle()
    telemetry.index_loaded(recommender.index, recommender.index.made)
    telemetry.log("index", **described(recommender))
    return recommender


def warmed(recommender):
    """The recommender, once it has answered: engines get ready at their first question, not at their making."""
    side = recommender.embedder.size
    grey = np.full((1, side, side, 3), 128, np.uint8)
    recommender.nearest(recommender.index.completed(recommender.embedder.vectors(grey)), 1)
    return recommender


def _settle():
    """What is loaded now stays: Streamlit collects garbage after every run, and need not look through all of it.

    What was settled before is looked through once more: of the index served until now nothing may stay.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def described(recommender):
    """What is served: products, the index's version (12 digits of its files' digests), backbone, precision."""
    index, embedder = recommender.index, recommender.embedder
    digests = index.manifest.get("files") or list(index.names)
    version = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()[:12]
    backbone = Path(embedder.backbone.name).stem
    return {"products": len(index.names), "index": version, "backbone": backbone, "precision": embedder.precision}
