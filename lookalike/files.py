"""Files written whole or not at all, regular files alone, SHA-256."""

import hashlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path


def sha256(content: bytes | memoryview) -> str:
    """Return the SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def file_sha256(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits; raises OSError, also for a pipe or a device."""
    with open_regular_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_regular_file(path: str | os.PathLike[str], max_bytes: int | None = None) -> bytes:
    """Return the bytes of a file; raises OSError, also for a pipe or a device, which may never end.

    At most max_bytes + 1 bytes are read, so that the caller can tell that a file is too long.
    """
    with open_regular_file(path) as file:
        return file.read(-1 if max_bytes is None else max_bytes + 1)


@contextmanager
def open_regular_file(path: str | os.PathLike[str]) -> Iterator[BufferedReader]:
    """Open a file to read its bytes; raises OSError, also for a pipe or a device, which may never end."""
    with open(path, "rb", opener=_open_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(None, "it is not a file")
        yield file


def _open_without_waiting(path: str, flags: int) -> int:
    # Opening a pipe that nobody writes to would wait forever.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def write_whole(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file so that a reader sees all of it or the file that was there before; raises OSError.

    Writers of the same path do not disturb each other: each has a temporary file of its own. mode says who may read
    and write it, less what the umask takes away.
    """
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        with open(beside, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        with suppress(OSError):  # as a rule, it is renamed by now
            beside.unlink()


def beside_path(path: Path) -> Path:
    """Return where the next version of a file is written until it is renamed into place."""
    return path.with_name(path.name + ".new")


def write_beside(path: Path, pieces: Iterable[bytes]) -> str:
    """Write pieces of bytes to beside_path(path), down to the disk, and return their SHA-256; raises OSError."""
    digest = hashlib.sha256()
    with open(beside_path(path), "wb") as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()
