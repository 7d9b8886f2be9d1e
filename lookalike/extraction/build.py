"""A folder or an address of images → an index on this machine. Only new and changed images are embedded."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lookalike.embedding.embedder import Embedder
from lookalike.errors import CatalogueError
from lookalike.extraction.checkpoint import Checkpoint
from lookalike.extraction.pipeline import File, FileResult, changed_at, embed_files
from lookalike.extraction.storage import Storage
from lookalike.images.decoding import THUMBNAIL_VERSION
from lookalike.index.attributes import read_styles
from lookalike.index.manifest import Manifest, check_name, describe
from lookalike.index.skipped import SKIPPED, write_skipped
from lookalike.index.thumbnails import Thumbnails, remove_thumbnails
from lookalike.index.writing import save_index
from lookalike.settings import usable_cores
from lookalike.types import Matrix, Progress, StrPath, no_progress


@dataclass(frozen=True)
class Report:
    """The result of a run.

    Attributes:
        found: how many image files the catalogue has.
        indexed: how many of them are products of the index.
        embedded: how many of them this run embedded; earlier runs embedded the others.
        skipped: (name, reason) of each file that is not a product.
        seconds: the duration of the whole run.
        backbone: the name of the backbone that made the vectors.
        precision: the precision that it computed in.
        unsuffixed: how many of the skipped files are images without an image suffix.
    """

    found: int
    indexed: int
    embedded: int
    skipped: tuple[tuple[str, str], ...]
    seconds: float
    backbone: str
    precision: str
    unsuffixed: int = 0


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while indexing. The message says how much is saved."""


def build_index(
    images: StrPath,
    output: StrPath,
    embedder: Embedder | Callable[[], Embedder],
    styles: StrPath | None = None,
    batch_size: int = 32,
    workers: int | None = None,
    progress: Progress = no_progress,
    rebuild: bool = False,
    refused: Sequence[tuple[str, str]] = (),
    thumbnails: bool = True,
) -> Report:
    """Index a folder of images, or update its index, and return a Report.

    Run again after any interruption, it goes on where it stopped. The old index stays until the new one is whole.

    Args:
        images: the folder of the catalogue's images, searched at any depth, or an address of one; see Storage.
        output: the folder that gets the index; it is made if it does not exist.
        embedder: an Embedder, or a function that loads one, called once the images and the table prove usable.
        styles: the table of attributes (a CSV file with a column id), None for products without attributes.
        batch_size: how many images the embedder is given at a time.
        workers: how many threads read and decode; None for one a core that this process may use.
        progress: wraps the iterator of processed files; it is given total and initial, as tqdm is.
        rebuild: embed every image again instead of reusing the work of earlier runs.
        refused: (name, reason) of further products that have no image, for skipped.csv.
        thumbnails: keep a thumbnail of each picture that takes long to decode, if the images are in a folder: the page
            shows those alone. False removes the thumbnails of earlier runs.

    Raises:
        CatalogueError: the images or the table cannot be read, no file is an image, or the machine runs short.
        IndexFileError: the output cannot be written, or another run is writing to it.
        Interrupted: Ctrl-C; the message says how much is saved.
    """
    start = time.perf_counter()
    storage = Storage(images)
    files, unsuffixed = storage.find(output, changed_at), storage.find_unsuffixed(output)
    if styles:
        read_styles(styles)
    embedder = embedder if isinstance(embedder, Embedder) else embedder()
    made_by = {**embedder.manifest(), "images": check_name(storage.name(output))}
    description = describe(made_by, embedder.backbone.weights, styles, output)
    with ExitStack() as stack:
        checkpoint = stack.enter_context(closing(Checkpoint(output, embedder.key(), rebuild)))
        kept = None
        if thumbnails and storage.folder:
            kept = stack.enter_context(closing(Thumbnails(output, THUMBNAIL_VERSION)))
        work = _Work(files, checkpoint, kept)
        unreadable, embedded = _embed_new(work, embedder, batch_size, workers or usable_cores(), progress)
        if unreadable:  # if the folder or its disk went away, fail rather than empty the index
            storage.find(output)
        names, contents, skipped = _split_products(files, checkpoint, unreadable)
        skipped += [*unsuffixed, *refused]
        with finishing(len(files)):
            write_index(output, checkpoint.rows(contents), names, skipped, description, embedder.widths_after_look)
            checkpoint.keep_only(file.name for file in files)
            checkpoint.finish()
            if kept:
                kept.keep_only(contents)
            else:
                with suppress(OSError):  # they are never shown for another picture
                    remove_thumbnails(output)
    seconds = time.perf_counter() - start
    return Report(
        found=len(files) + len(unsuffixed) + len(refused),
        indexed=len(names),
        embedded=embedded,
        skipped=tuple(skipped),
        seconds=seconds,
        backbone=embedder.backbone.name,
        precision=embedder.precision,
        unsuffixed=len(unsuffixed),
    )


@dataclass(frozen=True)
class _Work:
    """The files of a catalogue, and what is done of them."""

    files: Sequence[File]
    checkpoint: Checkpoint
    thumbnails: Thumbnails | None

    def unfinished(self) -> list[File]:
        """Return the files that are not embedded, or that lack their thumbnail."""
        return [file for file in self.files if not self._is_finished(self.checkpoint.content(file.name, file.stamp))]

    def _is_finished(self, content: str | None) -> bool:
        return content is not None and not self.lacks_thumbnail(content)

    def lacks_thumbnail(self, content: str) -> bool:
        """Return whether a thumbnail of that content is wanted: not of files that cannot be decoded."""
        if self.thumbnails is None or self.thumbnails.is_known(content):
            return False
        return not self.checkpoint.is_known(content) or self.checkpoint.reason(content) is None

    def record(self, result: FileResult, content: str) -> None:
        """Record the result of a file with that content."""
        if result.thumbnail is not None and self.thumbnails:
            self.thumbnails.add(content, result.thumbnail)
        if not self.checkpoint.is_known(content):
            self.checkpoint.add_content(content, result.row, result.reason)
        self.checkpoint.add_file(result.file.name, result.file.stamp, content)


def _embed_new(
    work: _Work, embedder: Embedder, batch_size: int, workers: int, progress: Progress
) -> tuple[dict[str, str | None], int]:
    """Do what is unfinished; return the reasons of unreadable files by name, and how many were embedded."""
    todo, count, is_known = work.unfinished(), len(work.files), work.checkpoint.is_known
    unreadable: dict[str, str | None] = {}
    embedded = 0
    try:
        with closing(embed_files(todo, embedder, is_known, batch_size, workers, work.lacks_thumbnail)) as results:
            for result in progress(results, total=count, initial=count - len(todo)):
                embedded += result.row is not None
                if result.content is None:
                    unreadable[result.file.name] = result.reason
                else:
                    work.record(result, result.content)
    except KeyboardInterrupt:
        work.checkpoint.reload()
        raise interrupted(count - len(work.unfinished()), count) from None
    return unreadable, embedded


def interrupted(saved: int, count: int) -> Interrupted:
    """Return the Interrupted for a run that has saved part of count images."""
    return Interrupted(f"Stopped. {saved} of {count} images are done and saved; run the same command again to go on.")


@contextmanager
def finishing(count: int) -> Iterator[None]:
    """Turn Ctrl-C after the last image into an Interrupted that says so."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped. All {count} images are done and saved; run the same command again to finish the index."
        ) from None


def _split_products(
    files: Iterable[File], checkpoint: Checkpoint, unreadable: Mapping[str, str | None]
) -> tuple[list[str], list[str], list[tuple[str, str]]]:
    """Return the names and contents of the products, and (name, reason) of the other files."""
    names, contents, skipped = [], [], []
    for file in files:
        content = checkpoint.content(file.name, file.stamp)
        reason = unreadable.get(file.name) if content is None else checkpoint.reason(content)
        if reason is not None:
            skipped.append((file.name, reason))
        elif content is not None:
            names.append(file.name)
            contents.append(content)
    return names, contents, skipped


def write_index(
    output: StrPath,
    blocks: Iterable[Matrix],
    names: Sequence[str],
    skipped: Sequence[tuple[str, str]],
    description: Manifest,
    widths_after_look: Mapping[str, int],
) -> None:
    """Write skipped.csv and, as save_index does, the index; raises CatalogueError if there is no product."""
    skipped_sha256 = write_skipped(output, skipped)
    if not names:
        raise CatalogueError(
            f"None of the {len(skipped)} files in {description['images']} can be read as an image; "
            f"{Path(output) / SKIPPED} says why. Nothing was indexed."
        )
    save_index(output, blocks, names, {**description, "skipped_sha256": skipped_sha256}, widths_after_look)
