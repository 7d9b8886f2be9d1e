"""The vectors made so far, on disk as they are made, by the content of their file: one SQLite file."""

import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookalike.index.lock import STATE_FOLDER, connect, explain_sqlite_error, lock
from lookalike.types import Matrix, StrPath

SAVE_SECONDS = 1.0

# SQLite stores one number (user_version) for its user. This value means that a rebuild is under way.
REBUILDING = 1

SCHEMA = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS files (name BLOB PRIMARY KEY, size INTEGER, mtime INTEGER, content TEXT);
CREATE TABLE IF NOT EXISTS contents (content TEXT PRIMARY KEY, vectors BLOB, reason TEXT);
BEGIN IMMEDIATE;
"""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is known of a file without reading it: size in bytes, time of the last change in nanoseconds."""

    size: int
    mtime: int


class Checkpoint:
    """The work done in a folder for one way of making vectors; one process at a time holds the folder.

    A content is the SHA-256 of a file's bytes. It has a row of vectors, or the reason why it has none.

    Args:
        folder: the folder of the index.
        key: Embedder.key(): what is recorded under another key stays apart.
        rebuild: forget the work of earlier runs, except that of a rebuild that was stopped, which goes on.

    Attributes:
        path: the SQLite file.
        was_emptied: whether rebuild made it forget earlier work.

    Raises IndexFileError, also if another run holds the folder.
    """

    def __init__(self, folder: StrPath, key: str, rebuild: bool = False) -> None:
        self.path = Path(folder) / STATE_FOLDER / f"{key}.sqlite"
        self._saved_at = time.monotonic()
        self._connections = ExitStack()
        try:
            self._connections.enter_context(lock(folder))
            self.was_emptied = rebuild and not self._is_rebuilding()
            self._open()
        except (OSError, sqlite3.Error, TypeError, UnicodeDecodeError) as error:
            self._connections.close()
            raise explain_sqlite_error(self.path, error) from None

    def _open(self) -> None:
        if self.was_emptied:
            self._remove_databases(of_this_key=True)
        self._database = self._connections.enter_context(closing(connect(self.path)))
        self._database.executescript(SCHEMA)
        self._add_checksums()
        if self.was_emptied:
            self._mark(REBUILDING)
        self._load()

    def _is_rebuilding(self) -> bool:
        """Return whether a rebuild was stopped here and its work can be read."""
        if not self.path.exists():
            return False
        try:
            with closing(connect(self.path)) as self._database:
                (mark,) = self._database.execute("PRAGMA user_version").fetchone()
                (health,) = self._database.execute("PRAGMA quick_check").fetchone()
                self._load()
        except (sqlite3.Error, TypeError, UnicodeDecodeError):
            return False
        return bool(mark == REBUILDING and health == "ok")

    def _mark(self, number: int) -> None:
        self._database.execute(f"PRAGMA user_version = {number}")

    def finish(self) -> None:
        """End a rebuild and remove the work done under other keys. Call this once the index is written."""
        try:
            self._mark(0)
            self._remove_databases(of_this_key=False)
        except (OSError, sqlite3.Error) as error:
            raise explain_sqlite_error(self.path, error) from None

    def _load(self) -> None:
        rows = self._database.execute("SELECT name, size, mtime, content FROM files")
        self._files: dict[str, tuple[Stamp, str]] = {
            os.fsdecode(name): (Stamp(size, mtime), content) for name, size, mtime, content in rows
        }
        self._reasons: dict[str, str | None] = dict(self._database.execute("SELECT content, reason FROM contents"))

    def reload(self) -> None:
        """Forget what is not recorded in the database: Ctrl-C may have come between learning and recording it."""
        try:
            self._load()
        except sqlite3.Error as error:
            raise explain_sqlite_error(self.path, error) from None

    def content(self, name: str, stamp: Stamp) -> str | None:
        """Return the content of a file whose work is done, None if the file is new or its stamp has changed."""
        recorded, content = self._files.get(name, (None, None))
        return content if recorded == stamp and content in self._reasons else None

    def is_known(self, content: str) -> bool:
        """Return whether that content has a row, or a reason why it has none."""
        return content in self._reasons

    def reason(self, content: str) -> str | None:
        """Return why a known content has no row, None if it has one."""
        return self._reasons[content]

    def add_file(self, name: str, stamp: Stamp, content: str) -> None:
        """Record the content of a file."""
        self._files[name] = (stamp, content)
        self._execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", os.fsencode(name), stamp.size, stamp.mtime, content
        )

    def add_content(self, content: str, row: Matrix | None = None, reason: str | None = None) -> None:
        """Record a content's row (its spaces side by side, float32 (d,)) or the reason why it has none."""
        self._reasons[content] = reason
        vectors = None if row is None else np.asarray(row, "<f4").tobytes()
        self._execute(
            "INSERT OR REPLACE INTO contents (content, vectors, reason, checksum) VALUES (?, ?, ?, ?)",
            content,
            vectors,
            reason,
            vectors and zlib.crc32(vectors),
        )

    def rows(self, contents: Sequence[str], block: int = 512) -> Iterator[Matrix]:
        """Yield the rows of contents, in their order, in blocks of float32 (m, d)."""
        for start in range(0, len(contents), block):
            yield np.stack([self._row(content) for content in contents[start : start + block]])

    def keep_only(self, names: Iterable[str]) -> None:
        """Drop all files but those, and the contents that no file has any more."""
        for name in self._files.keys() - set(names):
            del self._files[name]
            self._execute("DELETE FROM files WHERE name = ?", os.fsencode(name))
        self._execute("DELETE FROM contents WHERE content NOT IN (SELECT content FROM files)")

    def save(self) -> None:
        """Put everything recorded so far on disk. Recording does this by itself about once a second."""
        try:
            self._database.execute("COMMIT")
            self._database.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise explain_sqlite_error(self.path, error) from None
        self._saved_at = time.monotonic()

    def close(self) -> None:
        """Save what can be saved and release the folder."""
        with suppress(sqlite3.Error):  # loses the last second's records, as a power cut would
            self._database.execute("COMMIT")
        self._connections.close()

    def _add_checksums(self) -> None:
        """Add the column of checksums to an older file, whose rows have none: SQLite cannot detect a garbled vector."""
        columns = [column[1] for column in self._database.execute("PRAGMA table_info(contents)")]
        if "checksum" not in columns:
            self._database.execute("ALTER TABLE contents ADD COLUMN checksum INTEGER")

    def _remove_databases(self, of_this_key: bool) -> None:
        for path in self.path.parent.glob("*.sqlite*"):
            if of_this_key or not path.name.startswith(self.path.name):
                path.unlink(missing_ok=True)

    def _row(self, content: str) -> Matrix:
        query = "SELECT vectors, checksum FROM contents WHERE content = ?"
        try:
            row, checksum = self._database.execute(query, (content,)).fetchone() or (None, None)
        except sqlite3.Error as error:
            raise explain_sqlite_error(self.path, error) from None
        if not isinstance(row, bytes) or (checksum is not None and checksum != zlib.crc32(row)):
            with suppress(sqlite3.Error):
                self._mark(0)  # a rebuild must not go on from damaged work
            raise explain_sqlite_error(self.path, ValueError("a vector differs from the one that was written"))
        return np.frombuffer(row, "<f4")

    def _execute(self, query: str, *values: str | int | bytes | None) -> None:
        try:
            self._database.execute(query, values)
        except sqlite3.Error as error:
            raise explain_sqlite_error(self.path, error) from None
        if time.monotonic() - self._saved_at > SAVE_SECONDS:
            self.save()
