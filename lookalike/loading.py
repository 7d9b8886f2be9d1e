"""From the folder of an index to a Recommender: reads the manifest and finds the backbone it names."""

from pathlib import Path

from .backbones import find_backbone
from .embedder import load_embedder
from .errors import IndexFileError, WeightsError
from .index import FILES, load_index
from .search import Recommender

# What the classic scripts, which wrote no manifest, all used.
CLASSIC = "resnet50"


def load_recommender(folder):
    """The Recommender over the index in folder, with the backbone of its manifest.

    Raises IndexFileError, also where that backbone cannot be had, with the command that mends it.
    """
    index = load_index(folder)
    # bf16 where the index was made with it and this processor has it; f32 queries fit either.
    precision = "auto" if index.manifest.get("precision") == "bf16" else "f32"
    return Recommender(index, load_embedder(_backbone(index), precision=precision))


def _backbone(index):
    name = index.manifest.get("backbone", CLASSIC)
    recorded = Path(index.manifest.get("weights_file", ""))
    weights = recorded if name == "resnet50" and recorded.is_file() else None
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
    files = (Path(folder, name) for name in FILES)
    return tuple((file.stat().st_mtime_ns, file.stat().st_size) for file in files if file.is_file())
