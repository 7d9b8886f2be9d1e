"""The index in numbers, on the toy catalogue."""

from datetime import UTC, datetime

import pytest

from lookalike.analysis import overview
from lookalike.errors import CatalogueError
from lookalike.index.reading import FILES, load_index
from lookalike.index.skipped import read_skipped
from lookalike.web.catalogue.texts import readable_size


def test_the_toy_index_in_numbers(toy_index):
    found = overview.overview(load_index(toy_index))
    assert (found.products, found.described, found.unpictured) == (4, 4, 0)
    assert (found.backbone, found.precision, found.spaces) == ("toy", "f32", {"look": 3})
    assert found.skipped == ()
    assert found.size == sum((toy_index / name).stat().st_size for name in FILES if (toy_index / name).exists())
    assert abs((datetime.now(UTC) - found.made).total_seconds()) < 600


def test_columns_are_counted_and_those_of_one_word_left_out(toy_index):
    table = toy_index / "styles.csv"
    table.write_text("id,gender,baseColour\n1,Women,Red\n2,Women,Blue\n3,Women,Blue\n9,Men,Black\n")
    found = overview.overview(load_index(toy_index))
    assert found.columns == {"baseColour": (("Blue", 2), ("Red", 1))}
    assert (found.described, found.unpictured) == (3, 1)


def test_names_are_no_column_to_count_by(toy_index, monkeypatch):
    monkeypatch.setattr(overview, "MAX_WORDS", 3)
    assert overview.columns(load_index(toy_index)) == {}


def test_words_come_in_the_catalogues_order(toy_index):
    index = load_index(toy_index)
    assert overview.words_of(index, "baseColour") == ["Red", "Green", "Blue", "Yellow"]
    assert overview.words_of(index, "season") == [None] * 4


def test_files_left_out_are_told_with_their_reasons(toy_index, catalogue, toy):
    from lookalike.extraction.build import build_index

    (catalogue / "a, b.jpg").write_bytes(b"no picture")
    build_index(catalogue, toy_index, toy)
    ((path, reason),) = overview.overview(load_index(toy_index)).skipped
    assert path == "images/a, b.jpg" and "image" in reason


def test_an_index_without_the_list_of_left_out_files(toy_index):
    (toy_index / "skipped.csv").unlink()
    assert read_skipped(toy_index) == ()


def test_an_unreadable_list_is_told(toy_index):
    (toy_index / "skipped.csv").unlink()
    (toy_index / "skipped.csv").mkdir()
    with pytest.raises(CatalogueError, match="skipped.csv cannot be read"):
        read_skipped(toy_index)


def test_a_classic_pair_has_no_manifest(toy_index):
    (toy_index / "index.json").unlink()
    found = overview.overview(load_index(toy_index))
    assert (found.backbone, found.precision, found.products) == ("", "", 4)
    assert abs((datetime.now(UTC) - found.made).total_seconds()) < 600


@pytest.mark.parametrize(
    "size, text",
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (364e6, "364 MB"), (9.94e9, "9.9 GB"), (15e9, "15 GB")],
)
def test_sizes_are_readable(size, text):
    assert readable_size(size) == text
