"""Counting what shoppers do: by several threads and processes, day by day, in a bounded folder."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from lookalike.search.clicks import Key, read_clicks
from lookalike.serving import clicks, telemetry
from lookalike.serving.clicks import Clicks
from tests.support.data import ROOT


class Clock:
    def __init__(self):
        self.day = 1

    def __call__(self):
        return datetime(2026, 11, self.day, 12, tzinfo=UTC)


def totals(folder):
    found = {}
    for day, key, count in read_clicks(folder):
        found[day, key] = found.get((day, key), 0) + count
    return found


def test_threads_together_lose_no_count_and_a_second_flush_adds_nothing(tmp_path):
    counted = Clicks(tmp_path, now=Clock())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: counted.count("shown", "a", 1 + number % 2), range(1000)))
    counted.flush()
    counted.flush()
    assert totals(tmp_path) == {("2026-11-01", Key("shown", "a", rank)): 500 for rank in (1, 2)}
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o007 == 0


def test_processes_share_a_folder_and_write_at_their_end(tmp_path):
    program = (
        "import sys; from pathlib import Path; from lookalike.serving.clicks import Clicks\n"
        "counted = Clicks(Path(sys.argv[1])).start()\n"
        "for _ in range(50): counted.count('link', 'a', 1)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "new" / "folder")], cwd=ROOT) for _ in "ab"
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    assert sum(totals(tmp_path / "new" / "folder").values()) == 100


def test_each_day_has_a_file_of_its_own(tmp_path):
    clock = Clock()
    counted = Clicks(tmp_path, now=clock)
    counted.count("kept", "a")
    clock.day = 2
    counted.flush()
    counted.count("kept", "a")
    counted.flush()
    assert totals(tmp_path) == {(f"2026-11-0{day}", Key("kept", "a", 0)): 1 for day in (1, 2)}


def test_what_is_kept_is_bounded(tmp_path):
    clock = Clock()
    counted = Clicks(tmp_path, max_counts=2, max_folder_bytes=250, now=clock)
    for product in "abca":
        counted.count("shown", product, 1)
    counted.flush()
    assert totals(tmp_path) == {("2026-11-01", Key("shown", "a", 1)): 2, ("2026-11-01", Key("shown", "b", 1)): 1}
    for clock.day in (2, 3):
        counted.flush()
        counted.count("shown", "a", 1)
        counted.count("shown", "b", 1)
        counted.flush()
    assert [file.name[:17] for file in tmp_path.iterdir()] == ["clicks-2026-11-03"]


def test_what_is_out_of_bounds_is_not_counted(tmp_path):
    counted = Clicks(tmp_path)
    for event, product, rank in (("bought", "a", 1), ("shown", "", 1), ("shown", "a" * 501, 1), ("shown", "a", 101)):
        counted.count(event, product, rank)
    counted.flush()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path):
    (tmp_path / "folder").write_text("in the way")
    counted = Clicks(tmp_path / "folder")
    counted.count("shown", "a", 1)
    counted.flush()
    (tmp_path / "folder").unlink()
    counted.flush()
    assert sum(totals(tmp_path / "folder").values()) == 1


def test_it_is_flushed_in_the_background(tmp_path, monkeypatch):
    monkeypatch.setattr(clicks, "FLUSH_SECONDS", 0.05)
    counted = Clicks(tmp_path).start()
    written = clicks.threading.Event()
    flush = counted.flush
    monkeypatch.setattr(counted, "flush", lambda: (flush(), written.set()))
    counted.count("liked", "a", 3)
    assert written.wait(30) and sum(totals(tmp_path).values()) == 1


def test_metrics_have_ranks_and_no_products(tmp_path):
    counted = Clicks(tmp_path)
    before = telemetry.metrics().decode().count("secret-product")
    counted.count("shown", "secret-product", 2)
    counted.count("shown", "secret-product", 40)
    text = telemetry.metrics().decode()
    assert 'lookalike_clicks_total{event="shown",rank="2"}' in text and 'rank="over 10"' in text
    assert before == text.count("secret-product") == 0
    with pytest.raises(ValueError, match="none of"):
        telemetry.count_click("bought", 1)
