"""Files written whole or not at all, regular files alone, SHA-256."""

import hashlib
import os
import stat


def file_sha256(path):
    """The SHA-256 of a file as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_regular_file(path, most=-1):
    """The bytes of a file, at most one more than most; a pipe or device, which may never end, is none."""
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(None, "it is no file")
        return file.read(most + 1 if most >= 0 else -1)


def _without_waiting(path, flags):
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def write_beside(path, pieces):
    """Write pieces of bytes next to path, down to the disk, and return their SHA-256."""
    digest = hashlib.sha256()
    with open(beside_path(path), "wb") as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def beside_path(path):
    return path.with_name(path.name + ".new")
