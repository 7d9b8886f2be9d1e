"""Find the images of a folder."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from lookalike.errors import CatalogueError
from lookalike.images.headers import FORMATS, read_format
from lookalike.images.pillow import set_up_pillow
from lookalike.types import StrPath

# Folders in which Windows, macOS and network storage keep thumbnails, trash and old versions of files.
SYSTEM_FOLDERS = re.compile(
    r"@eadir|@recycle|@recently-snapshot|@tmp|@sharebin|@appstore"
    r"|#recycle|#snapshot|~snapshot"
    r"|\$recycle\.bin|recycler|recycled|system volume information|found\.\d{3}|dfsrprivate"
    r"|lost\+found|__macosx|network trash folder|temporary items|thevolumesettingsfolder",
    re.IGNORECASE,
)

# Raw files of cameras are TIFF by their first bytes, and nothing here develops them.
RAW_SUFFIXES = frozenset(
    (".3fr", ".arw", ".cr2", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos", ".nef", ".nrw", ".pef")
    + (".rwl", ".sr2", ".srf", ".srw")
)

# Enough to tell an image from any other file.
MAX_SIGNATURE_BYTES = 32


def image_suffixes() -> frozenset[str]:
    """Return the lowercase file suffixes, dot included, of the formats that can be indexed."""
    set_up_pillow()
    return frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in FORMATS)


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of that name is not the catalogue's: trash, thumbnails, what systems leave."""
    return name.startswith(".") or SYSTEM_FOLDERS.fullmatch(name) is not None


def find_images(folder: StrPath) -> list[Path]:
    """Return every image file below a folder, in the order of their POSIX paths; raises CatalogueError.

    Image files are recognized by their suffix; see find_unsuffixed_images. Hidden files and folders are left out.
    """
    return [Path(folder, name) for name in find_image_names(folder)]


def find_image_names(folder: StrPath) -> list[str]:
    """Return what find_images does as POSIX paths below the folder, a fifth of the memory; raises CatalogueError."""
    known = image_suffixes()
    found = sorted(name for name in _walk(folder) if _suffix(name) in known)
    if not found:
        nameless = len(find_unsuffixed_images(folder))
        hint = f" {nameless} files there are images without an image suffix: rename them." if nameless else ""
        raise CatalogueError(
            f"There is no image in {folder}. Looked for {', '.join(sorted(known))} at any depth.{hint}"
        )
    return found


def find_unsuffixed_images(folder: StrPath) -> list[Path]:
    """Return the files below a folder that are images by their first bytes, and not by their suffix, in order."""
    others = image_suffixes() | RAW_SUFFIXES
    paths = (Path(folder, name) for name in sorted(name for name in _walk(folder) if _suffix(name) not in others))
    return [path for path in paths if _looks_like_an_image(path)]


def _walk(folder: StrPath) -> Iterator[str]:
    """Yield the POSIX path below a folder of every file that is not hidden; raises CatalogueError."""
    if not os.path.isdir(folder):
        raise CatalogueError(
            f"There is no folder {folder}. Put the catalogue's images there, or name their folder with --images."
        )
    for parent, folders, names in os.walk(folder, onerror=_raise_unless_gone):
        folders[:] = [name for name in folders if not is_hidden(name)]  # os.walk goes on with these
        below = Path(parent).relative_to(folder).as_posix()
        start = "" if below == "." else f"{below}/"
        yield from (start + name for name in names if not is_hidden(name))


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _looks_like_an_image(path: Path) -> bool:
    try:
        # A pipe without a writer would wait forever.
        if not path.is_file():
            return False
        with open(path, "rb") as file:
            return read_format(file.read(MAX_SIGNATURE_BYTES)) is not None
    except OSError:
        return False


def _raise_unless_gone(error: OSError) -> None:
    """Fail on an unreadable subfolder; its products would otherwise vanish from the index silently."""
    if not isinstance(error, FileNotFoundError):
        raise CatalogueError(f"{error.filename} cannot be listed ({error.strerror}). Allow it, or move it away.")
