"""Find the images of a folder."""

import os
from pathlib import Path

from PIL import Image

from lookalike.errors import CatalogueError
from lookalike.images.headers import FORMATS
from lookalike.images.pillow import set_up_pillow
from lookalike.types import StrPath


def image_suffixes() -> frozenset[str]:
    """Return the lowercase file suffixes, dot included, of the formats that can be indexed."""
    set_up_pillow()
    return frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS)


def find_images(folder: StrPath) -> list[Path]:
    """Return every image file below a folder, in the order of their POSIX paths; raises CatalogueError.

    Hidden files and folders are not the catalogue's: trash, thumbnails, what systems leave next to files.
    """
    folder = Path(folder)
    if not os.path.isdir(folder):
        raise CatalogueError(
            f"There is no folder {folder}. Put the catalogue's images there, or name their folder with --images."
        )
    known = image_suffixes()
    found = []
    for parent, folders, names in os.walk(folder, onerror=_raise_unless_gone):
        folders[:] = [name for name in folders if not name.startswith(".")]  # os.walk goes on with these
        visible = (name for name in names if not name.startswith("."))
        found += [Path(parent, name) for name in visible if os.path.splitext(name)[1].lower() in known]
    if not found:
        raise CatalogueError(f"There is no image in {folder}. Looked for {', '.join(sorted(known))} at any depth.")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _raise_unless_gone(error: OSError) -> None:
    """Fail on an unreadable subfolder; its products would otherwise vanish from the index silently."""
    if not isinstance(error, FileNotFoundError):
        raise CatalogueError(f"{error.filename} cannot be listed ({error.strerror}). Allow it, or move it away.")
