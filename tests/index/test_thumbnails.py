"""The thumbnails kept beside an index: found by content, saved as they come, never believed and never in the way."""

import hashlib
import os
import sqlite3
import threading
import time

import pytest

from lookalike.errors import IndexFileError
from lookalike.index.thumbnails import THUMBNAILS, Thumbnails, find_thumbnail, has_thumbnails, remove_thumbnails

ONE, TWO, THREE = (hashlib.sha256(name.encode()).hexdigest() for name in ("one", "two", "three"))


def picture(text, length=0):
    return b"\xff\xd8\xff" + text.encode() + bytes(length) + b"\xff\xd9"


@pytest.fixture
def filled(tmp_path):
    """A folder with two thumbnails, and one content that needs none."""
    kept = Thumbnails(tmp_path, 7)
    for content, found in ((ONE, picture("one")), (TWO, picture("two")), (THREE, b"")):
        kept.add(content, found)
    kept.close()
    return tmp_path


def test_each_is_found_by_the_content_it_was_made_of(filled):
    assert has_thumbnails(filled)
    assert find_thumbnail(filled, ONE) == picture("one") and find_thumbnail(filled, TWO) == picture("two")
    assert find_thumbnail(filled, THREE) is None and find_thumbnail(filled, "00" * 32) is None
    again = Thumbnails(filled, 7)
    assert [again.is_known(content) for content in (ONE, TWO, THREE, "00" * 32)] == [True, True, True, False]
    again.close()


def test_without_any_there_is_none_and_nothing_is_made(tmp_path):
    assert not has_thumbnails(tmp_path) and find_thumbnail(tmp_path, ONE) is None
    assert list(tmp_path.iterdir()) == []


def test_those_of_another_version_are_forgotten(filled):
    kept = Thumbnails(filled, 8)
    assert not kept.is_known(ONE) and not kept.is_known(THREE)
    kept.close()
    assert find_thumbnail(filled, ONE) is None


@pytest.mark.parametrize("damage", ["text", "cut", "garbled", "another database", "empty"])
def test_a_damaged_file_is_made_anew_and_shows_nothing_meanwhile(filled, damage):
    path = filled / THUMBNAILS
    content = path.read_bytes()
    if damage == "another database":
        path.unlink()
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE other (thing TEXT)")
        database.close()
    else:
        wrong = {"text": b"hello " * 1000, "cut": content[:5000], "empty": b"", "garbled": bytes(len(content))}
        path.write_bytes(wrong[damage])
    assert find_thumbnail(filled, ONE) is None
    kept = Thumbnails(filled, 7)
    kept.add(ONE, picture("one"))
    kept.close()
    assert find_thumbnail(filled, ONE) == picture("one")


def test_only_those_in_use_stay_and_the_file_shrinks(tmp_path):
    kept = Thumbnails(tmp_path, 1)
    contents = [hashlib.sha256(bytes([number])).hexdigest() for number in range(60)]
    for content in contents:
        kept.add(content, picture(content, 20_000))
    kept.save()
    before = (tmp_path / THUMBNAILS).stat().st_size
    kept.keep_only(contents[:6])
    kept.close()
    assert before > 60 * 20_000 > 8 * (tmp_path / THUMBNAILS).stat().st_size
    assert find_thumbnail(tmp_path, contents[5]) == picture(contents[5], 20_000)
    assert find_thumbnail(tmp_path, contents[6]) is None
    assert os.listdir(tmp_path) == [THUMBNAILS]


def test_what_is_recorded_is_on_disk_about_a_second_later(tmp_path):
    kept = Thumbnails(tmp_path, 1)
    kept.add(ONE, picture("one"))
    time.sleep(1.1)
    kept.add(TWO, picture("two"))
    assert find_thumbnail(tmp_path, ONE) == picture("one")
    kept.close()


def test_readers_and_a_run_do_not_disturb_each_other(filled):
    """While a run writes thousands, each reader finds what was there before, or nothing for a moment; no error."""
    kept, found, done = Thumbnails(filled, 7), [], threading.Event()

    def read():
        while not done.is_set():
            found.append(find_thumbnail(filled, ONE))

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(3000):
        kept.add(hashlib.sha256(str(number).encode()).hexdigest(), picture("more", 2000))
        if number % 300 == 0:
            kept.save()
    kept.close()
    done.set()
    for reader in readers:
        reader.join()
    assert picture("one") in found and set(found) <= {picture("one"), None}


def test_an_index_on_a_disk_that_cannot_be_written_is_read(filled):
    os.chmod(filled / THUMBNAILS, 0o400)
    os.chmod(filled, 0o500)
    try:
        assert find_thumbnail(filled, ONE) == picture("one")
    finally:
        os.chmod(filled, 0o700)


def test_nothing_in_a_file_from_elsewhere_is_believed(tmp_path):
    """What is no JPEG or too large is not shown, and a query without end is stopped."""
    with sqlite3.connect(tmp_path / THUMBNAILS) as database:
        database.execute("CREATE TABLE thumbnails (content BLOB PRIMARY KEY, picture BLOB)")
        rows = [(ONE, b"<svg onload=alert(1)>"), (TWO, picture("huge", 3_000_000)), (THREE, "text")]
        database.executemany("INSERT INTO thumbnails VALUES (?, ?)", [(bytes.fromhex(key), row) for key, row in rows])
    database.close()
    assert [find_thumbnail(tmp_path, content) for content in (ONE, TWO, THREE)] == [None, None, None]
    with sqlite3.connect(tmp_path / THUMBNAILS) as database:
        database.execute("DROP TABLE thumbnails")
        database.execute(
            "CREATE VIEW thumbnails AS WITH RECURSIVE endless(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM endless) "
            "SELECT n AS content, n AS picture FROM endless"
        )
    database.close()
    start = time.monotonic()
    assert find_thumbnail(tmp_path, ONE) is None and time.monotonic() - start < 5
    (tmp_path / THUMBNAILS).unlink()
    os.mkfifo(tmp_path / THUMBNAILS)
    assert not has_thumbnails(tmp_path)


def test_a_place_that_cannot_be_written_gets_a_sentence(tmp_path):
    with pytest.raises(IndexFileError, match=r"cannot be written .*leave thumbnails out with --no-thumbnails"):
        Thumbnails(tmp_path / "nowhere", 1)


def test_they_can_be_removed(filled):
    remove_thumbnails(filled)
    remove_thumbnails(filled)
    assert list(filled.iterdir()) == []
