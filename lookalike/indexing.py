"""Paths → index: only what is new or changed is embedded, and work done is never done again."""

import csv
import hashlib
import io
import os
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .checkpoint import Checkpoint, Stamp
from .description import describe, recorded
from .errors import CatalogueError, IndexFileError
from .images import find_images
from .index import stored_name
from .index_writing import save_index
from .pipeline import File, embed_files

SKIPPED = "skipped.csv"
# The last nanosecond that 64 bits hold, in the year 2262.
LATEST = 2**63 - 1


@dataclass(frozen=True)
class Report:
    """What a run did: counts of files, seconds from first to last, and the skipped with reasons."""

    found: int
    indexed: int
    embedded: int
    skipped: tuple
    seconds: float
    backbone: str
    precision: str


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while indexing; the message says how much is saved."""


def build_index(
    images,
    output,
    embedder,
    styles=None,
    batch_size=32,
    workers=2,
    progress=lambda items, **counts: items,
    rebuild=False,
):
    """Index the folder images into the folder output and return a Report.

    progress wraps the iterator of finished files and is told total and initial, as tqdm is. rebuild
    forgets the work of earlier runs. Raises CatalogueError, IndexFileError, or Interrupted.
    """
    start = time.perf_counter()
    files = [file_of(path, output, _last_change) for path in find_images(images)]
    made_by = {**embedder.manifest(), "images": recorded(stored_name(images, output))}
    description = describe(made_by, embedder.backbone, styles, output)
    with closing(Checkpoint(output, embedder.key(), rebuild)) as checkpoint:
        unreadable, count = _work(files, checkpoint, embedder, batch_size, workers, progress)
        if unreadable:  # a folder that went away, or its disk, must not empty the index
            find_images(images)
        names, contents, skipped = _sorted_out(files, checkpoint, unreadable)
        with finishing(len(files)):
            write_index(output, checkpoint.rows(contents), names, skipped, description, embedder.widths_after_look)
            checkpoint.forget_all_but(file.name for file in files)
            checkpoint.finish()
    seconds = time.perf_counter() - start
    return Report(len(files), len(names), count, tuple(skipped), seconds, embedder.backbone.name, embedder.precision)


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


def _work(files, checkpoint, embedder, batch_size, workers, progress):
    """Do what is not done yet; the reasons of unreadable files by name, and how many were embedded."""
    todo = _to_do(files, checkpoint)
    unreadable, count = {}, 0
    try:
        with closing(embed_files(todo, embedder, checkpoint.knows, batch_size, workers)) as finished:
            for done in progress(finished, total=len(files), initial=len(files) - len(todo)):
                count += done.row is not None
                if done.content is None:
                    unreadable[done.file.name] = done.reason
                else:
                    _record(done, checkpoint)
    except KeyboardInterrupt:
        checkpoint.read_again()
        saved = len(files) - len(_to_do(files, checkpoint))
        raise Interrupted(
            f"Stopped. {saved} of {len(files)} images are done and saved; run the same command again to go on."
        ) from None
    return unreadable, count


@contextmanager
def finishing(count):
    """What follows when all files are looked at; Ctrl-C says so, as Interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped. All {count} images are done and saved; run the same command again to finish the index."
        ) from None


def _to_do(files, checkpoint):
    return [file for file in files if checkpoint.content(file.name, file.stamp) is None]


def _record(done, checkpoint):
    if not checkpoint.knows(done.content):
        checkpoint.add_content(done.content, done.row, done.reason)
    checkpoint.add_file(done.file.name, done.file.stamp, done.content)


def _sorted_out(files, checkpoint, unreadable):
    """The names and contents of the products, and (name, reason) of the files that are none."""
    names, contents, skipped = [], [], []
    for file in files:
        content = checkpoint.content(file.name, file.stamp)
        reason = unreadable.get(file.name) if content is None else checkpoint.reason(content)
        if reason is not None:
            skipped.append((file.name, reason))
        else:
            names.append(file.name)
            contents.append(content)
    return names, contents, skipped


def write_index(output, blocks, names, skipped, description, widths_after_look):
    """Write skipped.csv and the index, as save_index does; raises CatalogueError where there is no product."""
    skipped_sha256 = _write_skipped(output, skipped)
    if not names:
        raise CatalogueError(
            f"None of the {len(skipped)} files in {description['images']} can be read as an image; "
            f"{Path(output) / SKIPPED} says why. Nothing was indexed."
        )
    save_index(output, blocks, names, {**description, "skipped_sha256": skipped_sha256}, widths_after_look)


def _write_skipped(output, skipped):
    """Write one row a skipped file, its path and the reason, after the header; return the file's SHA-256."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("path", "reason"))
    rows.writerows(skipped)
    path = Path(output) / SKIPPED
    # A name that is no UTF-8, as old archives hold them, is told with its odd bytes spelled out.
    content = text.getvalue().encode(errors="backslashreplace")
    try:
        path.write_bytes(content)
    except OSError as error:
        raise IndexFileError(
            f"{path} cannot be written ({error.strerror}). Make room or choose another folder with --output."
        ) from None
    return hashlib.sha256(content).hexdigest()
