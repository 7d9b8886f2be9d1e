"""The manifest (index.json): what it may say, and what of it is known before the vectors are."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, cast

from lookalike.errors import CatalogueError
from lookalike.files import file_sha256
from lookalike.index.catalogue import readable, stored_name
from lookalike.types import StrPath

# Ours have two thousand bytes.
MAX_BYTES, MAX_DEPTH = 1_000_000, 20

REQUIRED_KEYS = {"format", "backbone", "files", "n", "channels"}


class Manifest(TypedDict, total=False):
    """What index.json says, in the types that are checked when it is read; empty for a classic pair of pickles.

    Attributes:
        format: version of the layout on disk.
        n, channels: shape of the look space.
        files: name of each other file of the index → its SHA-256.
        backbone, weights, weights_file, preprocessing, pooling, precision, fashion: what made the vectors.
        images, styles: POSIX paths of the images' folder and of the table of attributes, relative if inside.
        styles_sha256, skipped_sha256: SHA-256 of that table and of skipped.csv.
        tuning: how the tuned space was made and what it gains.
    """

    format: int
    n: int
    channels: int
    files: dict[str, str]
    backbone: str
    weights: str | None
    weights_file: str | None
    preprocessing: dict | None
    pooling: str | None
    precision: str | None
    fashion: str | None
    images: str | None
    styles: str | None
    styles_sha256: str | None
    skipped_sha256: str | None
    tuning: dict | None


def parse_manifest(content: bytes) -> Manifest:
    """Return the manifest in those bytes, its types checked; raises ValueError."""
    if len(content) > MAX_BYTES:
        raise ValueError("it is too long")
    try:
        manifest = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(manifest, dict) or not _is_plain(manifest, MAX_DEPTH):
        raise ValueError("it is not a manifest")
    if REQUIRED_KEYS - manifest.keys() or not all(_has_right_type(key, value) for key, value in manifest.items()):
        raise ValueError("a value is missing or has the wrong type")
    return cast(Manifest, manifest)


def describe(made_by: Mapping[str, Any], weights_file: StrPath, styles: StrPath | None, output: StrPath) -> Manifest:
    """Return what a manifest records before the vectors are made: made_by, the weights' file, and the table.

    The table's digest is there because apps reload an index only if its manifest has changed.
    """
    description = {
        **made_by,
        "weights_file": check_name(str(Path(weights_file).resolve())),
        "styles": check_name(stored_name(styles, output)) if styles else None,
        "styles_sha256": _table_sha256(styles) if styles else None,
    }
    return cast(Manifest, description)


def check_name(name: str) -> str:
    """Return the name of a file or folder; raises CatalogueError if a manifest cannot hold it."""
    if name != readable(name):
        raise CatalogueError(f"The name {readable(name)} is not UTF-8, which an index cannot record. Rename it first.")
    return name


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")


def _is_plain(value: object, depth: int) -> bool:
    """Return whether a value is nested at most depth levels deep and all its numbers are finite."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_is_plain(item, depth - 1) for item in inner)
    return not isinstance(value, float) or math.isfinite(value)


def _is_text(text: str) -> bool:
    """Return whether text can stand in a sentence and in a path, which half a UTF-16 character cannot."""
    return "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


def _has_right_type(key: str, value: object) -> bool:
    if key not in Manifest.__annotations__:  # of a later version
        return True
    if key == "files":
        return isinstance(value, dict) and all(isinstance(digest, str) for digest in value.values())
    if key in ("n", "channels"):
        return type(value) is int and 0 < value < 2**31
    if isinstance(value, str) and not _is_text(value):
        return False
    # A bool would be an int as well.
    return isinstance(value, Manifest.__annotations__[key]) and type(value) is not bool


def _table_sha256(styles: StrPath) -> str | None:
    try:
        return file_sha256(styles)
    except OSError:  # moved in the meantime: products are shown without attributes until the next run
        return None
