"""What a manifest (index.json) may say; every other module may rely on the types checked here."""

import json
import math
from pathlib import Path

from lookalike.errors import CatalogueError
from lookalike.files import file_sha256
from lookalike.index.catalogue import readable, stored_name

# Ours have two thousand bytes.
MAX_BYTES, MAX_DEPTH = 1_000_000, 20

TEXTS = (
    *("backbone", "weights", "weights_file", "pooling", "precision", "fashion"),
    *("images", "styles", "styles_sha256", "skipped_sha256"),
)

COUNTS = ("n", "channels")

PARTS = ("files", "preprocessing", "tuning")


def parse_manifest(content):
    """The manifest in those bytes, its types checked; raises ValueError."""
    if len(content) > MAX_BYTES:
        raise ValueError("it is too long")
    try:
        manifest = json.loads(content.decode("utf-8"), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is too deep") from None
    if not isinstance(manifest, dict) or not _plain(manifest, MAX_DEPTH):
        raise ValueError("it is no manifest")
    missing = {"format", "backbone", "files", "n", "channels"} - manifest.keys()
    if missing or not all(_fits(key, value) for key, value in manifest.items()):
        raise ValueError("what it says is of the wrong kind")
    return manifest


def _refuse(constant):
    raise ValueError(f"{constant} is no number")


def _plain(value, depth):
    """Whether it is not nested absurdly and all its numbers are finite."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_plain(item, depth - 1) for item in inner)
    return not isinstance(value, float) or math.isfinite(value)


def _is_text(value):
    """Whether it can stand in a sentence and in a path: half a character of UTF-16 can do neither."""
    return isinstance(value, str) and "\0" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)


def _fits(key, value):
    if key == "files":
        return isinstance(value, dict) and all(isinstance(digest, str) for digest in value.values())
    if key == "format":
        return type(value) is int
    if key in COUNTS:
        return type(value) is int and 0 < value < 2**31
    if key in TEXTS:
        return _is_text(value) or (value is None and key != "backbone")
    return key not in PARTS or value is None or isinstance(value, dict)


def describe(made_by, backbone, styles, output):
    """What the manifest records: made_by, where the weights and the table of attributes are, and what that said.

    An app takes over an index whose manifest has changed, though nothing but a word in the table may have.
    """
    return {
        **made_by,
        "weights_file": recorded(str(Path(backbone.weights).resolve())),
        "styles": recorded(stored_name(styles, output)) if styles else None,
        "styles_sha256": _table_sha256(styles) if styles else None,
    }


def recorded(name):
    """The name of a file or folder, where a manifest can hold it; raises CatalogueError where it cannot."""
    if name != readable(name):
        raise CatalogueError(f"The name {readable(name)} is no UTF-8, which an index cannot record. Rename it first.")
    return name


def _table_sha256(styles):
    try:
        return file_sha256(styles)
    except OSError:  # moved meanwhile: products are shown without attributes until the next run
        return None
