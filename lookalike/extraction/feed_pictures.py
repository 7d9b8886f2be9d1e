"""The pictures of a feed's products in a folder: fetched politely, only where they have changed, and resumable."""

import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
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
from lookalike.index.product_groups import first_name, further_name

MAX_PER_HOST, MAX_WAITING = 4, 64
# The seconds to wait before each further try of a picture whose host has trouble.
PAUSES = (1.0, 4.0)
# A host that has failed with so many pictures in a row is not asked again in this run.
MAX_FAILURES = 8
# A run that was stopped goes on for so long; later, pictures may have changed again.
RESUMABLE_SECONDS = 24 * 3600.0
SAVE_SECONDS = 1.0
MAX_NAME_BYTES = 150
ADDRESS_LOCKS, MAX_REMEMBERED = 64, 256
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp", "TIFF": ".tif"}
OTHER_SUFFIX = ".avif"  # of the formats in boxes, AVIF and HEIF; the decoder goes by the content
NO_IMAGE = "The address leads to something that is no image."

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS product_pictures (
    id TEXT, place INTEGER, file TEXT, address TEXT, etag TEXT, modified TEXT, checked REAL, PRIMARY KEY (id, place)
);
-- A product had one picture before.
CREATE TABLE IF NOT EXISTS pictures (
    id TEXT PRIMARY KEY, file TEXT, address TEXT, etag TEXT, modified TEXT, checked REAL
);
INSERT OR IGNORE INTO product_pictures SELECT id, 1, file, address, etag, modified, checked FROM pictures;
DROP TABLE pictures;
CREATE TABLE IF NOT EXISTS runs (started REAL, finished INTEGER);
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a product's pictures.

    Attributes:
        id: the product's.
        files: the names of the pictures' files in the folder, the first one first; none if no picture can be had.
        missing: (address, reason) of each picture that cannot be had.
        fetched: how many of the files were written now.
        stale: how many earlier pictures were kept, because their hosts have trouble.
    """

    id: str
    files: tuple[str, ...]
    missing: tuple[tuple[str, str], ...] = ()
    fetched: int = 0
    stale: int = 0


@dataclass(frozen=True)
class _Kept:
    """A picture in the folder: its file, where it came from, in which version, and when that was checked.

    checked is that of an earlier run where the host has trouble now.
    """

    file: str
    address: str
    version: Version
    checked: float


@dataclass
class _Host:
    """How often a host failed in a row, the threads that take its products, and the turns to ask it.

    The further pictures of a product may be at another host than its first one. Variants that follow each other often
    share a picture, so the last pictures that the host gave are not asked for again.
    """

    pool: ThreadPoolExecutor
    turns: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(MAX_PER_HOST))
    failures: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    # One address is asked for by one thread at a time; addresses share these locks by their hashes.
    address_locks: tuple[threading.Lock, ...] = field(
        default_factory=lambda: tuple(threading.Lock() for _ in range(ADDRESS_LOCKS))
    )
    last: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)

    @property
    def is_down(self) -> bool:
        return self.failures >= MAX_FAILURES

    def note(self, failed: bool) -> None:
        with self.lock:
            self.failures = self.failures + 1 if failed else 0

    def remember(self, picture: _Kept) -> None:
        with self.lock:
            self.last[picture.address] = picture
            if len(self.last) > MAX_REMEMBERED:
                self.last.popitem(last=False)


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
        count: int = self._database.execute("SELECT count(*) FROM product_pictures WHERE place = 1").fetchone()[0]
        return count

    def fetch(self, products: Iterable[FeedProduct]) -> Generator[Outcome, None, None]:
        """Fetch the products' pictures and yield an Outcome for each, as they come; raises IndexFileError.

        Those that can be had are numbered in the feed's order: ID, ID~2 and so on. What an interrupted run has fetched
        is not asked for again. Which products were asked for is on disk: a hundred thousand take no memory.
        """
        started = self._start_run()
        self._database.executescript("DROP TABLE IF EXISTS temp.asked; CREATE TEMP TABLE asked (id TEXT PRIMARY KEY);")
        pending: set[Future[tuple[Outcome, list[_Kept]]]] = set()
        saved = time.monotonic()
        self._database.execute("BEGIN")
        try:
            for product in products:
                self._database.execute("INSERT OR IGNORE INTO asked VALUES (?)", (product.id,))
                kept = self._kept(product.id)
                # A product's pictures are recorded together.
                if kept and all(one.checked >= started and one.address in product.pictures for one in kept):
                    yield Outcome(product.id, tuple(one.file for one in kept))
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
        """Return the name of the file of a product's first picture, None if it has no picture here."""
        query = "SELECT file FROM product_pictures WHERE id = ? AND place = 1"
        row = self._database.execute(query, (identity,)).fetchone()
        return row and str(row[0])

    def finish(self) -> None:
        """End a run: forget the pictures of products that fetch was not asked for, and remove their files."""
        gone = self._database.execute("SELECT file FROM product_pictures WHERE id NOT IN asked").fetchall()
        for (file,) in gone:
            (self.folder / file).unlink(missing_ok=True)
        self._database.execute("DELETE FROM product_pictures WHERE id NOT IN asked")
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

    def _kept(self, identity: str) -> list[_Kept]:
        rows = self._database.execute(
            "SELECT file, address, etag, modified, checked FROM product_pictures WHERE id = ? ORDER BY place",
            (identity,),
        ).fetchall()
        kept = [_Kept(row[0], row[1], Version(row[2], row[3]), row[4]) for row in rows]
        return [one for one in kept if (self.folder / one.file).is_file()]

    def _record(self, done: Future[tuple[Outcome, list[_Kept]]]) -> Outcome:
        outcome, kept = done.result()
        self._database.execute("DELETE FROM product_pictures WHERE id = ?", (outcome.id,))
        values = [
            (outcome.id, place, one.file, one.address, one.version.etag, one.version.last_modified, one.checked)
            for place, one in enumerate(kept, start=1)
        ]
        self._database.executemany("INSERT INTO product_pictures VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        return outcome

    def _pool_of(self, product: FeedProduct) -> ThreadPoolExecutor:
        return self._host(_host_name(product.pictures[0])).pool

    def _host(self, name: str) -> _Host:
        with self._lock:
            if name not in self._hosts:
                self._hosts[name] = _Host(ThreadPoolExecutor(MAX_PER_HOST, thread_name_prefix="pictures"))
            return self._hosts[name]

    def _fetch_one(self, product: FeedProduct, before: Sequence[_Kept]) -> tuple[Outcome, list[_Kept]]:
        """Return what became of a product's pictures, and what is to be recorded of them."""
        known = {one.address: one for one in before}
        kept: list[_Kept] = []
        missing: list[tuple[str, str]] = []
        fetched = stale = 0
        for address in product.pictures:
            try:
                picture, is_new = self._fetch_address(address, _file(product.id, len(kept) + 1), known.get(address))
                fetched += is_new
            except FetchError as error:
                one = known.get(address)
                if one is None or not error.is_temporary or one.file in {other.file for other in kept}:
                    missing.append((address, error.reason))
                    continue
                # A host that rests for a day takes no product away.
                picture, stale = self._move(one, _file(product.id, len(kept) + 1)), stale + 1
            kept.append(picture)
        for file in {one.file for one in before} - {one.file for one in kept}:
            (self.folder / file).unlink(missing_ok=True)
        return Outcome(product.id, tuple(one.file for one in kept), tuple(missing), fetched, stale), kept

    def _fetch_address(self, address: str, stem: str, known: _Kept | None) -> tuple[_Kept, bool]:
        """Return the picture at an address, in the file of that name, and whether it was fetched now.

        known is what was kept of the address. In another place it counts as new: until everything is recorded, another
        picture may take its file.
        """
        if known and Path(known.file).stem != stem:
            known = None
        host = self._host(_host_name(address))
        with host.address_locks[hash(address) % ADDRESS_LOCKS]:
            if (other := host.last.get(address)) and (copied := self._copy(other, stem)):
                return copied, False
            version = known.version if known else Version()
            fetched = self._ask(address, version)
            now = time.time()
            if fetched is None and known:
                picture = _Kept(known.file, address, version, now)
            else:
                content = fetched.content if fetched else b""
                kind = read_format(content[:4096])
                if kind is None:
                    raise FetchError(NO_IMAGE)
                file = stem + SUFFIXES.get(kind, OTHER_SUFFIX)
                write_whole(self.folder / file, content)
                picture = _Kept(file, address, fetched.version if fetched else version, now)
            host.remember(picture)
        return picture, fetched is not None

    def _copy(self, other: _Kept, stem: str) -> _Kept | None:
        """Give a product the picture that another one has just got, None if that is gone."""
        copied = replace(other, file=stem + Path(other.file).suffix)
        try:
            content = (self.folder / other.file).read_bytes()
            if not (self.folder / copied.file).is_file() or (self.folder / copied.file).read_bytes() != content:
                write_whole(self.folder / copied.file, content)
        except FileNotFoundError:
            return None
        return copied

    def _move(self, picture: _Kept, stem: str) -> _Kept:
        """Give a picture that is kept the name of its place now."""
        file = stem + Path(picture.file).suffix
        if file != picture.file:
            (self.folder / picture.file).replace(self.folder / file)
        return replace(picture, file=file)

    def _ask(self, address: str, version: Version) -> Fetched | None:
        """Return fetch_newer's answer, after further tries where the host has trouble; raises FetchError."""
        name = _host_name(address)
        host = self._host(name)
        for pause in (*self._pauses, None):
            if host.is_down:
                raise FetchError(f"{name} failed with {MAX_FAILURES} pictures in a row.", is_temporary=True)
            try:
                with host.turns:
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
    if first_name(name):  # what another product's further picture is called
        name = f"{name[:-2]}%7E{name[-1]}"
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    return name if len(name) <= MAX_NAME_BYTES else f"{name[:80]}-{sha256(identity.encode()).hexdigest()[:16]}"


def _file(identity: str, place: int) -> str:
    """Return the name, without its suffix, of the file of a product's picture in a place from 1 on."""
    return file_name(identity) if place == 1 else further_name(file_name(identity), place)


def _host_name(address: str) -> str:
    try:
        return parse_address(address).host
    except FetchError:
        return ""
