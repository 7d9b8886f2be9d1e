"""From the folder of an index, or its address, to a Recommender: reads the manifest and finds the backbone it names."""

import os
from collections.abc import Hashable
from pathlib import Path

from lookalike.embedding.backbones import Backbone, find_backbone
from lookalike.embedding.embedder import load_embedder
from lookalike.embedding.fashion import find_fashion
from lookalike.errors import INDEX_COMMAND, REBUILD, IndexFileError, WeightsError
from lookalike.index.catalogue import Catalogue
from lookalike.index.reading import FILES, load_index
from lookalike.search.plain_ranking import LOOK, PlainRecommender
from lookalike.search.recommender import Recommender
from lookalike.settings import Ranking
from lookalike.types import StrPath

# What the classic scripts, which wrote no manifest, all used.
CLASSIC_BACKBONE = "resnet50"


def load_recommender(folder: StrPath, like: Recommender | None = None, ranking: Ranking = "default") -> Recommender:
    """Return the Recommender over the index in a folder, or at a milvus:// address, with its manifest's backbone.

    like, a Recommender over an earlier index, lends its embedder if this index was made with the same one. ranking
    "look" ranks by the look alone. Raises IndexFileError, also if that backbone cannot be loaded, with the command to
    run; ServerError for an address.
    """
    index = load_catalogue(folder)
    _check_fashion(index)
    backbone = _find_backbone(index)
    precision = index.manifest.get("precision")
    if like and like.embedder.backbone == backbone and like.index.manifest.get("precision") == precision:
        embedder = like.embedder
    else:
        # bf16 if the index was made with it and this processor has it; f32 queries fit either.
        embedder = load_embedder(backbone, precision="auto" if precision == "bf16" else "f32")
    if ranking == "default":
        return Recommender(index, embedder)
    return PlainRecommender(index, embedder) if index.is_in_memory else Recommender(index, embedder, LOOK)


def index_version(folder: StrPath) -> Hashable:
    """Return what changes whenever the index in a folder or at an address is replaced, for caches.

    It is () if there is no index. Raises ServerError for an address that cannot be reached.
    """
    from lookalike.milvus.server import is_address

    if is_address(folder):
        from lookalike.milvus.loading import published_version

        return published_version(str(folder))
    return tuple(version for name in FILES if (version := _file_version(Path(folder, name))))


def load_catalogue(folder: StrPath) -> Catalogue:
    """Return the index in a folder, or at a milvus:// address; raises IndexFileError, ServerError for an address."""
    from lookalike.milvus.server import is_address

    if is_address(folder):
        from lookalike.milvus.loading import load_published

        return load_published(str(folder))
    return load_index(folder)


def _check_fashion(index: Catalogue) -> None:
    """Raise IndexFileError if the products were embedded by another fashion network than photos would be."""
    if index.manifest.get("fashion") not in (None, find_fashion().manifest_key()):
        raise IndexFileError(
            f"The index was made with another fashion network (Lookalike was updated since). {REBUILD}"
        )


def _find_backbone(index: Catalogue) -> Backbone:
    name = index.manifest.get("backbone", CLASSIC_BACKBONE)
    recorded = index.manifest.get("weights_file") or ""
    weights = recorded if name == "resnet50" and os.path.isfile(recorded) else None
    try:
        backbone = find_backbone(name, weights)
    except WeightsError as error:
        raise IndexFileError(
            f"The index was made with {name}, which cannot be loaded: {error} Or make the index again: {INDEX_COMMAND}"
        ) from None
    differing = [key for key, value in backbone.manifest().items() if index.manifest.get(key, value) != value]
    if differing:
        raise IndexFileError(f"The index was made with another {name} ({', '.join(differing)} differ). {REBUILD}")
    return backbone


def _file_version(path: Path) -> tuple[str, int, int, int] | None:
    try:
        status = path.stat()
    except OSError:  # not there, or being replaced at this moment
        return None
    return path.name, status.st_ino, status.st_mtime_ns, status.st_size
