"""Writes an index: beside the old one, then renamed into place, the manifest last; whole or not at all."""

import hashlib
import json
import os
import pickle
import shutil
import signal
import struct
import threading
import zipfile
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from lookalike.errors import IndexFileError
from lookalike.files import beside_path, file_sha256, write_beside
from lookalike.index.reading import EMBEDDINGS, FILENAMES, FILES, FORMAT, MANIFEST, SPACES, TUNED, read_manifest

# Protocol 4 is the highest that every Python and numpy of the classic scripts reads. The opcodes say:
# numpy._core.multiarray._reconstruct(ndarray, (0,), b"b"), then its state (1, shape, dtype, C order, bytes).
START = (
    b"\x80\x04cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01"
    b"%(rows)s%(columns)s\x86"
    b"cnumpy\ndtype\n\x8c\x02f4\x89\x88\x87R(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
    b"\x8e%(length)s"
)

END = b"tb."


def save_index(folder, blocks, names, description, widths_after_look=()):
    """Write the index whole, or leave the old one as it was; an equal one is left untouched.

    blocks are the products' rows in order, float32 (m, d): look, then the spaces of widths_after_look (a
    dict from space to its width). description is added to the manifest. Raises IndexFileError where the
    disk refuses.
    """
    with _beside_or_not_at_all(Path(folder)) as folder, ExitStack() as stack:
        blocks = iter(blocks)
        first = next(blocks)
        widths = {"look": first.shape[1] - sum(dict(widths_after_look).values()), **dict(widths_after_look)}
        # All but look wait in files without a name: a hundred thousand products' would fill the memory.
        aside = {name: stack.enter_context(TemporaryFile(dir=folder)) for name in widths if name != "look"}
        looks = _split(chain([first], blocks), widths, aside)
        files = {
            EMBEDDINGS: write_beside(folder / EMBEDDINGS, pickled_matrix((len(names), widths["look"]), looks)),
            FILENAMES: write_beside(folder / FILENAMES, [pickle.dumps(list(names), protocol=4)]),
        }
        if aside:
            files[SPACES] = _write_spaces(folder, aside, {name: (len(names), widths[name]) for name in aside})
        _publish(folder, {**description, "n": len(names), "channels": widths["look"], "files": files})


def save_head(index, head, tuning):
    """Put an AttributeHead, or None where it did not help, into an index on disk; tuning goes to the manifest.

    Whoever calls holds the folder since the index was loaded: else another run's might be given this manifest.
    """
    with _beside_or_not_at_all(index.folder) as folder:
        files = {name: digest for name, digest in index.manifest["files"].items() if name != TUNED}
        if head:
            files[TUNED] = write_beside(folder / TUNED, [head.to_bytes()])
        _publish(folder, {**index.manifest, "tuning": tuning, "files": files})


@contextmanager
def _beside_or_not_at_all(folder):
    """What is written beside the index in this block is gone again where the disk refuses any of it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except OSError as error:
        raise IndexFileError(
            f"The index could not be written to {folder} ({error.strerror}); an index that was there is unchanged. "
            "Make room or choose another folder with --output, then run the same command again."
        ) from None
    finally:
        for name in FILES:
            with suppress(OSError):
                beside_path(folder / name).unlink(missing_ok=True)


def _publish(folder, manifest):
    """Move what was written beside into place, the manifest last: until it is there, the digests of the
    old one show that the rest is newer."""
    if _is_written(folder, manifest):
        return
    # No number but a finite one: a manifest with another is refused when it is read.
    text = json.dumps({"format": FORMAT, **manifest}, indent=1, ensure_ascii=False, allow_nan=False)
    write_beside(folder / MANIFEST, [text.encode()])
    with _uninterrupted():
        for name in FILES:
            if beside_path(folder / name).exists():
                os.replace(beside_path(folder / name), folder / name)


@contextmanager
def _uninterrupted():
    """Ctrl-C in this block counts when it is over: between two renames it would leave half an index."""
    if threading.current_thread() is not threading.main_thread():
        yield  # where Ctrl-C never comes
        return
    pressed = []
    handler = signal.signal(signal.SIGINT, lambda *call: pressed.append(call))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if pressed and callable(handler):
        handler(*pressed[0])


def _is_written(folder, manifest):
    """Whether the very same index is there already, tuned or not, so that no reader need take it over again."""
    try:
        old = read_manifest(folder)
        # By content: a file damaged without changing its size must be mended by indexing again.
        whole = all(file_sha256(folder / name) == digest for name, digest in old.get("files", {}).items())
    except (OSError, IndexFileError):
        return False
    if "tuning" not in manifest:
        old = {**old, "files": {name: digest for name, digest in old.get("files", {}).items() if name != TUNED}}
        old.pop("tuning", None)
    return whole and old == {"format": FORMAT, **manifest}


def _split(blocks, widths, aside):
    """Yield the look columns of each block and write the others to the file of their space."""
    edges = np.cumsum(list(widths.values()))[:-1]
    for block in blocks:
        parts = dict(zip(widths, np.split(block, edges, axis=1)))
        for name, file in aside.items():
            file.write(parts[name].astype("<f4").tobytes())
        yield parts["look"]


def _write_spaces(folder, aside, shapes):
    """Gather the files put aside into spaces.npz, beside the old one, and return its SHA-256."""
    path = beside_path(folder / SPACES)
    with zipfile.ZipFile(path, "w") as archive:
        for name, file in aside.items():
            file.seek(0)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                header = {"descr": "<f4", "fortran_order": False, "shape": shapes[name]}
                np.lib.format.write_array_header_1_0(member, header)
                shutil.copyfileobj(file, member)
    with open(path, "rb+") as written:
        os.fsync(written.fileno())
        return hashlib.file_digest(written, "sha256").hexdigest()


def pickled_matrix(shape, blocks):
    """Yield the bytes of the pickle of a float32 array of that shape, given its rows in blocks (m, C)."""
    rows, columns = shape
    yield START % {
        b"rows": _integer(rows),
        b"columns": _integer(columns),
        b"length": struct.pack("<Q", rows * columns * 4),
    }
    for block in blocks:
        yield block.astype("<f4", copy=False).tobytes()
    yield END


def _integer(number):
    return b"J" + struct.pack("<i", number)
