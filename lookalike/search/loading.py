"""From the folder of an index, or its address, to a Recommender: reads the manifest and finds the backbone it names."""

import os
from pathlib import Path

from lookalike.embedding.backbones import find_backbone
from lookalike.embedding.embedder import load_embedder
from lookalike.embedding.fashion import find_fashion
from lookalike.errors import IndexFileError, WeightsError
from lookalike.index.reading import FILES, load_index
from lookalike.milvus.server import is_address
from lookalike.search.recommender import Recommender

# What the classic scripts, which wrote no manifest, all used.
CLASSIC = "resnet50"


def load_recommender(folder, like=None):
    """The Recommender over the index in folder, or at a milvus:// address, with the backbone of its manifest.

    like, a Recommender over an earlier index, lends its embedder where this index was made with the same one.
    Raises IndexFileError, also where that backbone cannot be had, with the command that mends it.
    """
    index = _load(folder)
    _check_fashion(index)
    backbone = _backbone(index)
    if like and like.embedder.backbone == backbone and _precision(like.index) == _precision(index):
        return Recommender(index, like.embedder)
    # bf16 where the index was made with it and this processor has it; f32 queries fit either.
    precision = "auto" if _precision(index) == "bf16" else "f32"
    return Recommender(index, load_embedder(backbone, precision=precision))


def _load(folder):
    if is_address(folder):
        from lookalike.milvus.loading import load_published

        return load_published(folder)
    return load_index(folder)


def _precision(index):
    return index.manifest.get("precision")


def _check_fashion(index):
    """Raise IndexFileError where products were seen by another fashion network than photos would be."""
    if index.manifest.get("fashion") not in (None, find_fashion().manifest_key()):
        raise IndexFileError(
            "The index was made with another fashion network (Lookalike was updated since). "
            "Make it again: python extract_features.py"
        )


def _backbone(index):
    name = index.manifest.get("backbone", CLASSIC)
    recorded = Path(index.manifest.get("weights_file") or "")
    weights = recorded if name == "resnet50" and os.path.isfile(recorded) else None
    try:
        backbone = find_backbone(name, weights, announce=lambda text: None)
    except WeightsError as error:
        raise IndexFileError(
            f"The index was made with {name}, which cannot be loaded: {error} "
            "Or make the index again: python extract_features.py"
        ) from None
    differing = [key for key, value in backbone.manifest().items() if index.manifest.get(key, value) != value]
    if differing:
        raise IndexFileError(
            f"The index was made with another {name} ({', '.join(differing)} differ). "
            "Make it again: python extract_features.py"
        )
    return backbone


def index_version(folder):
    """What changes whenever an index in folder is replaced; for caches that must not outlive it."""
    if is_address(folder):
        from lookalike.milvus.loading import published_version

        return published_version(folder)
    return tuple(version for name in FILES if (version := _file_version(Path(folder, name))))


def _file_version(path):
    try:
        status = path.stat()
    except OSError:  # not there, or being replaced this very moment
        return None
    return path.name, status.st_ino, status.st_mtime_ns, status.st_size
