"""The contents of the index's files, checked: names, look vectors, other spaces, the head and its space."""

import numpy as np

from .attribute_head import AttributeHead
from .errors import IndexFileError
from .safe_arrays import read_npz
from .safe_pickle import load_pickle

REBUILD = "Run: python extract_features.py"
# The longest path that systems know.
LONGEST_NAME = 4096
# No file of ours may bring these: one is in the pickle, the other is made.
MADE_ELSEWHERE = {"look", "tuned"}


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
