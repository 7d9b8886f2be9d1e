"""Which files an index may make the app show: the catalogue's own, whatever paths it holds."""

import os
from pathlib import Path

# Folders, separated as in PATH, that an operator allows besides: for classic indexes, and for linked images.
ALSO = "LOOKALIKE_PICTURES"


def catalogue_file(index, product):
    """The Path of a product's picture, or None where it lies outside the catalogue or is no file.

    The catalogue is the images' folder that the manifest records, or else the folder of the index itself;
    links are followed first.
    """
    try:
        path = Path(index.folder, product.name).resolve(strict=True)
        inside = any(path.is_relative_to(folder) for folder in _folders(index))
        return path if inside and path.is_file() else None
    except (OSError, ValueError, RuntimeError):  # gone, not a path, links in a circle
        return None


def _folders(index):
    recorded = Path(index.folder, index.manifest.get("images") or "").resolve()
    # A manifest that says the catalogue is the whole disk is not believed.
    own = [recorded] if recorded != Path(recorded.anchor) else []
    return own + [Path(folder).resolve() for folder in os.environ.get(ALSO, "").split(os.pathsep) if folder]
