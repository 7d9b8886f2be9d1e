"""Counts what shoppers do with answers, if the shop wants that: no person, no photo, no question.

Counts are kept in memory and written to a folder every minute and at the end, in a file of this process alone, a day
each: several processes may share the folder, and none sees half a file. What is kept is bounded: so many counts a day,
so many bytes in the folder.
"""

import atexit
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from lookalike.files import write_whole
from lookalike.search.clicks import EVENTS, MAX_IDENTITY, MAX_RANK, PREFIX, SUFFIX, Key, to_lines
from lookalike.serving import telemetry

FLUSH_SECONDS = 60.0
# Different counts of one process and day, some 100 bytes each; beyond that, only those that are there already grow.
MAX_COUNTS = 200_000
# Of all such files in the folder. The oldest days go first.
MAX_FOLDER_BYTES = 500_000_000


class Clicks:
    """The counts of one process. Threads may share it.

    now returns the time, from which the day (UTC) is taken. What is counted before the first flush of a day belongs to
    the day before.
    """

    def __init__(
        self,
        folder: Path,
        max_counts: int = MAX_COUNTS,
        max_folder_bytes: int = MAX_FOLDER_BYTES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder, self._max_counts, self._max_folder_bytes, self._now = folder, max_counts, max_folder_bytes, now
        # Several processes, on several machines, may have the same number.
        self._own = secrets.token_hex(4)
        self._counts: Counter[Key] = Counter()
        self._day = self._today()
        self._is_changed = False
        self._lock, self._write_lock = threading.Lock(), threading.Lock()

    def count(self, event: str, product: str, rank: int = 0) -> None:
        """Count an event with a product at its rank, from 1; 0 outside of an answer. Ignore what is out of bounds."""
        if event not in EVENTS or not 0 <= rank <= MAX_RANK or not 0 < len(product) <= MAX_IDENTITY:
            return
        telemetry.count_click(event, rank)
        key = Key(event, product, rank)
        with self._lock:
            if key in self._counts or len(self._counts) < self._max_counts:
                self._counts[key] += 1
                self._is_changed = True

    def flush(self) -> None:
        """Write what has been counted, and begin a new day; what cannot be written is logged and tried again."""
        with self._write_lock:
            with self._lock:
                counts, is_changed, self._is_changed = Counter(self._counts), self._is_changed, False
            today = self._today()
            try:
                if is_changed:
                    self._folder.mkdir(parents=True, exist_ok=True)
                    path = self._folder / f"{PREFIX}{self._day}-{self._own}{SUFFIX}"
                    write_whole(path, to_lines(self._day, counts), 0o640)
                    self._make_room()
            except OSError as error:
                telemetry.count_error(error)
                with self._lock:
                    self._is_changed = True
                return
            if self._day != today:
                with self._lock:
                    # What was counted while the file was written belongs to the new day.
                    self._day, self._counts = today, self._counts - counts
                    self._is_changed = bool(self._counts)

    def start(self) -> "Clicks":
        """Flush every minute in the background, and at the end of the process; return self."""
        stop = threading.Event()

        def flush_often() -> None:
            while not stop.wait(FLUSH_SECONDS):
                self.flush()

        threading.Thread(target=flush_often, name="flush-clicks", daemon=True).start()
        atexit.register(self.flush)
        return self

    def _today(self) -> str:
        return self._now().strftime("%Y-%m-%d")

    def _make_room(self) -> None:
        """Remove the files of the oldest days while all of them are too large; other processes may do the same."""
        sizes = []
        for path in self._folder.glob(f"{PREFIX}*{SUFFIX}"):
            with suppress(OSError):
                sizes.append((path.name, path.stat().st_size, path))
        total = sum(size for _, size, _ in sizes)
        for _, size, path in sorted(sizes)[:-1]:
            if total <= self._max_folder_bytes:
                break
            with suppress(OSError):
                path.unlink()
            total -= size
