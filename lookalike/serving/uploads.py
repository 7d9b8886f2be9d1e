"""Keeps visitors' photos if a shop has switched that on: by content, never by the client's file name."""

import logging
from pathlib import Path

from PIL import Image

from lookalike.errors import LookalikeError
from lookalike.files import write_whole
from lookalike.images.decoding import jpeg_thumbnail
from lookalike.search.query import View
from lookalike.serving import telemetry
from lookalike.types import StrPath

KEPT_SIDE = 1024


def keep(photo: View | Image.Image, digest: str, folder: StrPath) -> Path | None:
    """Write a photo as a JPEG without metadata, named by digest, its SHA-256, and return the Path.

    A photo that is already there is left alone. None if the disk or the machine refuses, which the log tells: a
    visitor's answer must not fail because of the shop's copy.
    """
    path = Path(folder, f"{digest}.jpg")
    try:
        if not path.exists():
            image = photo.enlarged() if isinstance(photo, View) else photo
            # For the shop's own user alone, whatever the umask is.
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(path, jpeg_thumbnail(image, KEPT_SIDE), mode=0o600)
    except (OSError, MemoryError, LookalikeError) as error:
        telemetry.log("not-kept", logging.WARNING, error=type(error).__name__)
        return None
    return path
