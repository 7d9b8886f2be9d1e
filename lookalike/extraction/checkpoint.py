"""Work done, kept on disk as it is done: vectors by the content of their file, in one SQLite file."""

import os
import sqlite3
import time
import zlib
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lookalike.index.lock import FOLDER, connection, lock, refused

SAVE_SECONDS = 1.0

# SQLite keeps one number for whoever uses it: here, that a rebuild is under way.
REBUILDING, MARKS = 1, ("user_version", "quick_check")

SCHEMA = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS files (name BLOB PRIMARY KEY, size INTEGER, mtime INTEGER, content TEXT);
CREATE TABLE IF NOT EXISTS contents (content TEXT PRIMARY KEY, vectors BLOB, reason TEXT);
BEGIN IMMEDIATE;
"""


@dataclass(frozen=True)
class Stamp:
    """What is known of a file without reading it: size in bytes, time of the last change in nanoseconds."""

    size: int
    mtime: int


class Checkpoint:
    """The work done in a folder for one way of making vectors (key); one process at a time holds the folder.

    A content is the SHA-256 of a file's bytes; with it stands its row of vectors, or why it has none.
    rebuild forgets the work of earlier runs, but for a rebuild that was stopped, which goes on; emptied says
    whether it did. Raises IndexFileError, also where another run is at work.
    """

    def __init__(self, folder, key, rebuild=False):
        self.path = Path(folder) / FOLDER / f"{key}.sqlite"
        self._saved = time.monotonic()
        self._connections = ExitStack()
        try:
            self._connections.enter_context(lock(folder))
            self.emptied = rebuild and not self._is_rebuilding()
            self._open()
        except (OSError, sqlite3.Error, TypeError, UnicodeDecodeError) as error:
            self._connections.close()
            raise refused(self.path, error) from None

    def _open(self):
        if self.emptied:
            self._remove_databases(of_this_key=True)
        self._database = self._connections.enter_context(closing(connection(self.path)))
        self._database.executescript(SCHEMA)
        self._add_checksums()
        if self.emptied:
            self._mark(REBUILDING)
        self._read()

    def _is_rebuilding(self):
        """Whether a rebuild was stopped here, and what it did can be read."""
        if not self.path.exists():
            return False
        try:
            with closing(connection(self.path)) as self._database:
                mark, sound = (self._database.execute(f"PRAGMA {of}").fetchone()[0] for of in MARKS)
                self._read()
        except (sqlite3.Error, TypeError, UnicodeDecodeError):
            return False
        return mark == REBUILDING and sound == "ok"

    def _mark(self, number):
        self._database.execute(f"PRAGMA user_version = {number}")

    def finish(self):
        """The index is written: remove the work done for any other way of making vectors; a rebuild is over."""
        try:
            self._mark(0)
            self._remove_databases(of_this_key=False)
        except (OSError, sqlite3.Error) as error:
            raise refused(self.path, error) from None

    def _read(self):
        rows = self._database.execute("SELECT name, size, mtime, content FROM files")
        self._files = {os.fsdecode(name): (Stamp(size, mtime), content) for name, size, mtime, content in rows}
        self._reasons = dict(self._database.execute("SELECT content, reason FROM contents"))

    def read_again(self):
        """Know what is recorded and nothing else: Ctrl-C may have come between knowing and recording."""
        try:
            self._read()
        except sqlite3.Error as error:
            raise refused(self.path, error) from None

    def content(self, name, stamp):
        """The content of a file whose work is done, or None where it is new or has another stamp."""
        recorded, content = self._files.get(name, (None, None))
        return content if recorded == stamp and content in self._reasons else None

    def knows(self, content):
        """Whether that content was embedded, or found to be no image, before."""
        return content in self._reasons

    def reason(self, content):
        """Why a known content has no row, or None where it has one."""
        return self._reasons[content]

    def add_file(self, name, stamp, content):
        """Record the content of a file."""
        self._files[name] = (stamp, content)
        row = (os.fsencode(name), stamp.size, stamp.mtime, content)
        self._write("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", *row)

    def add_content(self, content, row=None, reason=None):
        """Record a content's row (its spaces side by side, float32 (d,)) or the reason why it has none."""
        self._reasons[content] = reason
        row = None if row is None else np.asarray(row, "<f4").tobytes()
        values = (content, row, reason, row and zlib.crc32(row))
        self._write("INSERT OR REPLACE INTO contents (content, vectors, reason, checksum) VALUES (?, ?, ?, ?)", *values)

    def rows(self, contents, block=512):
        """The rows of contents, in their order, in blocks of float32 (m, d)."""
        for start in range(0, len(contents), block):
            yield np.stack([self._row(content) for content in contents[start : start + block]])

    def forget_all_but(self, names):
        """Drop files that are gone, and contents that no file has any more."""
        gone = self._files.keys() - set(names)
        for name in gone:
            del self._files[name]
            self._write("DELETE FROM files WHERE name = ?", os.fsencode(name))
        self._write("DELETE FROM contents WHERE content NOT IN (SELECT content FROM files)")

    def save(self):
        """Put everything recorded so far on disk; done by itself about once a second."""
        try:
            self._database.execute("COMMIT")
            self._database.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise refused(self.path, error) from None
        self._saved = time.monotonic()

    def close(self):
        """Save what can be saved, and let another process in."""
        with suppress(sqlite3.Error):  # what was recorded in the last second is lost, as after a power cut
            self._database.execute("COMMIT")
        self._connections.close()

    def _add_checksums(self):
        """SQLite does not notice when a disk garbles a vector; rows of before there were checksums have none."""
        columns = [column[1] for column in self._database.execute("PRAGMA table_info(contents)")]
        if "checksum" not in columns:
            self._database.execute("ALTER TABLE contents ADD COLUMN checksum INTEGER")

    def _remove_databases(self, of_this_key):
        for path in self.path.parent.glob("*.sqlite*"):
            if of_this_key or not path.name.startswith(self.path.name):
                path.unlink(missing_ok=True)

    def _row(self, content):
        query = "SELECT vectors, checksum FROM contents WHERE content = ?"
        try:
            row, checksum = self._database.execute(query, (content,)).fetchone() or (None, None)
        except sqlite3.Error as error:
            raise refused(self.path, error) from None
        if not isinstance(row, bytes) or (checksum is not None and checksum != zlib.crc32(row)):
            with suppress(sqlite3.Error):
                self._mark(0)  # a rebuild must not go on from what is damaged
            raise refused(self.path, ValueError("a vector is not what was written"))
        return np.frombuffer(row, "<f4")

    def _write(self, query, *values):
        try:
            self._database.execute(query, values)
        except sqlite3.Error as error:
            raise refused(self.path, error) from None
        if time.monotonic() - self._saved > SAVE_SECONDS:
            self.save()
