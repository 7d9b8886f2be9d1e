"""Files → rows, as fast as the machine goes: threads read and decode ahead while the engine computes."""

import errno
import hashlib
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from lookalike.errors import CatalogueError, ImageError, ShortageError, UndecidedError
from lookalike.extraction.checkpoint import Stamp
from lookalike.images.decoding import check_bytes, load_prepared
from lookalike.index.catalogue import stored_name

# The last nanosecond that 64 bits hold, in the year 2262.
LATEST = 2**63 - 1


# What the machine lacks, whatever the file: a product must not be left out for it.
SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)


def file_of(path, output, time_of=lambda status: status.st_mtime_ns):
    """The File of a path, named as the index in the folder output names it; time_of an os.stat_result is its time."""
    try:
        status = os.stat(path)
        stamp = Stamp(status.st_size, min(time_of(status), LATEST))
    except OSError:  # gone, or a link to nothing: reading it will say so
        stamp = Stamp(0, 0)
    return File(stored_name(path, output), path, stamp)


def _last_change(status):
    """The later time of a file's bytes and of its status: of two of one size that swap their names, that alone tells.

    What else changes the status, such as rights, costs a reading: contents that are known are not embedded again.
    """
    return max(status.st_mtime_ns, status.st_ctime_ns)


@dataclass(frozen=True)
class File:
    """A catalogue file to look at: its name in the index, where it is, and its stamp."""

    name: str
    path: Path
    stamp: Stamp


@dataclass
class Done:
    """A file that was looked at: the SHA-256 of its bytes, and its row of vectors or the reason why it has none.

    Row and reason are None where the content was known before; content is None where it could not be read, or not
    be decided: the next run tries again. pixels and aspect, see images.load_prepared, are what the row is made of.
    """

    file: File
    content: str | None = None
    pixels: np.ndarray | None = None
    row: np.ndarray | None = None
    reason: str | None = None
    aspect: float | None = None


def embed_files(files, embedder, knows, batch_size, workers):
    """A Done for each File, in order; knows(content) tells which contents need no row any more.

    At most three batches of images are held in memory at any time.
    """
    with ExitStack() as stack:
        readers = _threads(stack, workers)
        # The engine has a thread of its own, so that it computes while this one waits for readers.
        engine = _threads(stack, 1)
        waiting = deque()
        for batch in _batches(_read_ahead(files, embedder.size, knows, readers, batch_size), batch_size):
            waiting.append(engine.submit(_embed, batch, embedder))
            if len(waiting) > 1:
                yield from waiting.popleft().result()
        for future in waiting:
            yield from future.result()


def _threads(stack, count):
    """A pool that, when its user leaves or is interrupted, drops what it has not begun."""
    pool = ThreadPoolExecutor(count)
    stack.callback(pool.shutdown, wait=False, cancel_futures=True)
    return pool


def _read_ahead(files, size, knows, readers, ahead):
    waiting = deque()
    for file in files:
        waiting.append(readers.submit(_read, file, size, knows))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _read(file, size, knows):
    """Read the bytes once: for the content's hash and for the pixels; raises CatalogueError in a shortage."""
    done = Done(file)
    try:
        check_bytes(file.path.stat().st_size, "The file")
        content = file.path.read_bytes()
        done.content = hashlib.sha256(content).hexdigest()
        if not knows(done.content):
            done.pixels, done.aspect = load_prepared(content, size, called="The file")
    except UndecidedError as error:
        done.content, done.reason = None, str(error)
    except ImageError as error:
        done.reason = str(error)
    except ShortageError as error:
        raise _shortage(file, error.lacks) from None
    except OSError as error:
        # Once its bytes are read, nothing but a shortage can fail in this way.
        if error.errno in SHORTAGES or done.content:
            raise _shortage(file, error.strerror) from None
        done.reason = f"The file cannot be read ({error.strerror})."
    return done


def _shortage(file, lacks):
    return CatalogueError(
        f"This machine could not go on at {file.name} ({lacks}); finished work is kept and an index that was there "
        "is unchanged. Close other programs, raise its limits (ulimit -n, ulimit -v) or lower --workers, then run "
        "the same command again."
    )


def _batches(items, size):
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _embed(batch, embedder):
    images = [done for done in batch if done.pixels is not None]
    if images:
        rows = embedder.rows(np.stack([done.pixels for done in images]), [done.aspect for done in images])
        for done, row in zip(images, rows):
            done.row, done.pixels = row, None
    return batch
