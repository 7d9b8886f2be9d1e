import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from lookalike.errors import IndexFileError
from lookalike.extraction.checkpoint import Checkpoint, Stamp
from tests.support.data import ROOT

A, B, C = "a" * 64, "b" * 64, "c" * 64
STAMP = Stamp(100, 1_700_000_000_123_456_789)


def open_(folder, key="key", **options):
    return closing(Checkpoint(folder, key, **options))


@pytest.fixture
def filled(tmp_path):
    """A folder whose checkpoint holds two images and a text file."""
    with open_(tmp_path) as checkpoint:
        for name, content, number in (("1.jpg", A, 1), ("2.jpg", B, 2)):
            checkpoint.add_content(content, np.array([number, 0.5], np.float32))
            checkpoint.add_file(name, STAMP, content)
        checkpoint.add_content(C, reason="The file is not an image.")
        checkpoint.add_file("3.jpg", STAMP, C)
    return tmp_path


def test_recorded_work_is_there_the_next_time(filled):
    with open_(filled) as checkpoint:
        assert [checkpoint.content(f"{n}.jpg", STAMP) for n in (1, 2, 3, 4)] == [A, B, C, None]
        assert [checkpoint.reason(content) for content in (A, B, C)] == [None, None, "The file is not an image."]
        np.testing.assert_array_equal(np.concatenate(list(checkpoint.rows([B, A, B]))), [[2, 0.5], [1, 0.5], [2, 0.5]])


@pytest.mark.parametrize("stamp", [Stamp(101, STAMP.mtime), Stamp(100, STAMP.mtime + 1)])
def test_a_file_with_another_stamp_is_new_and_its_content_known(filled, stamp):
    with open_(filled) as checkpoint:
        assert checkpoint.content("1.jpg", stamp) is None and checkpoint.is_known(A)
        checkpoint.add_file("1.jpg", stamp, B)
        assert checkpoint.content("1.jpg", stamp) == B


def test_a_file_whose_content_was_never_recorded_is_new(tmp_path):
    with open_(tmp_path) as checkpoint:
        checkpoint.add_file("1.jpg", STAMP, A)
        assert checkpoint.content("1.jpg", STAMP) is None and not checkpoint.is_known(A)


def test_rows_come_in_blocks_in_the_requested_order(filled):
    with open_(filled) as checkpoint:
        blocks = list(checkpoint.rows([A, B, A, B, A], block=2))
    assert [block.shape for block in blocks] == [(2, 2), (2, 2), (1, 2)]
    assert all(block.dtype == np.float32 for block in blocks)
    assert np.concatenate(blocks)[:, 0].tolist() == [1, 2, 1, 2, 1]


def test_contents_that_no_file_has_any_more_are_forgotten(filled):
    with open_(filled) as checkpoint:
        checkpoint.add_file("1 again.jpg", STAMP, A)
        checkpoint.keep_only(["1 again.jpg", "3.jpg"])
    with open_(filled) as checkpoint:
        assert [checkpoint.is_known(content) for content in (A, B, C)] == [True, False, True]
        assert checkpoint.content("1.jpg", STAMP) is None and checkpoint.content("1 again.jpg", STAMP) == A


def test_each_key_has_its_own_work(filled):
    with open_(filled, "other") as checkpoint:
        assert not checkpoint.is_known(A)
    with open_(filled) as checkpoint:
        assert checkpoint.is_known(A)
        checkpoint.finish()
    assert [path.name for path in sorted((filled / ".lookalike").iterdir())] == ["key.sqlite", "lock"]


def test_rebuild_forgets_every_key(filled):
    with open_(filled, "other", rebuild=True):
        pass
    with open_(filled) as checkpoint:
        assert not checkpoint.is_known(A)


@pytest.mark.parametrize("options", [{}, {"key": "other"}, {"rebuild": True}])
def test_only_one_run_at_a_time_holds_a_folder(filled, options):
    with open_(filled) as checkpoint:
        with pytest.raises(IndexFileError, match="Another run is writing to .*another folder"):
            Checkpoint(filled, **{"key": "key", **options})
        assert checkpoint.is_known(A)
    with open_(filled, **options):
        pass


def test_names_of_any_bytes_are_kept(tmp_path):
    names = [os.fsdecode(b"caf\xe9.jpg"), "café.jpg", "a'b\";--.jpg", "\N{DRESS}.jpg", "a\nb.jpg"]
    with open_(tmp_path) as checkpoint:
        checkpoint.add_content(A, np.ones(2))
        for name in names:
            checkpoint.add_file(name, STAMP, A)
    with open_(tmp_path) as checkpoint:
        assert [checkpoint.content(name, STAMP) for name in names] == [A] * 5
        checkpoint.keep_only(names[:1])
    with open_(tmp_path) as checkpoint:
        assert [checkpoint.content(name, STAMP) for name in names] == [A] + [None] * 4


WRITER = """
import sys, time, numpy as np
from lookalike.extraction.checkpoint import Checkpoint, Stamp
checkpoint = Checkpoint(sys.argv[1], "key")
for number in range(10**9):
    checkpoint.add_content(f"{number:064}", np.full(2, number))
    checkpoint.add_file(str(number), Stamp(1, 1), f"{number:064}")
    print(number, flush=True)
    time.sleep(0.02)
"""


def test_a_killed_process_loses_little_and_leaves_no_lock(tmp_path):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    for _ in range(150):
        assert writer.stdout.readline()
    writer.send_signal(signal.SIGKILL)
    written = 150 + len(writer.communicate()[0].split())
    with open_(tmp_path) as checkpoint:
        saved = sum(checkpoint.is_known(f"{number:064}") for number in range(written))
        assert written - 2 / 0.02 <= saved <= written and saved > 0
        contents = [checkpoint.content(str(number), Stamp(1, 1)) for number in range(saved - 1)]
        assert np.concatenate(list(checkpoint.rows(contents)))[:, 1].tolist() == list(range(saved - 1))


def test_a_damaged_checkpoint_is_told_and_rebuild_mends_it(filled):
    (filled / ".lookalike" / "key.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(IndexFileError, match="key.sqlite is damaged .*--rebuild"):
        Checkpoint(filled, "key")
    with open_(filled, rebuild=True) as checkpoint:
        assert not checkpoint.is_known(A)


def test_vectors_are_plain_little_endian_float32_on_disk(filled):
    with closing(sqlite3.connect(filled / ".lookalike" / "key.sqlite")) as database:
        look = database.execute("SELECT vectors FROM contents WHERE content = ?", (A,)).fetchone()[0]
    assert look == b"\x00\x00\x80?\x00\x00\x00?"


def test_old_contents_are_dropped_even_if_no_file_is_gone(filled):
    with open_(filled) as checkpoint:
        checkpoint.add_content("d" * 64, np.zeros(2, np.float32))
        checkpoint.add_file("1.jpg", STAMP, "d" * 64)
        checkpoint.keep_only(["1.jpg", "2.jpg", "3.jpg"])
    with open_(filled) as checkpoint:
        assert not checkpoint.is_known(A) and checkpoint.is_known(B) and checkpoint.is_known("d" * 64)


def test_a_stopped_rebuild_goes_on_and_a_finished_one_starts_over(filled):
    with open_(filled, rebuild=True) as checkpoint:
        assert checkpoint.was_emptied and not checkpoint.is_known(A)
        checkpoint.add_content(A, np.zeros(2, np.float32))
    with open_(filled, rebuild=True) as checkpoint:
        assert not checkpoint.was_emptied and checkpoint.is_known(A)
        checkpoint.finish()
    with open_(filled, rebuild=True) as checkpoint:
        assert checkpoint.was_emptied and not checkpoint.is_known(A)


def test_a_rebuild_does_not_go_on_from_damaged_work(filled):
    with open_(filled, rebuild=True) as checkpoint:
        checkpoint.add_content(A, np.zeros(2, np.float32))
        checkpoint._database.execute("UPDATE contents SET checksum = 1")
        with pytest.raises(IndexFileError, match="with --rebuild"):
            list(checkpoint.rows([A]))
    with open_(filled, rebuild=True) as checkpoint:
        assert checkpoint.was_emptied
        checkpoint.add_content(A, np.zeros(2, np.float32))
    checkpoint.path.write_bytes(b"SQLite format 3\0" + bytes(200))
    with open_(filled, rebuild=True) as checkpoint:
        assert checkpoint.was_emptied and not checkpoint.is_known(A)


def test_a_rebuild_does_not_go_on_from_unreadable_work(filled):
    with open_(filled, rebuild=True) as checkpoint:
        checkpoint.add_content(A, reason="x")
        checkpoint._database.execute("UPDATE contents SET reason = CAST(x'ff' AS TEXT)")
    with open_(filled, rebuild=True) as checkpoint:
        assert checkpoint.was_emptied and not checkpoint.is_known(A)
