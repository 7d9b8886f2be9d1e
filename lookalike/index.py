"""The index on disk: what it consists of, and how it is read and checked."""

import hashlib
import os
import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from .attribute_head import AttributeHead
from .attributes import product_id, read_styles, readable
from .catalogue import Catalogue
from .catalogue import Product as Product
from .errors import CatalogueError, IndexFileError
from .facets import Facets
from .in_memory import InMemory
from .index_parts import REBUILD, head_of, read_head, read_look, read_names, read_spaces
from .manifest import MOST_BYTES, parse_manifest

FORMAT = 1
EMBEDDINGS, FILENAMES, SPACES, TUNED, MANIFEST = FILES = (
    "embeddings.pkl",
    "filenames.pkl",
    "spaces.npz",
    "tuned.npz",
    "index.json",
)


@dataclass(frozen=True)
class Index(Catalogue):
    """The catalogue in its fixed order: n names, a float32 matrix (n, d) a space, attributes by id.

    look is always among the spaces; manifest is empty for the classic pair of pickles, which has none;
    head, which makes tuned vectors of photos, is there where the space tuned is.
    """

    folder: Path
    names: tuple
    spaces: dict
    attributes: dict
    manifest: dict
    head: AttributeHead | None = None

    @property
    def look(self):
        return self.spaces["look"]

    @property
    def widths(self):
        return {name: matrix.shape[1] for name, matrix in self.spaces.items()}

    @property
    def made(self):
        """When the index was written: its last file is renamed into place last; 0 where it has none."""
        return max((path.stat().st_mtime for path in self._files()), default=0)

    @property
    def size(self):
        return sum(path.stat().st_size for path in self._files())

    def searcher(self):
        """The Searcher over this index's vectors."""
        return InMemory(self.spaces)

    def facets(self):
        """The Facets of its attributes."""
        return Facets([self.attributes.get(product_id(name), {}) for name in self.names])

    def row(self, identity):
        """The row of the product with that id, the first of several, or with that name; None without one."""
        row = self._rows.get(identity)
        if row is None and (first := self._rows.get(product_id(identity))) is not None:
            # Asked for by its name, when it was not the first with its id.
            return first if readable(self.names[first]) == readable(identity) else None
        return row

    def sample(self, most):
        """An Index in memory of at most so many products; this one is itself, for it is in memory already."""
        return self

    @cached_property
    def _rows(self):
        first = {product_id(name): row for row, name in reversed(list(enumerate(self.names)))}
        return {readable(name): row for row, name in enumerate(self.names) if first[product_id(name)] != row} | first

    def _files(self):
        return [path for path in (self.folder / name for name in FILES) if path.is_file()]


def load_index(folder):
    """The Index in a folder, ours or a classic pair; raises IndexFileError."""
    folder = Path(folder)
    manifest = read_manifest(folder)
    names = read_names(_read(folder, FILENAMES, manifest), FILENAMES, classic=not manifest)
    spaces = {"look": read_look(_read(folder, EMBEDDINGS, manifest), EMBEDDINGS)}
    if SPACES in manifest.get("files", {}):
        spaces |= read_spaces(_read(folder, SPACES, manifest), SPACES)
    _check_sizes(names, spaces, manifest)
    attributes, head = _attributes(folder, manifest), None
    if TUNED in manifest.get("files", {}):
        known = [attributes.get(product_id(name), {}) for name in names]
        head, spaces["tuned"] = read_head(_read(folder, TUNED, manifest), TUNED, spaces, known)
    return Index(folder, names, spaces, attributes, manifest, head)


def load_without_products(folder):
    """The Index in a folder with all that is in it but names and vectors; raises IndexFileError."""
    folder = Path(folder)
    manifest = read_manifest(folder)
    attributes, head = _attributes(folder, manifest), None
    if TUNED in manifest.get("files", {}):
        head = head_of(_read(folder, TUNED, manifest), TUNED)
    return Index(folder, (), {}, attributes, manifest, head)


def _check_sizes(names, spaces, manifest):
    for name, matrix in spaces.items():
        if len(names) != len(matrix):
            raise IndexFileError(
                f"The {name} space has {len(matrix)} rows and {FILENAMES} {len(names)}: they do not belong together. "
                f"{REBUILD}"
            )
    if manifest and spaces["look"].shape != (manifest["n"], manifest["channels"]):
        raise IndexFileError(f"{EMBEDDINGS} is not of the shape that {MANIFEST} states. {REBUILD}")


def stored_name(path, folder):
    """The POSIX path of a file as the index keeps it: relative to the folder where it lies inside."""
    path, folder = Path(os.path.abspath(path)), Path(os.path.abspath(folder))
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def read_manifest(folder):
    """The manifest of the index in a folder, {} where there is none; raises IndexFileError."""
    try:
        content = _content(folder / MANIFEST, MOST_BYTES)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise IndexFileError(f"{folder / MANIFEST} cannot be read ({error.strerror}).") from None
    try:
        manifest = parse_manifest(content)
    except ValueError:
        manifest = {"format": None, "files": {}}
    if manifest["format"] != FORMAT or not {EMBEDDINGS, FILENAMES} <= manifest["files"].keys():
        raise IndexFileError(f"{folder / MANIFEST} is damaged or of another version. {REBUILD}")
    return manifest


def _read(folder, name, manifest):
    try:
        content = _content(folder / name)
    except FileNotFoundError:
        raise IndexFileError(f"There is no index in {folder.resolve()} ({name} is missing). {REBUILD}") from None
    except OSError as error:
        raise IndexFileError(f"{folder / name} cannot be read ({error.strerror}).") from None
    except MemoryError:
        raise IndexFileError(f"{folder / name} is larger than this machine's memory. {REBUILD}") from None
    if manifest and _sha256(content) != manifest["files"][name]:
        raise IndexFileError(f"{folder / name} is not the file that {MANIFEST} was written with. {REBUILD}")
    return content


def _content(path, most=-1):
    """The bytes of a file, at most one more than most; a pipe or device, which may never end, is none."""
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(None, "it is no file")
        return file.read(most + 1 if most >= 0 else -1)


def _without_waiting(path, flags):
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _attributes(folder, manifest):
    """A shop may move or mend its table at any time; products are shown without attributes meanwhile."""
    if not manifest.get("styles"):
        return {}
    try:
        return read_styles(folder / PurePosixPath(manifest["styles"]))
    except CatalogueError:
        return {}


def _sha256(content):
    return hashlib.sha256(content).hexdigest()
