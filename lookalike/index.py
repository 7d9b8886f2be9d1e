"""The index on disk: what it consists of, and how it is read and checked."""

import hashlib
import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from .attribute_head import AttributeHead
from .attributes import product_id, read_styles
from .errors import CatalogueError, IndexFileError
from .safe_pickle import load_pickle

FORMAT = 1
EMBEDDINGS, FILENAMES, SPACES, TUNED, MANIFEST = FILES = (
    "embeddings.pkl",
    "filenames.pkl",
    "spaces.npz",
    "tuned.npz",
    "index.json",
)
REBUILD = "Run: python extract_features.py"


@dataclass(frozen=True)
class Product:
    """One catalogue image: its name in the index, its file and its attributes (may be empty)."""

    name: str
    path: Path
    attributes: dict

    @property
    def id(self):
        return product_id(self.name)


@dataclass(frozen=True)
class Index:
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

    def completed(self, vectors):
        """A query's vectors, a dict from space to (m, d), with the tuned ones where this index has them."""
        return {**vectors, "tuned": self.head.tuned(vectors)} if self.head else vectors

    def product(self, row):
        """The Product in that row."""
        name = self.names[row]
        return Product(name, self.folder / name, self.attributes.get(product_id(name), {}))


def load_index(folder):
    """The Index in a folder, ours or a classic pair; raises IndexFileError."""
    folder = Path(folder)
    manifest = read_manifest(folder)
    names = _names(load_pickle(_read(folder, FILENAMES, manifest), FILENAMES), classic=not manifest)
    spaces = {"look": _look(load_pickle(_read(folder, EMBEDDINGS, manifest), EMBEDDINGS))}
    if SPACES in manifest.get("files", {}):
        spaces |= _other_spaces(_read(folder, SPACES, manifest))
    attributes, head = _attributes(folder, manifest), None
    if TUNED in manifest.get("files", {}):
        head = _head(_read(folder, TUNED, manifest))
        spaces["tuned"] = head.tuned(spaces, [attributes.get(product_id(name), {}) for name in names])
    for name, matrix in spaces.items():
        if len(names) != len(matrix):
            raise IndexFileError(
                f"The {name} space has {len(matrix)} rows and {FILENAMES} {len(names)}: they do not belong together. "
                f"{REBUILD}"
            )
    if manifest and spaces["look"].shape != (manifest["n"], manifest["channels"]):
        raise IndexFileError(f"{EMBEDDINGS} is not of the shape that {MANIFEST} states. {REBUILD}")
    return Index(folder, names, spaces, attributes, manifest, head)


def stored_name(path, folder):
    """The POSIX path of a file as the index keeps it: relative to the folder where it lies inside."""
    path, folder = Path(os.path.abspath(path)), Path(os.path.abspath(folder))
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def read_manifest(folder):
    """The manifest of the index in a folder, {} where there is none; raises IndexFileError."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise IndexFileError(f"{folder / MANIFEST} cannot be read ({error.strerror}).") from None
    try:
        manifest = json.loads(text)
        known = manifest["format"] == FORMAT and isinstance(manifest["backbone"], str)
        if known and {EMBEDDINGS, FILENAMES} <= set(manifest["files"]) and int(manifest["n"]) > 0:
            return manifest
    except (ValueError, KeyError, TypeError):
        pass
    raise IndexFileError(f"{folder / MANIFEST} is damaged or of another version. {REBUILD}")


def _read(folder, name, manifest):
    try:
        content = (folder / name).read_bytes()
    except FileNotFoundError:
        raise IndexFileError(f"There is no index in {folder.resolve()} ({name} is missing). {REBUILD}") from None
    except OSError as error:
        raise IndexFileError(f"{folder / name} cannot be read ({error.strerror}).") from None
    if manifest and _sha256(content) != manifest["files"][name]:
        raise IndexFileError(f"{folder / name} is not the file that {MANIFEST} was written with. {REBUILD}")
    return content


def _names(loaded, classic):
    """The names as a tuple; the classic scripts, run on Windows, wrote back-slashes."""
    if not isinstance(loaded, list) or not all(isinstance(name, str) and name for name in loaded):
        raise IndexFileError(f"{FILENAMES} does not hold a list of paths. {REBUILD}")
    return tuple(name.replace("\\", "/") if classic else name for name in loaded)


def _look(loaded):
    """float32 (n, C) from one array, or from the classic list of n arrays."""
    try:
        look = np.asarray(loaded, dtype=np.float32)
    except (ValueError, TypeError):
        look = np.empty(0)
    if look.ndim != 2 or not look.size or not np.isfinite(look).all():
        raise IndexFileError(f"{EMBEDDINGS} does not hold finite vectors of one length. {REBUILD}")
    return look


def _other_spaces(content):
    """The matrices of spaces.npz; a damaged or strange file is refused."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            spaces = {name: stored[name] for name in stored.files}
    except (ValueError, OSError, zipfile.BadZipFile, KeyError, EOFError):
        spaces = {}
    good = [m.ndim == 2 and m.dtype == np.float32 and np.isfinite(m).all() for m in spaces.values()]
    if not good or not all(good):
        raise IndexFileError(f"{SPACES} does not hold finite float32 matrices. {REBUILD}")
    return spaces


def _head(content):
    try:
        return AttributeHead.from_bytes(content)
    except (ValueError, OSError, zipfile.BadZipFile, KeyError, EOFError, IndexError):
        raise IndexFileError(f"{TUNED} does not hold a head. {REBUILD}") from None


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
