"""The index on disk: the files it consists of, and how they are read and checked."""

import os
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TypeAlias

import numpy as np

from lookalike.errors import INDEX_COMMAND, REBUILD, CatalogueError, IndexFileError
from lookalike.files import open_regular_file, read_regular_file, sha256
from lookalike.index.attribute_head import INPUTS, AttributeHead
from lookalike.index.attribute_table import AttributeTable, EncodedColumn
from lookalike.index.attributes import normalize, read_styles
from lookalike.index.catalogue import Catalogue, product_id, product_ids, readable
from lookalike.index.facets import Facets
from lookalike.index.manifest import MAX_BYTES, Manifest, parse_manifest
from lookalike.index.offers import GROUP_COLUMNS
from lookalike.index.product_groups import first_name
from lookalike.index.safe_loading import load_pickle, load_texts, read_npz
from lookalike.index.vector_search import ROUNDING, InMemorySearcher
from lookalike.settings import usable_cores
from lookalike.types import Attributes, Codes, Matrix, Rows, StrPath, Vectors

FORMAT = 1
EMBEDDINGS, FILENAMES, SPACES, TUNED = "embeddings.pkl", "filenames.pkl", "spaces.npz", "tuned.npz"
MANIFEST = "index.json"
FILES = (EMBEDDINGS, FILENAMES, SPACES, TUNED, MANIFEST)

Content: TypeAlias = bytes | memoryview
"""The bytes of a file."""

# The longest path that operating systems know.
MAX_NAME_LENGTH = 4096

# Protocol 4 is the highest that every Python and numpy of the classic scripts reads. The opcodes say:
# numpy._core.multiarray._reconstruct(ndarray, (0,), b"b"), then its state (1, shape, dtype, C order, bytes).
PICKLE_START = (
    b"\x80\x04cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01"
    b"%(rows)s%(columns)s\x86"
    b"cnumpy\ndtype\n\x8c\x02f4\x89\x88\x87R(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
    b"\x8e%(length)s"
)
PICKLE_END = b"tb."

# The addresses of arrays are multiples of this many bytes.
ALIGNMENT = 16

# Products whose tuned vectors are computed at a time: all at once would take several times the memory of the result.
BLOCK = 8192

# Spaces that spaces.npz must not hold: look is in embeddings.pkl, tuned is computed.
RESERVED_SPACES = {"look", "tuned"}


@dataclass(frozen=True)
class Index(Catalogue):
    """A Catalogue in memory: n names, and space → float32 (n, d), look always among them.

    head is there exactly if the space tuned is.
    """

    is_in_memory = True

    folder: Path
    names: tuple[str, ...]
    spaces: Vectors
    attributes: Mapping[str, Attributes]
    manifest: Manifest
    head: AttributeHead | None = None

    @property
    def look(self) -> Matrix:
        return self.spaces["look"]

    @property
    def widths(self) -> dict[str, int]:
        return {name: matrix.shape[1] for name, matrix in self.spaces.items()}

    @property
    def written_at(self) -> float:
        """See Catalogue; 0 for an index without files."""
        return _written_at(self.folder)

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in _existing_files(self.folder))

    def searcher(self) -> InMemorySearcher:
        """See Catalogue. It is always the same one, which keeps what it computes of the vectors."""
        return self._searcher

    @cached_property
    def _searcher(self) -> InMemorySearcher:
        return InMemorySearcher(self.spaces)

    @property
    def columns(self) -> tuple[str, ...]:
        return self._table.columns

    def attributes_of(self, row: int) -> Attributes:
        if not isinstance(self.attributes, AttributeTable):
            return super().attributes_of(row)
        return self._table.row(int(self._table_rows[row]))

    def facets(self) -> Facets:
        counted = self.groups.is_first if self.groups else None
        return Facets.of_table(len(self.names), self.encoded_columns(self.columns), counted)

    def row(self, identity: str) -> int | None:
        row = self._rows.get(identity, self._rows.get(normalize(identity)))
        if row is None and (first := self._rows.get(product_id(identity))) is not None:
            # Asked for by name although it is the first with its id.
            return first if readable(self.names[first]) == readable(identity) else None
        return row

    def in_memory(self) -> "Index":
        return self

    def sample(self, max_products: int) -> "Index":
        """See Catalogue. An index of at most max_products products is its own sample."""
        return self if len(self.names) <= max_products else super().sample(max_products)

    def subset(self, rows: Rows) -> "Index":
        spaces = {name: matrix[rows] for name, matrix in self.spaces.items()}
        return replace(self, names=tuple(self.names[row] for row in rows), spaces=spaces)

    def encoded_columns(self, columns: Iterable[str]) -> dict[str, EncodedColumn]:
        return {column: self._table.encoded_column(column, self._table_rows) for column in columns}

    def _group_words(self) -> tuple[Sequence[str], Codes] | None:
        column = next((column for column in GROUP_COLUMNS if column in self.columns), None)
        return self.encoded_columns([column])[column] if column else None

    @cached_property
    def ids(self) -> list[str]:
        """The products' ids, in the catalogue's order."""
        return product_ids(self.names)

    @cached_property
    def _table(self) -> AttributeTable:
        kept = self.attributes
        return kept if isinstance(kept, AttributeTable) else AttributeTable.encode(kept)

    @cached_property
    def _table_rows(self) -> Codes:
        """The row of each product in the table, -1 without one: that of its id, or see find_attributes."""
        rows = self._table.rows_of(self.ids, len(self.ids))
        others = {row: first_name(self.ids[row]) for row in np.flatnonzero(rows < 0).tolist() if "~" in self.ids[row]}
        further = {row: first for row, first in others.items() if first is not None}
        rows[list(further)] = self._table.rows_of(further.values(), len(further))
        return rows

    @cached_property
    def _rows(self) -> dict[str, int]:
        ids = self.ids
        first = dict(zip(reversed(ids), range(len(ids) - 1, -1, -1)))
        if len(first) == len(ids):
            return first
        others = {readable(name): row for row, name in enumerate(self.names) if first[ids[row]] != row}
        return {f"./{name}" if name in first else name: row for name, row in others.items()} | first


@dataclass(frozen=True)
class IndexHeader:
    """Everything in an index except its names and vectors."""

    folder: Path
    attributes: Mapping[str, Attributes]
    manifest: Manifest
    head: AttributeHead | None

    @property
    def written_at(self) -> float:
        return _written_at(self.folder)


def load_index(folder: StrPath) -> Index:
    """Return the index in a folder, ours or a classic pair of pickles; raises IndexFileError.

    A classic pair may hold vectors of any length, and a name twice: vectors are normalized, and of products with one
    name the first is kept.
    """
    manifest = read_manifest(Path(folder))
    header, names, spaces = _read_files(Path(folder), manifest)
    _check_sizes(names, spaces, manifest)
    names, spaces = _drop_repeated_names(names, spaces)
    spaces["look"] = _normalize_rows(spaces["look"])
    index = Index(header.folder, names, spaces, header.attributes, manifest, header.head)
    if header.head:
        spaces["tuned"] = tuned_vectors(header.head, spaces, index.encoded_columns(header.head.words))
    return index


def load_index_header(folder: StrPath) -> IndexHeader:
    """Return an index's header, which needs little memory; raises IndexFileError."""
    return _read_header(Path(folder), read_manifest(Path(folder)))


def _read_files(folder: Path, manifest: Manifest) -> tuple[IndexHeader, tuple[str, ...], dict[str, Matrix]]:
    """Return what the files of an index hold: the header, the names, and all spaces but tuned; raises IndexFileError.

    Files are read and hashed in a thread of their own while Python reads the table.
    """
    with ThreadPoolExecutor(1) as pool:
        names_read = pool.submit(_read_file, folder, FILENAMES, manifest)
        look_read = pool.submit(lambda: read_look(_read_checked(folder, EMBEDDINGS, manifest, _read_aligned)))
        has_spaces = SPACES in manifest.get("files", {})
        spaces_read = pool.submit(lambda: read_spaces(_read_file(folder, SPACES, manifest))) if has_spaces else None
        header = _read_header(folder, manifest)
        names = read_names(names_read.result(), classic=not manifest)
        spaces = {"look": look_read.result()}
        if spaces_read:
            spaces |= spaces_read.result()
    return header, names, spaces


def _read_header(folder: Path, manifest: Manifest) -> IndexHeader:
    head = read_head(_read_file(folder, TUNED, manifest)) if TUNED in manifest.get("files", {}) else None
    return IndexHeader(folder, _read_attributes(folder, manifest), manifest, head)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the index in a folder, {} if it has none; raises IndexFileError."""
    try:
        manifest = parse_manifest(read_regular_file(folder / MANIFEST, MAX_BYTES))
        sound = manifest["format"] == FORMAT and {EMBEDDINGS, FILENAMES} <= manifest["files"].keys()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise IndexFileError(f"{folder / MANIFEST} cannot be read ({error.strerror}).") from None
    except ValueError:
        sound = False
    if not sound:
        raise IndexFileError(f"{folder / MANIFEST} is damaged or of another version. {REBUILD}")
    return manifest


def read_names(content: bytes, classic: bool = False) -> tuple[str, ...]:
    """Return the POSIX paths in filenames.pkl; raises IndexFileError.

    The classic scripts wrote backslashes on Windows.
    """
    loaded = load_texts(content, FILENAMES)
    if not isinstance(loaded, list) or not _are_names(loaded):
        raise IndexFileError(f"{FILENAMES} does not hold a list of paths. {REBUILD}")
    return tuple(name.replace("\\", "/") for name in loaded) if classic else tuple(loaded)


def read_look(content: Content) -> Matrix:
    """Return the look space in embeddings.pkl, float32 (n, C); raises IndexFileError.

    It is one array, or the classic list of n arrays.
    """
    if (own := _own_matrix(content)) is not None and _is_matrix(own):
        return own
    content = bytes(content)
    loaded = load_pickle(content, EMBEDDINGS)
    try:
        # One list can stand in another a million times, and that one in a third.
        if isinstance(loaded, list) and not (all(map(_is_row, loaded)) and sum(map(len, loaded)) <= len(content)):
            raise ValueError("it claims more memory than its contents need")
        with np.errstate(over="ignore"):  # numbers that are too large become infinite, which is refused below
            look = np.asarray(loaded, dtype=np.float32)
    except (ValueError, TypeError, OverflowError, RecursionError):
        look = np.empty(0, np.float32)
    if not _is_matrix(look):
        raise IndexFileError(f"{EMBEDDINGS} does not hold finite vectors of one length. {REBUILD}")
    return look


def _own_matrix(content: Content) -> Matrix | None:
    """Return the array in a pickle as writing.py writes it, byte by byte, without a copy; None for any other."""
    place, length = PICKLE_START.index(b"%(rows)s"), len(pickle_start(0, 0))
    shape = struct.unpack_from("<xixi", content, place) if len(content) > length else (-1, -1)
    size = length + 4 * shape[0] * shape[1]
    if min(shape) < 1 or size + len(PICKLE_END) != len(content):
        return None
    if content[:length] != pickle_start(*shape) or content[-len(PICKLE_END) :] != PICKLE_END:
        return None
    return np.frombuffer(content, "<f4", shape[0] * shape[1], length).reshape(shape)


def pickle_start(rows: int, columns: int) -> bytes:
    """Return what precedes the numbers in the pickle of a float32 array (rows, columns); PICKLE_END follows them."""
    return PICKLE_START % {
        b"rows": b"J" + struct.pack("<i", rows),
        b"columns": b"J" + struct.pack("<i", columns),
        b"length": struct.pack("<Q", rows * columns * 4),
    }


def read_spaces(content: bytes) -> dict[str, Matrix]:
    """Return the spaces in spaces.npz: space → float32 (n, d); raises IndexFileError."""
    try:
        spaces = read_npz(content)
    except ValueError:
        spaces = {}
    sound = [matrix.dtype == np.float32 and _is_matrix(matrix) for matrix in spaces.values()]
    if not sound or not all(sound) or RESERVED_SPACES & spaces.keys():
        raise IndexFileError(f"{SPACES} does not hold finite float32 matrices. {REBUILD}")
    return spaces


def read_head(content: bytes) -> AttributeHead:
    """Return the AttributeHead in tuned.npz; raises IndexFileError."""
    try:
        return AttributeHead.from_bytes(content)
    except (ValueError, KeyError):
        raise _unfit_head() from None


def tuned_vectors(head: AttributeHead, spaces: Vectors, columns: Mapping[str, EncodedColumn]) -> Matrix:
    """Return the tuned vectors of n products, float32 (n, d); raises IndexFileError if the head does not fit them.

    columns are those of the table that the head knows.
    """

    def fill(start: int) -> None:
        part = slice(start, start + BLOCK)
        own = {column: places[part] for column, places in known.items()}
        tuned[part] = head.tuned_with_known({name: spaces[name][part] for name in INPUTS}, own)

    try:
        known, n = head.known_places(columns), len(spaces[INPUTS[0]])
        tuned = np.empty((n, sum(map(len, head.words.values()))), np.float32)
        with ThreadPoolExecutor(usable_cores()) as pool:
            list(pool.map(fill, range(0, n, BLOCK)))
    except (ValueError, KeyError):
        raise _unfit_head() from None
    if not _is_matrix(tuned):
        raise _unfit_head()
    return tuned


def _read_file(folder: Path, name: str, manifest: Manifest) -> bytes:
    return bytes(_read_checked(folder, name, manifest, read_regular_file))


def _read_checked(folder: Path, name: str, manifest: Manifest, read: Callable[[Path], Content]) -> Content:
    """Return the bytes of a file, which must be those that the manifest was written with; raises IndexFileError."""
    try:
        content = read(folder / name)
    except FileNotFoundError:
        missing = f"There is no index in {folder.resolve()} ({name} is missing)."
        raise IndexFileError(f"{missing} Make one: {INDEX_COMMAND}") from None
    except OSError as error:
        raise IndexFileError(f"{folder / name} cannot be read ({error.strerror}).") from None
    except MemoryError:
        raise IndexFileError(f"{folder / name} is larger than this machine's memory. {REBUILD}") from None
    if manifest and sha256(content) != manifest["files"][name]:
        raise IndexFileError(f"{folder / name} is not the file that {MANIFEST} was written with. {REBUILD}")
    return content


def _read_aligned(path: Path) -> Content:
    """Return the bytes of a pickle of ours so that its numbers begin where a processor wants them; raises OSError.

    Otherwise every product with the matrix would first copy it.
    """
    start = -len(pickle_start(0, 0)) % ALIGNMENT
    with open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        buffer = np.empty(start + size, np.uint8)
        count, rest = file.readinto(buffer.data[start:]), file.read()
    content = buffer.data[start:].toreadonly()
    # It may have become shorter or longer meanwhile.
    return content if count == size and not rest else content[:count].tobytes() + rest


def _read_attributes(folder: Path, manifest: Manifest) -> Mapping[str, Attributes]:
    """Return product id → attributes, or nothing while the shop moves or repairs its table."""
    styles = manifest.get("styles")
    if not styles:
        return {}
    try:
        return read_styles(folder / PurePosixPath(styles))
    except CatalogueError:
        return {}


def _check_sizes(names: Sequence[str], spaces: Vectors, manifest: Manifest) -> None:
    for name, matrix in spaces.items():
        if len(names) != len(matrix):
            raise IndexFileError(
                f"The {name} space has {len(matrix)} rows and {FILENAMES} {len(names)}: they do not belong together. "
                f"{REBUILD}"
            )
    if manifest and spaces["look"].shape != (manifest["n"], manifest["channels"]):
        raise IndexFileError(f"{EMBEDDINGS} does not have the shape that {MANIFEST} states. {REBUILD}")


def _drop_repeated_names(
    names: tuple[str, ...], spaces: dict[str, Matrix]
) -> tuple[tuple[str, ...], dict[str, Matrix]]:
    """Return the names and spaces without the rows whose name, as people ask for it, an earlier row has."""
    together = "\0".join(["", *names, ""])
    is_plain = together.isascii() and not any(sign in together for sign in ("//", "/.", "\0.", ".\0", "/\0"))
    if is_plain and len(set(names)) == len(names):
        return names, spaces
    first: dict[str, int] = {}
    for row, name in enumerate(names):
        is_plain = name.isascii() and "//" not in name and "." not in (name[0], name[-1]) and "/." not in name
        is_plain = is_plain and name[-1] != "/"
        first.setdefault(name if is_plain else readable(str(PurePosixPath(name))), row)
    if len(first) == len(names):
        return names, spaces
    rows = list(first.values())
    return tuple(names[row] for row in rows), {space: matrix[rows] for space, matrix in spaces.items()}


def _normalize_rows(matrix: Matrix) -> Matrix:
    """Return a matrix (n, d) with rows of length 1; the same object if they already are. Rows of zeros stay."""
    with np.errstate(over="ignore"):  # a square that is too large is not 1 either
        if np.abs(np.einsum("nd,nd->n", matrix, matrix) - 1).max() < ROUNDING:
            return matrix
    # Dividing by the largest number first keeps squares within the range of float32.
    largest = np.abs(matrix).max(axis=1, keepdims=True)
    scaled = matrix / np.where(largest > 0, largest, 1)
    return scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-12)


def _existing_files(folder: Path) -> list[Path]:
    return [path for path in (folder / name for name in FILES) if path.is_file()]


def _written_at(folder: Path) -> float:
    """Return when the index's last file was renamed into place; 0 if it has none."""
    return max((path.stat().st_mtime for path in _existing_files(folder)), default=0)


def _unfit_head() -> IndexFileError:
    return IndexFileError(f"{TUNED} does not hold a head that fits. {REBUILD}")


def _is_row(row: object) -> bool:
    if isinstance(row, list):
        return all(isinstance(number, float | int) for number in row)
    return isinstance(row, np.ndarray) and row.ndim == 1


def _are_names(values: list[object]) -> bool:
    names = [value for value in values if isinstance(value, str) and value]
    return (
        len(names) == len(values) and max(map(len, names), default=0) <= MAX_NAME_LENGTH and "\0" not in "".join(names)
    )


def _is_matrix(matrix: Matrix) -> bool:
    if matrix.ndim != 2 or not matrix.size:
        return False
    with np.errstate(over="ignore"):  # the square of a number may be too large where the number is not
        squares = np.einsum("nd,nd->n", matrix, matrix)
    # Without a bool for each number, which a million products have no memory for.
    return bool(np.isfinite(squares).all()) or bool(np.isfinite(matrix).all())
