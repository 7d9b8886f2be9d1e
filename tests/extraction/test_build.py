import csv
import os
import shutil
import time

import numpy as np
import pytest
from PIL import Image

from lookalike.errors import CatalogueError, IndexFileError
from lookalike.extraction.build import Interrupted, build_index
from lookalike.index.reading import load_index

FILES = ("embeddings.pkl", "filenames.pkl", "index.json")


def test_indexes_every_image_in_order(toy, catalogue):
    report = build_index(catalogue, catalogue.parent, toy, catalogue.parent / "styles.csv")
    assert (report.found, report.indexed, report.embedded, report.skipped) == (4, 4, 4, ())
    assert (report.backbone, report.precision) == ("toy", "f32")
    index = load_index(catalogue.parent)
    assert index.names == ("images/1.png", "images/2.png", "images/3.png", "images/4.png")
    half = 0.5**0.5
    np.testing.assert_allclose(index.look, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [half, half, 0]], atol=1e-6)
    assert index.product(2).attributes["baseColour"] == "Blue"


def test_a_function_loads_the_embedder_once_the_images_and_the_table_prove_usable(toy, catalogue, tmp_path):
    loaded = []

    def load():
        loaded.append(toy)
        return toy

    for images, styles in ((tmp_path / "nowhere", None), (catalogue, tmp_path / "none.csv")):
        with pytest.raises(CatalogueError):
            build_index(images, tmp_path / "idx", load, styles)
    assert not loaded and not (tmp_path / "idx").exists()
    assert build_index(catalogue, tmp_path / "idx", load).indexed == 4 and loaded == [toy]


@pytest.mark.parametrize("batch_size, workers", [(1, 1), (2, 3), (3, 2), (100, 8)])
def test_batches_and_threads_change_nothing(toy, catalogue, tmp_path, batch_size, workers):
    build_index(catalogue, tmp_path / "a", toy)
    build_index(catalogue, tmp_path / "b", toy, batch_size=batch_size, workers=workers)
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_bad_files_are_skipped_with_reasons(toy, catalogue):
    (catalogue / "0.jpg").write_bytes(b"")
    (catalogue / "2b.jpg").write_text("hello")
    (catalogue / "2c.png").write_bytes((catalogue / "2.png").read_bytes()[:60])
    report = build_index(catalogue, catalogue.parent, toy)
    assert (report.found, report.indexed) == (7, 4)
    rows = list(csv.reader(open(catalogue.parent / "skipped.csv", encoding="utf-8")))
    assert [row[0] for row in rows] == ["path", "images/0.jpg", "images/2b.jpg", "images/2c.png"]
    assert "is empty" in rows[1][1] and "is not an image" in rows[2][1] and "is damaged" in rows[3][1]
    build_index(catalogue, catalogue.parent, toy)
    assert len(load_index(catalogue.parent).names) == 4


def test_a_catalogue_of_bad_files_alone_makes_no_index(toy, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.jpg").write_text("hello")
    with pytest.raises(CatalogueError, match=r"None of the 1 files .*skipped.csv says why"):
        build_index(tmp_path / "images", tmp_path, toy)
    assert not (tmp_path / "embeddings.pkl").exists() and (tmp_path / "skipped.csv").exists()


def test_an_output_that_cannot_be_written_is_reported(toy, catalogue, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(IndexFileError, match="cannot be written .* another folder"):
        build_index(catalogue, tmp_path / "file" / "idx", toy)


def test_progress_is_given_each_image_once_and_the_total(toy, catalogue):
    seen = []

    def progress(items, total, initial):
        for item in items:
            seen.append((item.file.name, total, initial))
            yield item

    build_index(catalogue, catalogue.parent, toy, progress=progress)
    assert seen == [(f"images/{number}.png", 4, 0) for number in (1, 2, 3, 4)]


def test_decoding_stays_a_bounded_number_of_images_ahead(toy, tmp_path):
    """While the engine is busy, threads must not fill the memory with decoded images."""
    (tmp_path / "images").mkdir()
    for number in range(60):
        Image.new("RGB", (8, 8), (number, 0, 99)).save(tmp_path / "images" / f"{number:02}.png")

    def progress(items, **counts):
        for position, item in enumerate(items):
            if position == 0:
                time.sleep(0.5)  # long enough for threads to decode all sixty
                for number in range(20, 60):
                    (tmp_path / "images" / f"{number:02}.png").unlink()
            yield item

    report = build_index(tmp_path / "images", tmp_path, toy, batch_size=4, workers=2, progress=progress)
    assert report.indexed == 20 and len(report.skipped) == 40


def test_a_stopped_run_goes_on_where_it_stopped(toy, catalogue, tmp_path):
    """Stopped after every image in turn, the index ends up the same as from one run."""

    def stop_at_once(items, **counts):
        yield next(items)
        raise KeyboardInterrupt

    for done in (1, 2, 3, 4):
        with pytest.raises(Interrupted, match=f"{done} of 4 images are done and saved; run the same command again"):
            build_index(catalogue, catalogue.parent, toy, batch_size=1, progress=stop_at_once)
        assert not (catalogue.parent / "index.json").exists()
    assert build_index(catalogue, catalogue.parent, toy).embedded == 0
    build_index(catalogue, tmp_path / "once", toy)
    assert (catalogue.parent / "embeddings.pkl").read_bytes() == (tmp_path / "once" / "embeddings.pkl").read_bytes()


def test_a_stopped_run_counts_saved_images_and_not_unreadable_ones(toy, catalogue):
    (catalogue / "0.png").symlink_to("nowhere.png")

    def stop_after_two(items, **counts):
        yield next(items)
        yield next(items)
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="1 of 5 images are done and saved"):
        build_index(catalogue, catalogue.parent, toy, batch_size=1, progress=stop_after_two)


def test_a_missing_file_is_skipped_with_its_reason(toy, catalogue):
    (catalogue / "5.png").symlink_to("nowhere.png")
    report = build_index(catalogue, catalogue.parent, toy)
    assert report.skipped == (("images/5.png", "The file cannot be read (No such file or directory)."),)


def test_files_whose_names_are_not_utf8_are_products_like_any_other(toy, catalogue):
    odd = os.fsencode(catalogue) + b"/caf\xe9.%b"
    Image.new("RGB", (40, 60), "white").save(odd % b"png")
    shutil.copy(catalogue.parent / "styles.csv", odd % b"jpg")
    for embedded in (5, 0):
        report = build_index(catalogue, catalogue.parent, toy)
        assert (report.embedded, report.indexed, len(report.skipped)) == (embedded, 5, 1)
    assert load_index(catalogue.parent).product(4).path.is_file()
    assert r"caf\udce9.jpg" in (catalogue.parent / "skipped.csv").read_text(encoding="utf-8")


def test_a_folder_whose_name_is_not_utf8_is_refused_before_anything_is_embedded(toy, catalogue, tmp_path):
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    shutil.copytree(catalogue, odd)

    def never(items, **counts):
        raise AssertionError("an image was embedded")

    with pytest.raises(CatalogueError, match=r"The name caf\\udce9 is not UTF-8"):
        build_index(odd, tmp_path, toy, progress=never)
    styles = shutil.copy(catalogue.parent / "styles.csv", odd)
    with pytest.raises(CatalogueError, match="is not UTF-8"):
        build_index(catalogue, catalogue.parent, toy, styles, progress=never)
