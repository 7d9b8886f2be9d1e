"""The pictures of a feed's products in a folder: fetched politely, only where they have changed, and resumable."""

import sqlite3
import threading
import time
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from lookalike.extraction.feed import FeedProduct
from lookalike.files import write_whole
from lookalike.images.guarded_connection import STRICT, Policy
from lookalike.images.headers import read_format
from lookalike.images.web_address import FetchError, parse_address
from lookalike.images.web_fetch import Fetched, Version, fetch_newer
from lookalike.index.lock import connect, explain_sqlite_error

MAX_PER_HOST, MAX_WAITING = 4, 64
# The seconds to wait before each further try of a picture whose host has trouble.
PAUSES = (1.0, 4.0)
# A host that has failed with so many pictures in a row is not asked again in this run.
MAX_FAILURES = 8
# A run that was stopped goes on for so long; later, pictures may have changed again.
RESUMABLE_SECONDS = 24 * 3600.0
SAVE_SECONDS = 1.0
MAX_NAME_BYTES = 150
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif"}
OTHER_SUFFIX = ".avif"  # of the formats in boxes, AVIF and HEIF; the decoder goes by the content
NO_IMAGE = "The address leads to something that is no image."

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS pictures (
    id TEXT PRIMARY KEY, file TEXT, address TEXT, etag TEXT, modified TEXT, checked REAL
);
CREATE TABLE IF NOT EXISTS runs (started REAL, finished INTEGER);
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a product's picture.

    Attributes:
        id: the product's.
        file: the name of the picture's file in the folder, None if there is none.
        reason: why there is none, or why an earlier picture was kept; "" if all is well.
        is_new: whether the file was written now.
    """

    id: str
    file: str | None
    reason: str = ""
    is_new: bool = False


@dataclass(frozen=True)
class _Kept:
    """A picture in the folder: its file, where it came from, in which version, and when that was checked."""

    file: str
    address: str
    version: Version
    checked: float


@dataclass
class _Host:
    """How often a host failed in a row, and the threads that ask it."""

    pool: ThreadPoolExecutor
    failures: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_down(self) -> bool:
        return self.failures >= MAX_FAILURES

    def note(self, failed: bool) -> None:
        with self.lock:
            self.failures = self.failures + 1 if failed else 0


class FeedPictures:
    """The folder of a feed's pictures. One process at a time may use it, which the index's lock sees to.

    Args:
        folder: the folder; what was fetched and when stands in a database beside it.
        policy: where a picture may come from.
        pauses: the seconds to wait before each further try.
    """

    def __init__(self, folder: Path, policy: Policy = STRICT, pauses: tuple[float, ...] = PAUSES) -> None:
        self.folder, self._policy, self._pauses = folder, policy, pauses
        self._path = folder.with_suffix(".sqlite")
        self._resources = ExitStack()
        self._hosts: dict[str, _Host] = {}
        self._lock, self._stopped = threading.Lock(), threading.Event()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._database = self._resources.enter_context(closing(connect(self._path)))
            self._database.executescript(SCHEMA)
        except (OSError, sqlite3.Error) as error:
            self._resources.close()
            raise explain_sqlite_error(self._path, error) from None

    def close(self) -> None:
        """Stop asking and close the database."""
        self._stopped.set()
        for host in self._hosts.values():
            host.pool.shutdown(wait=False, cancel_futures=True)
        self._resources.close()

    @property
    def count(self) -> int:
        """How many products have a picture here."""
        count: int = self._database.execute("SELECT count(*) FROM pictures").fetchone()[0]
        return count

    def fetch(self, products: Iterable[FeedProduct]) -> Generator[Outcome, None, None]:
        """Fetch the products' pictures and yield an Outcome for each, as they come; raises IndexFileError.

        A product's further pictures are tried where its first one cannot be had. What an interrupted run has fetched is
        not asked for again. Which products were asked for is on disk: a hundred thousand take no memory.
        """
        started = self._start_run()
        self._database.executescript("DROP TABLE IF EXISTS temp.asked; CREATE TEMP TABLE asked (id TEXT PRIMARY KEY);")
        pending: set[Future[tuple[Outcome, _Kept | None]]] = set()
        saved = time.monotonic()
        self._database.execute("BEGIN")
        try:
            for product in products:
                self._database.execute("INSERT OR IGNORE INTO asked VALUES (?)", (product.id,))
                kept = self._kept(product.id)
                if kept and kept.checked >= started and kept.address in product.pictures:
                    yield Outcome(product.id, kept.file)
                    continue
                pending.add(self._pool_of(product).submit(self._fetch_one, product, kept))
                if len(pending) >= MAX_WAITING:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from map(self._record, done)
                if time.monotonic() - saved > SAVE_SECONDS:
                    self._database.execute("COMMIT")
                    self._database.execute("BEGIN")
                    saved = time.monotonic()
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from map(self._record, done)
        except (OSError, sqlite3.Error) as error:
            raise explain_sqlite_error(self._path, error) from None
        finally:
            if self._database.in_transaction:
                self._database.execute("COMMIT")

    def file(self, identity: str) -> str | None:
        """Return the name of a product's file, None if it has no picture here."""
        row = self._database.execute("SELECT file FROM pictures WHERE id = ?", (identity,)).fetchone()
        return row and str(row[0])

    def finish(self) -> None:
        """End a run: forget the pictures of products that fetch was not asked for, and remove their files."""
        gone = self._database.execute("SELECT id, file FROM pictures WHERE id NOT IN asked").fetchall()
        for identity, file in gone:
            (self.folder / file).unlink(missing_ok=True)
            self._database.execute("DELETE FROM pictures WHERE id = ?", (identity,))
        self._database.execute("UPDATE runs SET finished = 1")

    def _start_run(self) -> float:
        """Return since when a picture counts as checked: the start of this run, or of the one that it goes on with."""
        now = time.time()
        row = self._database.execute("SELECT started, finished FROM runs").fetchone()
        if row and not row[1] and 0 <= now - row[0] < RESUMABLE_SECONDS:
            return float(row[0])
        self._database.execute("DELETE FROM runs")
        self._database.execute("INSERT INTO runs VALUES (?, 0)", (now,))
        return now

    def _kept(self, identity: str) -> _Kept | None:
        row = self._database.execute(
            "SELECT file, address, etag, modified, checked FROM pictures WHERE id = ?", (identity,)
        ).fetchone()
        if row is None or not (self.folder / row[0]).is_file():
            return None
        return _Kept(row[0], row[1], Version(row[2], row[3]), row[4])

    def _record(self, done: Future[tuple[Outcome, _Kept | None]]) -> Outcome:
        outcome, kept = done.result()
        if kept:
            values = (outcome.id, kept.file, kept.address, kept.version.etag, kept.version.last_modified, kept.checked)
            self._database.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?, ?, ?, ?, ?)", values)
        elif outcome.file is None:
            self._database.execute("DELETE FROM pictures WHERE id = ?", (outcome.id,))
        return outcome

    def _pool_of(self, product: FeedProduct) -> ThreadPoolExecutor:
        return self._host(_host_name(product.pictures[0])).pool

    def _host(self, name: str) -> _Host:
        with self._lock:
            if name not in self._hosts:
                self._hosts[name] = _Host(ThreadPoolExecutor(MAX_PER_HOST, thread_name_prefix="pictures"))
            return self._hosts[name]

    def _fetch_one(self, product: FeedProduct, kept: _Kept | None) -> tuple[Outcome, _Kept | None]:
        """Return what became of a product's picture, and what is to be recorded of it, None for nothing new."""
        reasons = []
        for address in product.pictures:
            known = kept if kept and kept.address == address else None
            try:
                return self._fetch_address(product.id, address, known, kept)
            except FetchError as error:
                reasons.append(error.reason)
                if known and error.is_temporary:
                    # A host that rests for a day takes no product away.
                    return Outcome(product.id, known.file, error.reason), None
        if kept:
            (self.folder / kept.file).unlink(missing_ok=True)
        return Outcome(product.id, None, reasons[0]), None

    def _fetch_address(
        self, identity: str, address: str, known: _Kept | None, kept: _Kept | None
    ) -> tuple[Outcome, _Kept]:
        version = known.version if known else Version()
        fetched = self._ask(address, version)
        now = time.time()
        if fetched is None and known:
            return Outcome(identity, known.file), _Kept(known.file, address, version, now)
        content = fetched.content if fetched else b""
        kind = read_format(content[:4096])
        if kind is None:
            raise FetchError(NO_IMAGE)
        file = file_name(identity) + SUFFIXES.get(kind, OTHER_SUFFIX)
        write_whole(self.folder / file, content)
        if kept and kept.file != file:
            (self.folder / kept.file).unlink(missing_ok=True)
        return Outcome(identity, file, is_new=True), _Kept(file, address, fetched.version if fetched else version, now)

    def _ask(self, address: str, version: Version) -> Fetched | None:
        """Return fetch_newer's answer, after further tries where the host has trouble; raises FetchError."""
        name = _host_name(address)
        host = self._host(name)
        for pause in (*self._pauses, None):
            if host.is_down:
                raise FetchError(f"{name} failed with {MAX_FAILURES} pictures in a row.", is_temporary=True)
            try:
                answer = fetch_newer(address, version, self._policy)
            except FetchError as error:
                if error.is_temporary and pause is not None and not self._stopped.wait(pause):
                    continue
                # A host that says what is wrong with a picture is there.
                host.note(failed=error.is_temporary)
                raise
            else:
                host.note(failed=False)
                return answer
        return None  # never: the last try returns or raises


def file_name(identity: str) -> str:
    """Return the name of a product's file without its suffix: the id, with what no file may be called in percents."""
    name = quote(identity, safe=" !#$&'()+,;=@[]{}~")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    return name if len(name) <= MAX_NAME_BYTES else f"{name[:80]}-{sha256(identity.encode()).hexdigest()[:16]}"


def _host_name(address: str) -> str:
    try:
        return parse_address(address).host
    except FetchError:
        return ""
