"""The memory of a run over a feed does not grow with the feed: ten times the rows, or a line without an end."""

import json
import tracemalloc
from collections.abc import Iterator
from xml.sax.saxutils import escape

import pytest

from lookalike.errors import CatalogueError
from lookalike.extraction.feed import FeedProduct, RefusedRow, read_feed
from lookalike.extraction.feed_catalogue import fetch_feed
from tests.support.data import ROOT
from tests.support.processes import serving_files

# What ten times the rows may add: lists that are longer by chance, not something for each of thousands of rows.
TOLERATED = 300_000


def row(number, port=80):
    return {
        "id": f"SKU-{number:08}",
        "title": f"Slim-fit denim jeans with stretch and five pockets, number {number}",
        "image_link": f"http://127.0.0.1:{port}/10001.jpg?number={number}",
        "price": f"{number % 90 + 10}.90 EUR",
        "color": "Blue",
    }


def element(field):
    name, value = field
    return f"<{name}>{escape(value)}</{name}>"


def lines(form, count, port=80) -> Iterator[str]:
    rows = (row(number, port) for number in range(count))
    if form == "xml":
        yield "<rss><channel><title>Shop</title>\n"
        yield from (f"<item>{''.join(map(element, one.items()))}</item>\n<note>a</note>" for one in rows)
        yield "</channel></rss>\n"
    elif form == "jsonl":
        yield from (json.dumps(one) + "\n" for one in rows)
    else:
        yield "\t".join(row(0)) + "\n"
        yield from ("\t".join(one.values()) + "\n" for one in rows)


def write(folder, form, count, port=80):
    path = folder / f"{count}.{form}"
    with open(path, "w") as file:
        file.writelines(lines(form, count, port))
    return str(path)


def peak(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", ["tsv", "jsonl", "xml"])
def test_reading_ten_times_the_rows_takes_no_more_memory(tmp_path, form):
    few, many = (write(tmp_path, form, count) for count in (1_000, 10_000))

    counts = []

    def count(path):
        counts.append(sum(isinstance(one, FeedProduct) for one in read_feed(path)))

    count(few)  # with all that is kept once
    assert peak(lambda: count(many)) < peak(lambda: count(few)) + TOLERATED
    assert counts == [1_000, 10_000, 1_000]


def test_an_id_far_behind_the_first_row_with_it_is_still_known(tmp_path):
    feed = tmp_path / "feed.jsonl"
    feed.write_text("".join([*lines("jsonl", 5_000), json.dumps(row(3)) + "\n"]))
    assert list(read_feed(feed))[-1] == RefusedRow("SKU-00000003", "another row has this id")


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path):
    feed = tmp_path / "feed.jsonl"
    rows = [json.dumps(row(1)), json.dumps({**row(2), "title": "x" * 20_000_000}), json.dumps(row(3))]
    feed.write_text("\n".join(rows))
    found = []
    assert peak(lambda: found.extend(read_feed(feed))) < 5_000_000
    assert [one.id for one in found] == ["SKU-00000001", "line 2", "SKU-00000003"]
    assert found[1].reason == "the line is longer than 1 MB, the limit"


def test_a_row_of_a_table_without_an_end_does_not_fill_the_memory(tmp_path):
    feed = tmp_path / "feed.csv"
    feed.write_text(f"id,image_link\nA,http://x.example/a.jpg\nB,{'x' * 20_000_000}\nC,http://x.example/c.jpg\n")
    found = []
    assert peak(lambda: found.extend(read_feed(feed))) < 10_000_000
    assert [one.id for one in found] == ["A", "row 3", "C"] and "cannot be read" in found[1].reason
    feed.write_text("id,image_link," + "x" * 20_000_000)
    with pytest.raises(CatalogueError, match="no columns id and image_link"):
        list(read_feed(feed))


def test_half_a_pair_of_surrogates_is_no_trouble(tmp_path):
    feed = tmp_path / "feed.jsonl"
    feed.write_text('{"id": "A\\ud800", "image_link": "http://shop.example/a.jpg", "title": "x\\udfff"}\n')
    (product,) = read_feed(feed)
    assert product.id == "A?" and product.attributes == {"productDisplayName": "x?"}


@pytest.fixture
def port():
    with serving_files(ROOT / "images") as port:
        yield port


def test_fetching_ten_times_the_pictures_takes_no_more_memory(tmp_path, port):
    few, many = (write(tmp_path, "tsv", count, port) for count in (150, 1_500))
    fetched = []

    def fetch(feed, shop):
        fetched.append(fetch_feed(feed, tmp_path / shop, [f"127.0.0.1:{port}"]).fetched)

    fetch(few, "warm")
    assert peak(lambda: fetch(many, "many")) < peak(lambda: fetch(few, "few")) + TOLERATED
    assert fetched == [150, 1_500, 150]
