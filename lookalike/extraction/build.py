"""Paths → index: only what is new or changed is embedded, and work done is never done again."""

import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import CatalogueError
from lookalike.extraction.checkpoint import Checkpoint
from lookalike.extraction.pipeline import _last_change, embed_files, file_of
from lookalike.images.discovery import find_images
from lookalike.index.catalogue import stored_name
from lookalike.index.manifest import describe, recorded
from lookalike.index.skipped import SKIPPED, _write_skipped
from lookalike.index.writing import save_index


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
