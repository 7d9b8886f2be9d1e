"""The index on disk: load, save, validate. Owns the two pickles and the manifest."""

import hashlib
import io
import json
import os
import pickle
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from .attributes import product_id, read_styles
from .errors import CatalogueError, IndexFileError
from .safe_pickle import load_pickle

FORMAT = 1
EMBEDDINGS, FILENAMES, MANIFEST = "embeddings.pkl", "filenames.pkl", "index.json"
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
    """The catalogue in its fixed order: look float32 (n, C), n names, attributes by id, the manifest.

    manifest is empty for the classic pair of pickles, which comes without one.
    """

    folder: Path
    names: tuple
    look: np.ndarray
    attributes: dict
    manifest: dict

    def product(self, row):
        """The Product in that row."""
        name = self.names[row]
        return Product(name, self.folder / name, self.attributes.get(product_id(name), {}))


def load_index(folder):
    """The Index in a folder, ours or a classic pair; raises IndexFileError."""
    folder = Path(folder)
    manifest = _read_manifest(folder)
    files = {name: _read(folder, name, manifest) for name in (EMBEDDINGS, FILENAMES)}
    names = _names(load_pickle(files[FILENAMES], FILENAMES), classic=not manifest)
    look = _look(load_pickle(files[EMBEDDINGS], EMBEDDINGS))
    if len(names) != len(look):
        raise IndexFileError(
            f"{EMBEDDINGS} has {len(look)} rows and {FILENAMES} {len(names)}: they do not belong together. {REBUILD}"
        )
    if manifest and look.shape != (manifest["n"], manifest["channels"]):
        raise IndexFileError(f"{EMBEDDINGS} is not of the shape that {MANIFEST} states. {REBUILD}")
    return Index(folder, names, look, _attributes(folder, manifest), manifest)


def save_index(folder, look, names, description):
    """Write the index of float32 look (n, C) and n names whole, or leave the old one as it was.

    description is added to the manifest. Raises IndexFileError where the disk refuses.
    """
    folder = Path(folder)
    contents = {EMBEDDINGS: _pickled(np.ascontiguousarray(look, dtype=np.float32)), FILENAMES: _pickled(list(names))}
    manifest = {
        "format": FORMAT,
        **description,
        "n": len(names),
        "channels": int(look.shape[1]),
        "files": {name: _sha256(content) for name, content in contents.items()},
    }
    contents[MANIFEST] = json.dumps(manifest, indent=1, ensure_ascii=False).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            _write_beside(folder / name, content)
        # The manifest last: until it is there, the digests of the old one show that the rest is newer.
        for name in contents:
            os.replace(_beside(folder / name), folder / name)
    except OSError as error:
        for name in contents:
            _beside(folder / name).unlink(missing_ok=True)
        raise IndexFileError(
            f"The index could not be written to {folder} ({error.strerror}); an index that was there is unchanged. "
            "Make room or choose another folder with --output, then run the same command again."
        ) from None


def stored_name(path, folder):
    """The POSIX path of a file as the index keeps it: relative to the folder where it lies inside."""
    path, folder = Path(os.path.abspath(path)), Path(os.path.abspath(folder))
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def _read_manifest(folder):
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


def _attributes(folder, manifest):
    """A shop may move or mend its table at any time; products are shown without attributes meanwhile."""
    if not manifest.get("styles"):
        return {}
    try:
        return read_styles(folder / PurePosixPath(manifest["styles"]))
    except CatalogueError:
        return {}


def _pickled(value):
    # Protocol 4 is the highest that every Python and numpy of the classic scripts reads.
    buffer = io.BytesIO()
    pickle.dump(value, buffer, protocol=4)
    return buffer.getvalue()


def _write_beside(path, content):
    with open(_beside(path), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _beside(path):
    return path.with_name(path.name + ".new")


def _sha256(content):
    return hashlib.sha256(content).hexdigest()
