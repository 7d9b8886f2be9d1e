"""The index on disk: what it consists of, and how it is read and checked."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np

from lookalike.errors import CatalogueError, IndexFileError
from lookalike.files import read_regular_file, sha256
from lookalike.index.attribute_head import AttributeHead
from lookalike.index.attributes import read_styles
from lookalike.index.catalogue import Catalogue, product_id, readable
from lookalike.index.facets import Facets
from lookalike.index.manifest import MAX_BYTES, parse_manifest
from lookalike.index.safe_loading import load_pickle, read_npz
from lookalike.index.vector_search import InMemory

FORMAT = 1

EMBEDDINGS, FILENAMES, SPACES, TUNED, MANIFEST = FILES = (
    "embeddings.pkl",
    "filenames.pkl",
    "spaces.npz",
    "tuned.npz",
    "index.json",
)


REBUILD = "Run: python extract_features.py"

# The longest path that systems know.
LONGEST_NAME = 4096

# No file of ours may bring these: one is in the pickle, the other is made.
MADE_ELSEWHERE = {"look", "tuned"}


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
    def written_at(self):
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


def load_index_header(folder):
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


def read_manifest(folder):
    """The manifest of the index in a folder, {} where there is none; raises IndexFileError."""
    try:
        content = read_regular_file(folder / MANIFEST, MAX_BYTES)
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
        content = read_regular_file(folder / name)
    except FileNotFoundError:
        raise IndexFileError(f"There is no index in {folder.resolve()} ({name} is missing). {REBUILD}") from None
    except OSError as error:
        raise IndexFileError(f"{folder / name} cannot be read ({error.strerror}).") from None
    except MemoryError:
        raise IndexFileError(f"{folder / name} is larger than this machine's memory. {REBUILD}") from None
    if manifest and sha256(content) != manifest["files"][name]:
        raise IndexFileError(f"{folder / name} is not the file that {MANIFEST} was written with. {REBUILD}")
    return content


def _attributes(folder, manifest):
    """A shop may move or mend its table at any time; products are shown without attributes meanwhile."""
    if not manifest.get("styles"):
        return {}
    try:
        return read_styles(folder / PurePosixPath(manifest["styles"]))
    except CatalogueError:
        return {}


def read_names(content, file, classic):
    """A tuple of paths; the classic scripts, run on Windows, wrote back-slashes. Raises IndexFileError."""
    loaded = load_pickle(content, file)
    if not isinstance(loaded, list) or not all(_is_name(name) for name in loaded):
        raise IndexFileError(f"{file} does not hold a list of paths. {REBUILD}")
    return tuple(name.replace("\\", "/") if classic else name for name in loaded)


def read_look(content, file):
    """float32 (n, C) from one array, or from the classic list of n arrays; raises IndexFileError."""
    loaded = load_pickle(content, file)
    try:
        # A list can stand in a list a million times, and that in another.
        if isinstance(loaded, list) and not (all(map(_is_row, loaded)) and sum(map(len, loaded)) <= len(content)):
            raise ValueError("it claims more memory than its contents need")
        with np.errstate(over="ignore"):  # too large becomes infinite, and is refused below
            look = np.asarray(loaded, dtype=np.float32)
    except (ValueError, TypeError, OverflowError, RecursionError):
        look = np.empty(0)
    if not _is_matrix(look):
        raise IndexFileError(f"{file} does not hold finite vectors of one length. {REBUILD}")
    return look


def read_spaces(content, file):
    """A dict from space to float32 (n, d); raises IndexFileError."""
    try:
        spaces = read_npz(content)
    except ValueError:
        spaces = {}
    good = [matrix.dtype == np.float32 and _is_matrix(matrix) for matrix in spaces.values()]
    if not good or not all(good) or MADE_ELSEWHERE & spaces.keys():
        raise IndexFileError(f"{file} does not hold finite float32 matrices. {REBUILD}")
    return spaces


def read_head(content, file, spaces, attributes):
    """The AttributeHead and the products' tuned vectors, float32 (n, d); raises IndexFileError."""
    head = head_of(content, file)
    return head, tuned_by(head, file, spaces, attributes)


def head_of(content, file):
    """The AttributeHead in a file's bytes; raises IndexFileError."""
    try:
        return AttributeHead.from_bytes(content)
    except (ValueError, KeyError):
        raise _no_head(file) from None


def tuned_by(head, file, spaces, attributes):
    """The tuned vectors, float32 (n, d), of products with those vectors and attributes; raises IndexFileError."""
    try:
        tuned = head.tuned(spaces, attributes)
    except (ValueError, KeyError):
        tuned = np.empty(0)
    if not _is_matrix(tuned):
        raise _no_head(file)
    return tuned


def _no_head(file):
    return IndexFileError(f"{file} does not hold a head that fits. {REBUILD}")


def _is_row(row):
    if isinstance(row, list):
        return all(isinstance(number, float | int) for number in row)
    return isinstance(row, np.ndarray) and row.ndim == 1


def _is_name(name):
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and "\0" not in name


def _is_matrix(matrix):
    return matrix.ndim == 2 and matrix.size > 0 and bool(np.isfinite(matrix).all())
