"""Writes an index: next to the old one, then renamed into place, the manifest last; whole or not at all."""

import json
import os
import pickle
import shutil
import signal
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, cast

import numpy as np

from lookalike.errors import IndexFileError
from lookalike.files import beside_path, file_sha256, read_regular_file, sha256, write_beside
from lookalike.index.attribute_head import INPUTS, AttributeHead
from lookalike.index.reading import (
    EMBEDDINGS,
    FILENAMES,
    FILES,
    FORMAT,
    MANIFEST,
    PICKLE_END,
    SPACES,
    TUNED,
    Index,
    pickle_start,
    read_head,
    read_manifest,
)
from lookalike.types import Matrix, StrPath


def save_index(
    folder: StrPath,
    blocks: Iterable[Matrix],
    names: Sequence[str],
    description: Mapping[str, Any],
    widths_after_look: Mapping[str, int] | None = None,
) -> None:
    """Write the whole index, or leave the old one as it was; an equal one is left untouched.

    blocks are the products' rows in order, float32 (m, d): look, then the spaces of widths_after_look (space → length
    of its vectors). description is added to the manifest. The old index's head is kept if it fits, until a new one
    is saved: otherwise the index would lack it for as long as tuning takes. Raises IndexFileError if the disk refuses.
    """
    with _whole_or_nothing(Path(folder)) as folder, ExitStack() as stack:
        blocks = iter(blocks)
        first = next(blocks)
        others = widths_after_look or {}
        look_width = first.shape[1] - sum(others.values())
        # Every space but look waits in an unnamed file: those of a hundred thousand products would fill the memory.
        aside = {name: stack.enter_context(TemporaryFile(dir=folder)) for name in others}
        looks = _split_blocks(chain([first], blocks), {"look": look_width, **others}, aside)
        files = {
            EMBEDDINGS: write_beside(folder / EMBEDDINGS, pickled_matrix((len(names), look_width), looks)),
            FILENAMES: write_beside(folder / FILENAMES, [pickle.dumps(list(names), protocol=4)]),
        }
        if aside:
            files[SPACES] = _write_spaces(folder, aside, {name: (len(names), others[name]) for name in aside})
        manifest = {**description, "n": len(names), "channels": look_width, "files": files}
        if not _is_written(folder, manifest):
            _publish(folder, _with_old_head(folder, manifest, others))


def save_head(index: Index, head: AttributeHead | None, tuning: Mapping[str, Any] | None) -> None:
    """Put a head, or None if it did not help, into an index on disk.

    tuning goes to the manifest; None records nothing, so that the next run tries again. The caller must hold the
    folder's lock since before it loaded the index. Otherwise another run's files could get this manifest.
    """
    with _whole_or_nothing(index.folder) as folder:
        files = {name: digest for name, digest in index.manifest["files"].items() if name != TUNED}
        if head:
            files[TUNED] = write_beside(folder / TUNED, [head.to_bytes()])
        manifest = {**index.manifest, "tuning": tuning, "files": files}
        if tuning is None:
            del manifest["tuning"]
        if not _is_written(folder, manifest, tuned=True):
            _publish(folder, manifest)


def pickled_matrix(shape: tuple[int, int], blocks: Iterable[Matrix]) -> Iterator[bytes]:
    """Yield the bytes of the pickle of a float32 array of that shape, given its rows in blocks (m, C)."""
    rows, columns = shape
    yield pickle_start(rows, columns)
    for block in blocks:
        yield block.astype("<f4", copy=False).tobytes()
    yield PICKLE_END


@contextmanager
def _whole_or_nothing(folder: Path) -> Iterator[Path]:
    """Remove the files written beside the index if any write in this block fails; raises IndexFileError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except OSError as error:
        raise IndexFileError(
            f"The index could not be written to {folder} ({error.strerror}); an index that was there is unchanged. "
            "Make room or write to another folder, then run the same command again."
        ) from None
    finally:
        for name in FILES:
            with suppress(OSError):
                beside_path(folder / name).unlink(missing_ok=True)


def _publish(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Rename the files written beside the index into place, the manifest last.

    Until then the digests in the old manifest reveal that other files are newer.
    """
    # Only finite numbers: a manifest with any other is refused when it is read.
    text = json.dumps({"format": FORMAT, **manifest}, indent=1, ensure_ascii=False, allow_nan=False)
    write_beside(folder / MANIFEST, [text.encode()])
    with _delay_interrupt():
        for name in FILES:
            if beside_path(folder / name).exists():
                os.replace(beside_path(folder / name), folder / name)
        _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    """Have the disk know the renamed files before this run says that it is done; Windows has nothing like it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _delay_interrupt() -> Iterator[None]:
    """Let Ctrl-C take effect after this block: between two renames it would leave half an index."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Ctrl-C never comes here
        return
    pressed: list[tuple[Any, ...]] = []
    handler = signal.signal(signal.SIGINT, lambda *call: pressed.append(call))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if pressed and callable(handler):
        handler(*pressed[0])


def _is_written(folder: Path, manifest: Mapping[str, Any], tuned: bool = False) -> bool:
    """Return whether the same index is already there, so that readers need not reload it.

    Unless the manifest is a tuned index's, whatever head is there does not count.
    """
    try:
        old = cast(dict[str, Any], read_manifest(folder))
        # By content: indexing again must repair a file that was damaged without changing its size. A manifest can
        # name any file of the disk: only the index's own are read.
        digests = old.get("files", {}).items()
        whole = all(name in FILES and file_sha256(folder / name) == digest for name, digest in digests)
    except (OSError, IndexFileError):
        return False
    if not tuned:
        files = {name: digest for name, digest in old.get("files", {}).items() if name != TUNED}
        old = {key: value for key, value in old.items() if key != "tuning"} | {"files": files}
    return whole and old == {"format": FORMAT, **manifest}


def _with_old_head(folder: Path, manifest: dict[str, Any], widths_after_look: Mapping[str, int]) -> dict[str, Any]:
    """Return a manifest that names the head in a folder as well, if it fits the new vectors and the shop's table.

    What it was learned from is left out, so that tuning learns a new one.
    """
    try:
        old = cast(dict[str, Any], read_manifest(folder))
        content = read_regular_file(folder / TUNED)
        inputs = sum(widths_after_look[name] for name in INPUTS)
        fits = all(len(weights) == inputs + 1 for weights in read_head(content).weights.values())
    except (OSError, KeyError, IndexFileError):
        return manifest
    same_network = old.get("fashion") == manifest.get("fashion")
    whole = sha256(content) == old.get("files", {}).get(TUNED)
    if not (fits and same_network and whole and manifest.get("styles")):
        return manifest
    files = {**manifest["files"], TUNED: sha256(content)}
    tuning = {key: value for key, value in (old.get("tuning") or {}).items() if key != "attributes"}
    return {**manifest, "tuning": tuning, "files": files}


def _split_blocks(
    blocks: Iterable[Matrix], widths: Mapping[str, int], aside: Mapping[str, IO[bytes]]
) -> Iterator[Matrix]:
    """Yield the look columns of each block and write the others to the file of their space."""
    edges = np.cumsum(list(widths.values()))[:-1]
    for block in blocks:
        parts = dict(zip(widths, np.split(block, edges, axis=1)))
        for name, file in aside.items():
            file.write(parts[name].astype("<f4").tobytes())
        yield parts["look"]


def _write_spaces(folder: Path, aside: Mapping[str, IO[bytes]], shapes: Mapping[str, tuple[int, int]]) -> str:
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
    return file_sha256(path)
