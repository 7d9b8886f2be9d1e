"""Where a catalogue's images lie: a folder, or an address that pyarrow or fsspec reads (s3://, gs://, …)."""

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from urllib.parse import urlsplit
from urllib.request import url2pathname

from lookalike.errors import CatalogueError
from lookalike.extraction.checkpoint import Stamp
from lookalike.extraction.pipeline import File, file_of
from lookalike.images.decoding import MAX_BYTES
from lookalike.images.discovery import find_images, suffixes


class Storage:
    """The images at an address, the same for the one who lists them and for every worker who reads them.

    A folder's are named as on one machine; all others by their path below the address.
    """

    def __init__(self, images):
        parts = urlsplit(str(images)) if "://" in str(images) else None
        local = url2pathname(parts.path) if parts and parts.scheme == "file" and not parts.netloc else images
        self.folder = None if parts and parts.scheme != "file" else Path(os.path.abspath(local))
        self._address = str(images)
        # Keys and passwords that stand in an address are nobody's business but the storage's.
        self.shown = str(self.folder or f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")

    def find(self, output):
        """The Files in the catalogue's order, for an index in the folder output; raises CatalogueError."""
        if self.folder:
            return [file_of(path, output) for path in find_images(self.folder)]
        found = sorted(self._listed(), key=lambda file: file.name)
        if not found:
            raise CatalogueError(f"There is no image in {self.shown}. Looked for {', '.join(sorted(suffixes()))}.")
        return found

    def readable(self, file):
        """The File with a path that can be read here."""
        if self.folder:
            return File(file.name, Path(file.path), file.stamp)
        return File(file.name, _Object(self, str(file.path), file.stamp.size), file.stamp)

    def _listed(self):
        from pyarrow import fs

        filesystem, root = self._place
        try:
            infos = filesystem.get_file_info(fs.FileSelector(root, recursive=True))
        except Exception as error:  # each storage raises its own
            raise self._unreachable(error) from None
        known = suffixes()
        for info in filter(lambda info: info.is_file, infos):
            name = PurePosixPath(info.path).relative_to(root)
            if name.suffix.lower() in known and not any(part.startswith(".") for part in name.parts):
                yield File(name.as_posix(), info.path, Stamp(info.size or 0, info.mtime_ns or 0))

    @cached_property
    def _place(self):
        """pyarrow's file system of the address, and the path in it."""
        import pyarrow as pa
        from pyarrow import fs

        try:
            return fs.FileSystem.from_uri(self._address)
        except pa.ArrowInvalid:  # none of pyarrow's own
            pass
        try:
            from fsspec.core import url_to_fs

            filesystem, root = url_to_fs(self._address)
        except (ValueError, ImportError) as error:
            raise self._unreachable(error) from None
        return fs.PyFileSystem(fs.FSSpecHandler(filesystem)), root

    def __getstate__(self):
        # Each machine has its own connections, and rights.
        return {name: value for name, value in vars(self).items() if name != "_place"}

    def _unreachable(self, error):
        return CatalogueError(f"{self.shown} cannot be listed ({_reason(error)}). Check the address and your rights.")

    def read(self, path):
        """The bytes of a file, one more than the limit at most.

        Raises FileNotFoundError, or CatalogueError for what another try may do.
        """
        filesystem, _ = self._place
        try:
            with filesystem.open_input_stream(path) as stream:
                return stream.read(MAX_BYTES + 1)
        except FileNotFoundError as error:
            raise FileNotFoundError(error.errno, "No such file or directory") from None
        except Exception as error:  # each storage raises its own
            raise CatalogueError(
                f"{path} could not be read from {self.shown} ({_reason(error)}); finished shards are kept. Look at the "
                "network and the rights, then run the same command again."
            ) from None


@dataclass(frozen=True)
class _Object:
    """A file of a Storage, to read as a Path is read."""

    storage: Storage
    path: str
    size: int

    def stat(self):
        return SimpleNamespace(st_size=self.size)

    def read_bytes(self):
        return self.storage.read(self.path)


def _reason(error):
    return (str(error) or type(error).__name__).splitlines()[0][:200].rstrip(".")
