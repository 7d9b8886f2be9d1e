"""A product's picture as a small JPEG: the thumbnail kept beside the index, or made from the product's file."""

from pathlib import Path

from lookalike.files import sha256
from lookalike.images.decoding import is_quick, read_source, thumbnail
from lookalike.index.thumbnails import find_thumbnail, has_thumbnails
from lookalike.types import StrPath

# What is kept has about so many pixels a side at least, where its file has them. Larger pictures are made of the file.
MAX_SIDE = 450


def card_picture(folder: StrPath, file: Path, side: int) -> bytes:
    """Return a JPEG of a product's file for the page: what is kept of it beside the index in a folder, as it is.

    Otherwise it is made, at most side pixels wide and high; raises ImageError. A thumbnail is found by the content of
    the file, so a file that has changed since never shows what it was.
    """
    content, kept = _read(folder, file)
    return kept or thumbnail(content, side, file.name)


def small_picture(folder: StrPath, file: Path, side: int) -> bytes:
    """Return a JPEG of a product's file, at most side pixels wide and high, in little time; raises ImageError."""
    content, kept = _read(folder, file)
    return thumbnail(content if kept is None or side > MAX_SIDE else kept, side, file.name)


def _read(folder: StrPath, file: Path) -> tuple[bytes, bytes | None]:
    """Return a file's bytes, and the thumbnail that is kept of them."""
    content = read_source(file, file.name)
    may_be_kept = has_thumbnails(folder) and not is_quick(content, file.name)
    return content, find_thumbnail(folder, sha256(content)) if may_be_kept else None
