"""Keeps visitors' photos, where a shop has switched that on: by content, never by the client's name."""

import hashlib
import logging
import os
import secrets
from contextlib import suppress
from pathlib import Path

from lookalike.errors import LookalikeError
from lookalike.images.decoding import thumbnail
from lookalike.serving import telemetry

KEPT_SIDE = 1024


def keep(photo, folder):
    """Write the photo's bytes, as a JPEG without metadata, under their SHA-256 and return the Path.

    None where the disk or the machine refuses, which the log tells: a visitor's answer must not fail for a shop's copy.
    """
    path = Path(folder, hashlib.sha256(photo).hexdigest() + ".jpg")
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, thumbnail(photo, KEPT_SIDE))
    except (OSError, LookalikeError) as error:
        telemetry.log("not-kept", logging.WARNING, error=type(error).__name__)
        return None
    return path


def _write(path, content):
    """Whole or not at all: half a photo would stand for the whole one ever after."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise
