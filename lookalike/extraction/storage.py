"""Where a catalogue's images lie: a folder, or an address that pyarrow or fsspec reads (s3://, gs://, …)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from lookalike.errors import CatalogueError
from lookalike.extraction.checkpoint import Stamp
from lookalike.extraction.pipeline import File, LocalFile, modified_at, stat_file
from lookalike.images.decoding import MAX_FILE_BYTES
from lookalike.images.discovery import find_image_names, find_unsuffixed_images, image_suffixes, is_hidden
from lookalike.index.catalogue import stored_name
from lookalike.types import StrPath

if TYPE_CHECKING:
    from pyarrow import fs


class Storage:
    """The images at an address; pickled, it is the same for the driver that lists them and the workers that read them.

    Raises CatalogueError for what looks like an address and is none.

    Files in a folder are named as on one machine, all others by their path below the address.

    Attributes:
        folder: the folder, None for an address elsewhere.
        shown: the folder or address without credentials, for messages and the manifest.
    """

    def __init__(self, images: StrPath) -> None:
        self._address = str(images)
        try:
            parts = urlsplit(self._address) if "://" in self._address else None
        except ValueError:
            raise CatalogueError("The address of the images makes no sense. Write it as s3://BUCKET/FOLDER.") from None
        self.folder: Path | None = None
        if parts and parts.scheme != "file":
            # An address may hold keys and passwords.
            self.shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        else:
            local = url2pathname(parts.path) if parts and not parts.netloc else images
            self.folder = Path(local)
            self.shown = os.path.abspath(local)

    def name(self, output: StrPath) -> str:
        """Return what an index in the folder output calls the folder or address."""
        return stored_name(self.folder, output) if self.folder else self.shown

    def find(self, output: StrPath, time_of: Callable[[os.stat_result], int] = modified_at) -> list[File]:
        """Return the catalogue's files in order, for an index in the folder output; raises CatalogueError.

        time_of gives the time of a file in a folder; see pipeline.stat_file.
        """
        if self.folder:
            folder = str(self.folder)
            names = find_image_names(folder)
            return [stat_file(os.path.join(folder, name), output, time_of) for name in names]
        found = sorted(self._list_files(), key=lambda file: file.name)
        if not found:
            raise CatalogueError(
                f"There is no image in {self.shown}. Looked for {', '.join(sorted(image_suffixes()))}."
            )
        return found

    def find_unsuffixed(self, output: StrPath) -> list[tuple[str, str]]:
        """Return (name, reason) of each file that is an image without an image suffix, for skipped.csv.

        At an address elsewhere none are found, because every file would have to be read.
        """
        paths = find_unsuffixed_images(self.folder) if self.folder else []
        reason = "The file is an image, but its name has no image suffix. Rename it to end in .jpg or what it is."
        return [(stored_name(path, output), reason) for path in paths]

    def file(self, name: str, path: str, stamp: Stamp) -> File:
        """Return the File with that name, path and stamp, as find does."""
        return File(name, LocalFile(path) if self.folder else RemoteFile(self, path, stamp.size), stamp)

    def _list_files(self) -> Iterator[File]:
        from pyarrow import fs

        filesystem, root = self._filesystem
        try:
            infos = filesystem.get_file_info(fs.FileSelector(root, recursive=True))
        except Exception as error:  # each storage raises its own
            raise self._unreachable(error) from None
        known = image_suffixes()
        for info in filter(lambda info: info.is_file, infos):
            name = PurePosixPath(info.path).relative_to(root)
            if name.suffix.lower() in known and not any(map(is_hidden, name.parts)):
                yield self.file(name.as_posix(), info.path, Stamp(info.size or 0, info.mtime_ns or 0))

    @cached_property
    def _filesystem(self) -> tuple[fs.FileSystem, str]:
        """pyarrow's file system for the address, and the path in it."""
        import pyarrow as pa
        from pyarrow import fs

        try:
            return fs.FileSystem.from_uri(self._address)
        except pa.ArrowInvalid:  # not one of pyarrow's own
            pass
        try:
            from fsspec.core import url_to_fs

            filesystem, root = url_to_fs(self._address)
        except (ValueError, ImportError) as error:
            raise self._unreachable(error) from None
        return fs.PyFileSystem(fs.FSSpecHandler(filesystem)), root

    def __getstate__(self) -> dict[str, Any]:
        # Each machine has its own connections and credentials.
        return {name: value for name, value in vars(self).items() if name != "_filesystem"}

    def _unreachable(self, error: Exception) -> CatalogueError:
        return CatalogueError(
            f"{self.shown} cannot be listed ({first_line(error)}). Check the address and your permissions."
        )

    def read(self, path: str) -> bytes:
        """Return the bytes of a file, at most one more than the limit.

        Raises FileNotFoundError, or CatalogueError if another attempt may succeed.
        """
        filesystem, _ = self._filesystem
        try:
            with filesystem.open_input_stream(path) as stream:
                content: bytes = stream.read(MAX_FILE_BYTES + 1)
                return content
        except FileNotFoundError as error:
            raise FileNotFoundError(error.errno, "No such file or directory") from None
        except Exception as error:  # each storage raises its own
            raise CatalogueError(
                f"{path} could not be read from {self.shown} ({first_line(error)}); finished work is kept. Check "
                "the network and your permissions, then run the same command again."
            ) from None


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a Storage with the methods of a Path that the pipeline uses; see ReadableFile."""

    storage: Storage
    path: str
    size: int

    def stat(self) -> os.stat_result:
        """Return the size that the storage stated when the files were listed, and zeros."""
        return os.stat_result((0, 0, 0, 0, 0, 0, self.size, 0, 0, 0))

    def read_bytes(self) -> bytes:
        """Return the content; raises FileNotFoundError or CatalogueError."""
        return self.storage.read(self.path)

    def __fspath__(self) -> str:
        return self.path


def first_line(error: BaseException) -> str:
    """Return what an error of a library says in one short line, without a full stop."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200].rstrip(".")
