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
    known = image_suffixes()
    found = [path for path in _find_files(folder) if _suffix(path) in known]
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
    return [path for path in _find_files(folder) if _suffix(path) not in others and _looks_like_an_image(path)]


def _find_files(folder: StrPath) -> list[Path]:
    """Return every file below a folder that is not hidden, in the order of their POSIX paths; raises CatalogueError."""
    folder = Path(folder)
    if not os.path.isdir(folder):
        raise CatalogueError(
            f"There is no folder {folder}. Put the catalogue's images there, or name their folder with --images."
        )
    return sorted(_walk(folder), key=lambda path: path.relative_to(folder).as_posix())


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, onerror=_raise_unless_gone):
        folders[:] = [name for name in folders if not is_hidden(name)]  # os.walk goes on with these
        yield from (Path(parent, name) for name in names if not is_hidden(name))


def _suffix(path: Path) -> str:
    return os.path.splitext(path.name)[1].lower()


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
