"""The index in numbers, on the toy catalogue."""

from datetime import UTC, datetime

import pytest

from lookalike.analysis import overview
from lookalike.errors import CatalogueError
from lookalike.index.reading import FILES, load_index
from lookalike.index.skipped import read_skipped
from lookalike.web.catalogue.texts import readable_size


def test_the_toy_index_in_numbers(toy_index):
    found = overview.summarize_index(load_index(toy_index))
    assert (found.products, found.described, found.without_image) == (4, 4, 0)
    assert (found.backbone, found.precision, found.spaces) == ("toy", "f32", {"look": 3})
    assert found.skipped == ()
    assert found.size == sum((toy_index / name).stat().st_size for name in FILES if (toy_index / name).exists())
    assert abs((datetime.now(UTC) - found.written_at).total_seconds()) < 600


def test_columns_with_a_single_word_are_left_out(toy_index):
    table = toy_index / "styles.csv"
    table.write_text("id,gender,baseColour\n1,Women,Red\n2,Women,Blue\n3,Women,Blue\n9,Men,Black\n")
    found = overview.summarize_index(load_index(toy_index))
    assert found.columns == {"baseColour": (("Blue", 2), ("Red", 1))}
    assert (found.described, found.without_image) == (3, 1)


def test_columns_with_too_many_words_are_left_out(toy_index):
    assert overview.count_words(load_index(toy_index), max_words=3) == {}


def test_words_are_in_the_catalogues_order(toy_index):
    index = load_index(toy_index)
    assert overview.words_in_column(index, "baseColour") == ["Red", "Green", "Blue", "Yellow"]
    assert overview.words_in_column(index, "season") == [None] * 4


def test_files_left_out_are_listed_with_their_reasons(toy_index, catalogue, toy):
    from lookalike.extraction.build import build_index

    (catalogue / "a, b.jpg").write_bytes(b"no picture")
    build_index(catalogue, toy_index, toy)
    ((path, reason),) = overview.summarize_index(load_index(toy_index)).skipped
    assert path == "images/a, b.jpg" and "image" in reason


def test_an_index_may_lack_the_list_of_skipped_files(toy_index):
    (toy_index / "skipped.csv").unlink()
    assert read_skipped(toy_index) == ()


def test_an_unreadable_list_is_an_error(toy_index):
    (toy_index / "skipped.csv").unlink()
    (toy_index / "skipped.csv").mkdir()
    with pytest.raises(CatalogueError, match="skipped.csv cannot be read"):
        read_skipped(toy_index)


def test_a_classic_pair_has_no_manifest(toy_index):
    (toy_index / "index.json").unlink()
    found = overview.summarize_index(load_index(toy_index))
    assert (found.backbone, found.precision, found.products) == ("", "", 4)
    assert abs((datetime.now(UTC) - found.written_at).total_seconds()) < 600


@pytest.mark.parametrize(
    "size, text",
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (364e6, "364 MB"), (9.94e9, "9.9 GB"), (15e9, "15 GB")],
)
def test_sizes_are_readable(size, text):
    assert readable_size(size) == text
