"""One run at a time writes to a folder: SQLite's own lock, and what its errors mean to whoever runs it."""

import sqlite3
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from lookalike.errors import IndexFileError

FOLDER = ".lookalike"


@contextmanager
def lock(folder):
    """Hold a folder against every other run that writes there, until the block or this process ends.

    The lock is SQLite's own, as that works on every system; its file stays empty. Raises IndexFileError.
    """
    path = Path(folder, FOLDER, "lock")
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(closing(connection(path))).execute("BEGIN EXCLUSIVE")
        except (OSError, sqlite3.Error) as error:
            raise refused(path, error) from None
        yield


def connection(path):
    """An sqlite3 connection that any thread may use, each statement its own transaction unless it begins one."""
    return sqlite3.connect(path, timeout=0.5, isolation_level=None, check_same_thread=False)


def refused(path, error):
    """The IndexFileError for an error of SQLite, or of the disk, at a path in FOLDER."""
    if "locked" in str(error):
        return IndexFileError(
            f"Another run is writing to {path.parent.parent.resolve()}. "
            "Wait until it is done, or choose another folder with --output."
        )
    if not isinstance(error, (OSError, sqlite3.OperationalError)) or "Could not decode" in str(error):
        return IndexFileError(f"{path} is damaged ({error}). Run the same command again with --rebuild.")
    return IndexFileError(
        f"{path} cannot be written ({error}); finished work is kept and an index that was there is unchanged. "
        "Make room or choose another folder with --output, then run the same command again."
    )
