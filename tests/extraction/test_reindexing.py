"""Indexing a folder again: only what is new or changed is embedded."""

import itertools
import os
import shutil
import signal
from dataclasses import replace

import pytest
from PIL import Image

from lookalike.embedding.backbones import Preprocessing
from lookalike.embedding.embedder import Embedder
from lookalike.extraction.build import Interrupted, build_index
from lookalike.index.reading import load_index
from tests.support.toy import ToyEngine

FILES = ("embeddings.pkl", "filenames.pkl", "index.json")


class CountingEngine(ToyEngine):
    """The toy engine; it counts the images that it was given."""

    def __init__(self):
        self.images = 0

    def feature_maps(self, pixels):
        self.images += len(pixels)
        return super().feature_maps(pixels)


class Shop:
    """A folder that is indexed again and again; run() returns how many images were embedded."""

    def __init__(self, images, backbone):
        self.images, self.folder = images, images.parent
        self.use(backbone)

    def use(self, backbone, precision="f32"):
        """Make vectors in another way from now on."""
        self.backbone, self.engine = backbone, CountingEngine()
        self.embedder = Embedder(backbone, self.engine, precision)

    def run(self, **options):
        before = self.engine.images
        self.report = build_index(self.images, self.folder, self.embedder, **options)
        assert self.report.embedded == self.engine.images - before
        return self.report.embedded

    def look(self):
        """Return which of red, green and blue each look has, by image name."""
        index = load_index(self.folder)
        return {name.removeprefix("images/"): tuple(row > 0.5) for name, row in zip(index.names, index.look)}

    def stamps(self):
        """Return the inode and time of each file of the index, which change when it is written."""
        status = [(self.folder / name).stat() for name in FILES]
        return [(file.st_ino, file.st_mtime_ns) for file in status]


RED, GREEN, BLUE, YELLOW, WHITE = (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 1, 1)


@pytest.fixture
def shop(catalogue, toy):
    """The toy catalogue, indexed once: red, green, blue and yellow."""
    shop = Shop(catalogue, toy.backbone)
    assert shop.run() == 4
    return shop


def test_an_unchanged_folder_embeds_nothing_and_leaves_the_index_untouched(shop):
    before = shop.stamps()
    assert shop.run() == 0 and shop.report.indexed == 4
    assert shop.stamps() == before and not list(shop.folder.glob("*.new"))


def test_an_added_file_is_embedded_alone(shop):
    Image.new("RGB", (40, 60), "white").save(shop.images / "2b.png")
    assert shop.run() == 1
    assert list(shop.look().items())[1:4] == [("2.png", GREEN), ("2b.png", WHITE), ("3.png", BLUE)]


def test_a_changed_file_is_embedded_again(shop):
    Image.new("RGB", (40, 60), "blue").rotate(90, expand=True).save(shop.images / "1.png")
    assert shop.run() == 1
    assert shop.look() == {"1.png": BLUE, "2.png": GREEN, "3.png": BLUE, "4.png": YELLOW}


def test_a_file_of_the_same_size_and_another_time_is_recognized_by_its_content(shop):
    """Neither the same bytes with a later time nor the bytes of another product are embedded again."""
    os.utime(shop.images / "1.png", (10**9, 10**9))
    assert shop.run() == 0
    red, green = (shop.images / "1.png"), (shop.images / "2.png")
    assert red.stat().st_size == green.stat().st_size
    red.write_bytes(green.read_bytes())
    assert shop.run() == 0 and shop.look()["1.png"] == GREEN


def test_a_renamed_or_moved_file_keeps_its_look(shop):
    (shop.images / "1.png").rename(shop.images / "5.png")
    (shop.images / "deep").mkdir()
    (shop.images / "2.png").rename(shop.images / "deep" / "2.png")
    assert shop.run() == 0
    assert shop.look() == {"3.png": BLUE, "4.png": YELLOW, "5.png": RED, "deep/2.png": GREEN}


def test_a_removed_file_leaves_the_index_and_is_embedded_when_it_comes_back(shop):
    away = shop.folder / "away.png"
    (shop.images / "3.png").rename(away)
    assert shop.run() == 0 and list(shop.look()) == ["1.png", "2.png", "4.png"]
    away.rename(shop.images / "3.png")
    assert shop.run() == 1 and shop.look()["3.png"] == BLUE


def test_rebuild_embeds_everything_to_the_same_index(shop):
    before = [(shop.folder / name).read_bytes() for name in FILES]
    assert shop.run(rebuild=True) == 4
    assert [(shop.folder / name).read_bytes() for name in FILES] == before


OTHER = {
    "backbone": {"name": "other"},
    "weights": {"sha256": "1" * 64},
    "pooling": {"pooling": "average"},
    "preprocessing": {"preprocessing": Preprocessing(8, "BGR", (0.0,) * 3, (255.0,) * 3)},
    "precision": {},
}


@pytest.mark.parametrize("what", OTHER)
def test_vectors_made_in_different_ways_never_mix(shop, what):
    first = shop.backbone
    shop.use(replace(first, **OTHER[what]), "bf16" if what == "precision" else "f32")
    assert shop.run() == 4 and shop.run() == 0
    assert load_index(shop.folder).manifest["precision"] == shop.embedder.precision
    shop.use(first)
    assert shop.run() == 4


def test_a_stopped_run_that_makes_other_vectors_does_not_mix_them_in_either(shop):
    def stop_after_two(items, **counts):
        yield from itertools.islice(items, 2)
        raise KeyboardInterrupt

    before, first = shop.stamps(), shop.backbone
    shop.use(first, "bf16")
    with pytest.raises(Interrupted, match="2 of 4 images are done and saved"):
        build_index(shop.images, shop.folder, shop.embedder, batch_size=1, progress=stop_after_two)
    shop.use(first)
    assert shop.run() == 0 and shop.stamps() == before


def test_a_file_that_is_not_an_image_is_skipped_again_without_reading_it(shop):
    (shop.images / "0.jpg").write_text("hello")
    assert shop.run() == 0 and "is not an image" in shop.report.skipped[0][1]
    skipped, seen = shop.report.skipped, []

    def progress(items, total, initial):
        seen.extend(items)
        assert (total, initial) == (5, 5)
        return seen

    assert shop.run(progress=progress) == 0
    assert seen == [] and shop.report.skipped == skipped and (shop.folder / "skipped.csv").read_text().count("\n") == 2


def test_a_copy_of_an_image_is_a_product_of_its_own(shop):
    shutil.copy(shop.images / "1.png", shop.images / "1 (copy).png")
    assert shop.run() == 0 and shop.report.indexed == 5
    assert shop.look()["1 (copy).png"] == shop.look()["1.png"] == RED


def test_bytes_copied_many_times_are_all_products(shop):
    """This holds for copies in one batch and for copies of a known content."""
    for number in range(10, 20):
        Image.new("RGB", (40, 60), "white").save(shop.images / f"{number}.png")
    shop.run(batch_size=4)
    assert shop.report.indexed == 14 and list(shop.look().values()).count(WHITE) == 10
    assert shop.run() == 0


def test_two_files_of_one_size_and_time_that_swap_their_names_swap_their_looks(shop):
    red, green, aside = (shop.images / name for name in ("1.png", "2.png", "aside"))
    assert red.stat().st_size == green.stat().st_size
    for file in (red, green):
        os.utime(file, (10**9, 10**9))
    assert shop.run() == 0
    red.rename(aside)
    green.rename(red)
    aside.rename(green)
    assert shop.run() == 0 and shop.look()["1.png"] == GREEN and shop.look()["2.png"] == RED


def test_a_file_with_a_time_in_the_far_future_is_indexed(shop):
    os.utime(shop.images / "1.png", (10**10, 10**10))
    assert shop.run() == 0 and shop.report.indexed == 4


def test_a_rebuild_that_is_stopped_goes_on_with_the_same_command(shop):
    def stop_after_two(items, **counts):
        yield next(items)
        yield next(items)
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="2 of 4 images are done and saved; run the same command again"):
        shop.run(rebuild=True, progress=stop_after_two, batch_size=1)
    assert shop.run(rebuild=True) == 2
    assert shop.run(rebuild=True) == 4


def test_ctrl_c_between_the_renames_waits_until_the_index_is_whole(shop, monkeypatch):
    replace_ = os.replace

    def pressed(source, target):
        replace_(source, target)
        if str(target).endswith("embeddings.pkl"):
            signal.raise_signal(signal.SIGINT)

    Image.new("RGB", (40, 60), "white").save(shop.images / "5.png")
    monkeypatch.setattr(os, "replace", pressed)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(Interrupted, match="All 5 images are done and saved"):
            shop.run()
    finally:
        signal.signal(signal.SIGINT, before)
    assert shop.look()["5.png"] == WHITE
