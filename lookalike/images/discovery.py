"""Find the images of a folder."""

import os
from pathlib import Path

from PIL import Image

from lookalike.errors import CatalogueError
from lookalike.images.headers import FORMATS
from lookalike.images.pillow import set_up_pillow


def suffixes():
    """The lower-case file suffixes, dot included, of the formats that can be indexed."""
    set_up_pillow()
    return frozenset(s for s, name in Image.registered_extensions().items() if name in FORMATS)


def find_images(folder):
    """Every image file below folder, as Paths in the order of their POSIX path; raises CatalogueError."""
    folder = Path(folder)
    if not os.path.isdir(folder):
        raise CatalogueError(
            f"There is no folder {folder}. Put the catalogue's images there, or name their folder with --images."
        )
    known = suffixes()
    found = [
        Path(parent, name)
        for parent, folders, names in os.walk(folder, onerror=_unless_gone)
        for name in _shown(folders, names)
        if os.path.splitext(name)[1].lower() in known
    ]
    if not found:
        raise CatalogueError(f"There is no image in {folder}. Looked for {', '.join(sorted(known))} at any depth.")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _shown(folders, names):
    """The names that are not hidden; hidden folders are taken out of the list that os.walk goes on with.

    What is hidden is none of the catalogue: trash, thumbnails, what systems leave beside files.
    """
    folders[:] = [name for name in folders if not name.startswith(".")]
    return [name for name in names if not name.startswith(".")]


def _unless_gone(error):
    """A folder below the catalogue's that may not be listed must not take its products out of the index unsaid."""
    if not isinstance(error, FileNotFoundError):
        raise CatalogueError(f"{error.filename} cannot be listed ({error.strerror}). Allow it, or move it away.")
