"""Files → vectors, as fast as the machine allows: threads read and decode ahead while the engine computes."""

import errno
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Protocol

import numpy as np

from lookalike.embedding.embedder import Embedder
from lookalike.errors import CatalogueError, ImageError, ShortageError, UndecidedError
from lookalike.extraction.checkpoint import Stamp
from lookalike.files import sha256
from lookalike.images.decoding import aspect, check_bytes, decode, kept_thumbnail, prepare
from lookalike.index.catalogue import stored_name
from lookalike.types import Matrix, Pixels, StrPath

# SQLite and Parquet hold times as 64-bit integers, which end in the year 2262.
MAX_TIME_NS = 2**63 - 1

# The machine lacks something, whichever file is opened: no product may be left out of the index for that.
SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)


class ReadableFile(Protocol):
    """The part of a Path that the pipeline needs: a catalogue file on a disk or at an address."""

    def stat(self) -> os.stat_result:
        """Return at least the size; raises OSError."""
        ...

    def read_bytes(self) -> bytes:
        """Return the content; raises OSError."""
        ...

    def __fspath__(self) -> str: ...


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on a disk: what of a Path a run needs, in a ninth of its memory."""

    path: str

    def stat(self) -> os.stat_result:
        """Return what the disk says of the file; raises OSError."""
        return os.stat(self.path)

    def read_bytes(self) -> bytes:
        """Return the content; raises OSError."""
        with open(self.path, "rb") as file:
            return file.read()

    def __fspath__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class File:
    """A catalogue file to process: its name in the index, where it is, and its stamp."""

    name: str
    path: ReadableFile
    stamp: Stamp


@dataclass
class FileResult:
    """One processed file.

    Attributes:
        content: the SHA-256 of its bytes; None if it could not be read or decided, so that the next run tries again.
        prepared: the pixels, uint8 (size, size, 3), and the image's width by its height, until they are embedded.
        row: its vectors side by side, float32 (d,).
        reason: why it has no row. Row and reason are both None if the content was known before.
        thumbnail: the JPEG to keep of it, b"" if there is no need to keep one, None if none was asked for.
    """

    file: File
    content: str | None = None
    prepared: tuple[Pixels, float] | None = None
    row: Matrix | None = None
    reason: str | None = None
    thumbnail: bytes | None = None


def modified_at(status: os.stat_result) -> int:
    """Return when a file's bytes were last written, in nanoseconds."""
    return status.st_mtime_ns


def changed_at(status: os.stat_result) -> int:
    """Return the later of mtime and ctime: only ctime reveals that two files of equal size swapped names.

    Other changes of the status, such as permissions, cost one more read of the file, but no embedding.
    """
    return max(status.st_mtime_ns, status.st_ctime_ns)


def stat_file(path: StrPath, output: StrPath, time_of: Callable[[os.stat_result], int] = modified_at) -> File:
    """Return the File at a path, named as the index in the folder output names it."""
    try:
        status = os.stat(path)
        stamp = Stamp(status.st_size, min(time_of(status), MAX_TIME_NS))
    except OSError:  # gone, or a broken link: reading it reports that
        stamp = Stamp(0, 0)
    return File(stored_name(path, output), LocalFile(os.fspath(path)), stamp)


def no_thumbnail(_: str) -> bool:
    """Keep no thumbnail of any content."""
    return False


def embed_files(
    files: Iterable[File],
    embedder: Embedder,
    is_known: Callable[[str], bool],
    batch_size: int,
    workers: int,
    lacks_thumbnail: Callable[[str], bool] = no_thumbnail,
) -> Generator[FileResult, None, None]:
    """Yield the FileResult of each file, in order; contents for which is_known is true are not embedded again.

    Those for which lacks_thumbnail is true get a thumbnail. At most three batches of images are in memory at any time.
    Raises CatalogueError if the machine runs short.
    """
    with ExitStack() as stack:
        readers = _start_threads(stack, workers)
        # The engine has its own thread, so that it computes while this one waits for readers.
        engine = _start_threads(stack, 1)
        waiting: deque[Future[list[FileResult]]] = deque()
        read = partial(_read_file, size=embedder.size, is_known=is_known, lacks_thumbnail=lacks_thumbnail)
        for batch in _batches(_read_ahead(files, read, readers, batch_size), batch_size):
            waiting.append(engine.submit(_embed, batch, embedder))
            if len(waiting) > 1:
                yield from waiting.popleft().result()
        for future in waiting:
            yield from future.result()


def _start_threads(stack: ExitStack, count: int) -> ThreadPoolExecutor:
    """Start a pool that drops its pending work when the stack ends, also by an interrupt."""
    pool = ThreadPoolExecutor(count)
    stack.callback(pool.shutdown, wait=False, cancel_futures=True)
    return pool


def _read_ahead(
    files: Iterable[File], read: Callable[[File], FileResult], readers: ThreadPoolExecutor, ahead: int
) -> Iterator[FileResult]:
    waiting: deque[Future[FileResult]] = deque()
    for file in files:
        waiting.append(readers.submit(read, file))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _read_file(
    file: File, size: int, is_known: Callable[[str], bool], lacks_thumbnail: Callable[[str], bool]
) -> FileResult:
    """Read the bytes once, and decode them once, for the content's hash, the pixels and the thumbnail.

    Raises CatalogueError in a shortage.
    """
    result = FileResult(file)
    try:
        check_bytes(file.path.stat().st_size, "The file")
        content = file.path.read_bytes()
        result.content = sha256(content)
        image = None
        if not is_known(result.content):
            image = decode(content, size, called="The file")
            result.prepared = prepare(image, size), aspect(image)
        if lacks_thumbnail(result.content):
            result.thumbnail = kept_thumbnail(content, image, size)
    except UndecidedError as error:
        result.content, result.reason = None, str(error)
    except ImageError as error:
        result.reason = str(error)
    except ShortageError as error:
        raise _shortage(file, error.lacks) from None
    except OSError as error:
        # Once the bytes are read, only a shortage can raise OSError.
        if error.errno in SHORTAGES or result.content:
            raise _shortage(file, error.strerror) from None
        result.reason = f"The file cannot be read ({error.strerror})."
    return result


def _shortage(file: File, lacks: str | None) -> CatalogueError:
    return CatalogueError(
        f"This machine could not go on at {file.name} ({lacks}); finished work is kept, and an index that was there "
        "is unchanged. Close other programs, raise the limits (ulimit -n, ulimit -v) or lower --workers, then run "
        "the same command again."
    )


def _batches(results: Iterable[FileResult], size: int) -> Iterator[list[FileResult]]:
    iterator = iter(results)
    while batch := list(islice(iterator, size)):
        yield batch


def _embed(batch: list[FileResult], embedder: Embedder) -> list[FileResult]:
    """Fill in the rows of the results that have pixels, and drop the pixels."""
    decoded = [(result, *result.prepared) for result in batch if result.prepared]
    if decoded:
        results, pixels, aspects = zip(*decoded)
        for result, row in zip(results, embedder.rows(np.stack(pixels), aspects)):
            result.row, result.prepared = row, None
    return batch
