"""Disks, folders and clocks fail while the toy catalogue is indexed: the index stays whole and no work is lost."""

import os
import random
import sqlite3
import threading
import time
from contextlib import closing
from functools import partial

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import CatalogueError, IndexFileError
from lookalike.extraction.build import build_index
from lookalike.index.reading import load_index
from lookalike.search.recommender import Recommender
from lookalike.serving.live_index import LiveRecommender

FILES = ("embeddings.pkl", "filenames.pkl", "index.json")
FUTURE, PAST = (4_000_000_000, 4_000_000_000), (300_000_000, 300_000_000)


def content(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


def restamp(folder, times, names=None):
    for path in [folder / name for name in names] if names else folder.iterdir():
        os.utime(path, times)


@pytest.fixture
def shop(catalogue, toy):
    """The toy catalogue's own folder, with its index; shop.run() indexes it again."""
    run = partial(build_index, catalogue, catalogue.parent, toy)
    run()
    return type("Shop", (), {"folder": catalogue.parent, "images": catalogue, "run": staticmethod(run)})


def damage(path, sound, numbers):
    """Overwrite 1 to 3,000 bytes of a file with noise."""
    noise = numbers.randbytes(numbers.choice([1, 16, 200, 3000]))
    start = numbers.randrange(len(sound) - len(noise))
    path.write_bytes(sound[:start] + noise + sound[start + len(noise) :])


def test_noise_in_the_checkpoint_never_reaches_the_index(shop):
    """Wherever it falls, the work is done again or one sentence says what to do; a wrong vector never counts."""
    for number in range(40):
        Image.new("RGB", (8, 8), (number, 200, 99)).save(shop.images / f"more {number}.png")
    shop.run()
    numbers, before, reported = random.Random(3), content(shop.folder), 0
    (database,) = (shop.folder / ".lookalike").glob("*.sqlite")
    sound = database.read_bytes()
    for _ in range(100):
        damage(database, sound, numbers)
        try:
            shop.run()
        except IndexFileError as error:
            reported += 1
            assert "is damaged" in str(error) and "--rebuild" in str(error)
        assert content(shop.folder) == before
    assert 0 < reported < 100
    assert shop.run(rebuild=True).embedded == 44 and content(shop.folder) == before


def test_a_vector_that_the_disk_garbled_is_reported(shop):
    """SQLite itself does not notice it."""
    (database,) = (shop.folder / ".lookalike").glob("*.sqlite")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE contents SET vectors = zeroblob(12)")
    before = content(shop.folder)
    with pytest.raises(IndexFileError, match="is damaged .*differs from the one that was written.*--rebuild"):
        shop.run()
    assert content(shop.folder) == before


def test_work_from_before_there_were_checksums_is_kept(shop):
    (database,) = (shop.folder / ".lookalike").glob("*.sqlite")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("ALTER TABLE contents DROP COLUMN checksum")
    before = content(shop.folder)
    assert shop.run().embedded == 0 and content(shop.folder) == before


def move_away(images):
    images.rename(images.with_name("away"))


def unmount(images):
    """Leave an empty folder, as unmounting a disk does."""
    move_away(images)
    images.mkdir()


def bring_back(images):
    if images.exists():
        images.rmdir()
    images.with_name("away").rename(images)


@pytest.mark.parametrize("lose", [move_away, unmount])
def test_a_missing_catalogue_does_not_wipe_the_index(shop, lose):
    before = content(shop.folder)
    lose(shop.images)
    for rebuild in (False, True):
        with pytest.raises(CatalogueError, match="There is no (folder|image in) "):
            shop.run(rebuild=rebuild)
        assert content(shop.folder) == before
    bring_back(shop.images)
    assert shop.run().embedded == 0 and content(shop.folder) == before


@pytest.mark.parametrize("lose", [move_away, unmount])
def test_a_catalogue_that_vanishes_during_a_run_does_not_shrink_the_index(shop, lose):
    before = content(shop.folder)

    def lose_soon(items, **counts):
        for number, item in enumerate(items):
            if number == 0:
                lose(shop.images)
            yield item

    for number in range(40):
        Image.new("RGB", (8, 8), (number, 0, 99)).save(shop.images / f"{number:02}.png")
    with pytest.raises(CatalogueError, match="There is no (folder|image in) "):
        shop.run(batch_size=2, progress=lose_soon)
    assert content(shop.folder) == before
    bring_back(shop.images)
    assert 0 < shop.run().embedded < 40 and len(load_index(shop.folder).names) == 44


@pytest.mark.parametrize("times", [FUTURE, PAST])
def test_changes_are_noticed_whatever_the_clock_says(shop, times):
    """A changed file is far older or newer than the index and than its previous version."""
    restamp(shop.images, times)
    restamp(shop.folder, times, FILES)
    assert shop.run().embedded == 0
    Image.new("RGB", (40, 60), "white").save(shop.images / "1.png")
    Image.new("RGB", (40, 60), "black").save(shop.images / "2.png")
    os.utime(shop.images / "2.png", PAST if times == FUTURE else FUTURE)
    assert shop.run().embedded == 2
    np.testing.assert_allclose(load_index(shop.folder).look[:2], [[3**-0.5] * 3, [0] * 3], atol=1e-6)


@pytest.mark.parametrize("first, second", [(FUTURE, PAST), (PAST, FUTURE), (FUTURE, FUTURE)])
def test_the_app_loads_a_new_index_even_if_its_files_have_older_times(shop, toy, first, second):
    restamp(shop.folder, first, FILES)
    live = LiveRecommender(shop.folder, lambda folder, like=None: Recommender(load_index(folder), toy))
    assert len(live.current()[0].index.names) == 4
    Image.new("RGB", (40, 60), "white").save(shop.images / "5.png")
    shop.run()
    restamp(shop.folder, second, FILES)
    assert len(live.current()[0].index.names) == 5 and live.problem is None


def churn(images, over):
    """Replace whole files and delete some until over is set."""
    numbers, new = random.Random(5), images.parent / "new.png"
    while not over.is_set():
        path = images / f"{numbers.randrange(300):03}.png"
        if numbers.random() < 0.3:
            path.unlink(missing_ok=True)
        else:
            Image.new("RGB", (8, 8), numbers.choice(["red", "blue"])).save(new)
            os.replace(new, path)
        time.sleep(0.001)


def test_files_that_change_during_a_run_are_right_after_the_next_run(toy, tmp_path):
    images, over = tmp_path / "images", threading.Event()
    images.mkdir()
    for number in range(300):
        Image.new("RGB", (8, 8), "red").save(images / f"{number:03}.png")
    thread = threading.Thread(target=churn, args=(images, over))
    thread.start()
    try:
        for _ in range(10):
            report = build_index(images, tmp_path / "idx", toy, batch_size=4)
            index = load_index(tmp_path / "idx")
            assert report.found == len(index.names) + len(report.skipped)
            assert {tuple(row) for row in index.look.round(3)} <= {(1, 0, 0), (0, 0, 1)}
    finally:
        over.set()
        thread.join()
    for output in ("idx", "fresh"):
        build_index(images, tmp_path / output, toy)
    assert content(tmp_path / "idx") == content(tmp_path / "fresh")
