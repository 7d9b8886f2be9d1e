"""The lock that lets one run at a time write to a folder, and the sentences for SQLite's errors."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from lookalike.errors import INDEX_COMMAND, IndexFileError
from lookalike.types import StrPath

STATE_FOLDER = ".lookalike"


@contextmanager
def lock(folder: StrPath) -> Iterator[None]:
    """Keep every other run from writing to a folder until the block or this process ends; raises IndexFileError.

    The lock is SQLite's own, because that works on every system. Its file stays empty.
    """
    path = Path(folder, STATE_FOLDER, "lock")
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(closing(connect(path))).execute("BEGIN EXCLUSIVE")
        except (OSError, sqlite3.Error) as error:
            raise explain_sqlite_error(path, error) from None
        yield


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection that any thread may use. Each statement is a transaction unless one is begun explicitly."""
    return sqlite3.connect(path, timeout=0.5, isolation_level=None, check_same_thread=False)


def explain_sqlite_error(path: Path, error: Exception) -> IndexFileError:
    """Return the IndexFileError for an error of SQLite or of the disk at a path in STATE_FOLDER."""
    if "locked" in str(error):
        return IndexFileError(
            f"Another run is writing to {path.parent.parent.resolve()}. "
            "Wait until it is done, or write to another folder."
        )
    if not isinstance(error, (OSError, sqlite3.OperationalError)) or "Could not decode" in str(error):
        return IndexFileError(f"{path} is damaged ({error}). Run {INDEX_COMMAND} with --rebuild.")
    return IndexFileError(
        f"{path} cannot be written ({error}); finished work is kept, and an index that was there is unchanged. "
        "Make room or write to another folder, then run the same command again."
    )
