"""Thumbnails of the products, kept beside the index by the content of their files: one SQLite file, or none.

They are no part of the index: without them, or if they are damaged, thumbnails are made from the products' files.
"""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path

from lookalike.errors import IndexFileError
from lookalike.types import StrPath

THUMBNAILS = "thumbnails.sqlite"

SAVE_SECONDS = 1.0
# How long a run waits for readers, and a reader for a run: it can make a thumbnail itself.
WRITER_SECONDS, READER_SECONDS = 30.0, 0.2
# Far more than any thumbnail has, and far more steps than finding one takes.
MAX_BYTES, MAX_STEPS = 2_000_000, 10_000
JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"

# Without a write-ahead log, readers need no right to write to the folder. FULL: the file shrinks when thumbnails go.
SCHEMA = """
PRAGMA auto_vacuum = FULL;
PRAGMA journal_mode = DELETE;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS thumbnails (content BLOB PRIMARY KEY, picture BLOB NOT NULL);
"""


class Thumbnails:
    """The thumbnails beside the index in a folder, for the one run that holds the folder's lock.

    A content is the SHA-256 of a file's bytes. Thumbnails of another version than the given one, or in a damaged file,
    are forgotten. Raises IndexFileError.
    """

    def __init__(self, folder: StrPath, version: int) -> None:
        self.path = Path(folder, THUMBNAILS)
        self._added: list[tuple[bytes, bytes]] = []
        self._saved_at = time.monotonic()
        try:
            if not self._open(version):
                remove_thumbnails(folder)
                if not self._open(version):
                    raise sqlite3.DatabaseError("it cannot be made anew")
        except (OSError, sqlite3.Error) as error:
            raise self._explain(error) from None

    def _open(self, version: int) -> bool:
        """Open the file and return True, or False if its thumbnails are damaged or of another version."""
        is_new = not self.path.exists()
        self._database = sqlite3.connect(
            self.path, timeout=WRITER_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._database.executescript(SCHEMA)
            if is_new:
                self._database.execute(f"PRAGMA user_version = {version:d}")
            (found,) = self._database.execute("PRAGMA user_version").fetchone()
            rows = self._database.execute("SELECT content FROM thumbnails")
            self._known: set[bytes] = {content for (content,) in rows}
        except sqlite3.OperationalError:  # the disk refuses
            self._database.close()
            raise
        except sqlite3.DatabaseError:
            found = None
        if found != version:
            self._database.close()
        return bool(found == version)

    def is_known(self, content: str) -> bool:
        """Return whether a content has a thumbnail, or needs none."""
        return bytes.fromhex(content) in self._known

    def add(self, content: str, picture: bytes) -> None:
        """Record a content's thumbnail, b"" if it needs none. It is on disk about a second later, or after save."""
        key = bytes.fromhex(content)
        self._added.append((key, picture))
        self._known.add(key)
        if time.monotonic() - self._saved_at > SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        """Put everything recorded so far on disk; raises IndexFileError."""
        try:
            self._write("INSERT OR REPLACE INTO thumbnails VALUES (?, ?)", self._added)
        except sqlite3.Error as error:
            raise self._explain(error) from None
        self._added, self._saved_at = [], time.monotonic()

    def keep_only(self, contents: Iterable[str]) -> None:
        """Drop the thumbnails of all contents but those; raises IndexFileError."""
        self.save()
        gone = self._known - set(map(bytes.fromhex, contents))
        try:
            self._write("DELETE FROM thumbnails WHERE content = ?", [(content,) for content in gone])
        except sqlite3.Error as error:
            raise self._explain(error) from None
        self._known -= gone

    def close(self) -> None:
        """Save what can be saved."""
        with suppress(IndexFileError):  # a later run makes them
            self.save()
        self._database.close()

    def _write(self, query: str, rows: Sequence[tuple[bytes, ...]]) -> None:
        """Run a query for each row in one short transaction: readers wait only while it lasts."""
        if self._database.in_transaction:  # Ctrl-C came in the middle of one
            self._database.execute("ROLLBACK")
        if rows:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(query, rows)
            self._database.execute("COMMIT")

    def _explain(self, error: Exception) -> IndexFileError:
        if isinstance(error, OSError | sqlite3.OperationalError):
            return IndexFileError(
                f"{self.path} cannot be written ({error}); finished work is kept, and an index that was there is "
                "unchanged. Make room, write to another folder or leave thumbnails out with --no-thumbnails, then run "
                "the same command again."
            )
        return IndexFileError(f"{self.path} is damaged ({error}). Remove it, then run the same command again.")


def find_thumbnail(folder: StrPath, content: str) -> bytes | None:
    """Return the JPEG kept for a content (its SHA-256) beside the index in a folder; None if there is none to be had.

    Nothing in the file is believed: it may come with an index from elsewhere.
    """
    path = Path(folder, THUMBNAILS)
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", READER_SECONDS, uri=True)) as database:
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_BYTES)
            database.set_progress_handler(lambda: 1, MAX_STEPS)
            query = "SELECT picture FROM thumbnails WHERE content = ?"
            (picture,) = database.execute(query, (bytes.fromhex(content),)).fetchone() or (None,)
    except (OSError, ValueError, sqlite3.Error):
        return None
    is_picture = isinstance(picture, bytes) and picture.startswith(JPEG_START) and picture.endswith(JPEG_END)
    return picture if is_picture else None


def has_thumbnails(folder: StrPath) -> bool:
    """Return whether thumbnails may be kept beside the index in a folder."""
    return Path(folder, THUMBNAILS).is_file()


def remove_thumbnails(folder: StrPath) -> None:
    """Remove the thumbnails beside the index in a folder, if there are any; raises OSError."""
    for suffix in ("", "-journal"):
        Path(folder, THUMBNAILS + suffix).unlink(missing_ok=True)
