"""What a manifest (index.json) may say; every other module may rely on the types checked here."""

import json
import math

# Ours have two thousand bytes.
MOST_BYTES, MOST_DEPTH = 1_000_000, 20
TEXTS = (
    *("backbone", "weights", "weights_file", "pooling", "precision", "fashion"),
    *("images", "styles", "styles_sha256", "skipped_sha256"),
)
COUNTS = ("n", "channels")
PARTS = ("files", "preprocessing", "tuning")


def parse_manifest(content):
    """The manifest in those bytes, its types checked; raises ValueError."""
    if len(content) > MOST_BYTES:
        raise ValueError("it is too long")
    try:
        manifest = json.loads(content.decode("utf-8"), parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is too deep") from None
    if not isinstance(manifest, dict) or not _plain(manifest, MOST_DEPTH):
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
