"""Keeps visitors' photos, where a shop has switched that on: by content, never by the client's name."""

import hashlib
from pathlib import Path

from .images import thumbnail

KEPT_SIDE = 1024


def keep(photo, folder):
    """Write the photo's bytes, as a JPEG without metadata, under their SHA-256 and return the Path."""
    path = Path(folder, hashlib.sha256(photo).hexdigest() + ".jpg")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(thumbnail(photo, KEPT_SIDE))
    return path
