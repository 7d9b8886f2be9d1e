"""Further pictures of a feed's products from a real server: numbered, moved, missing, known after a stop."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest

from lookalike.extraction.feed import read_feed
from lookalike.extraction.feed_pictures import FeedPictures, file_name
from lookalike.images.guarded_connection import STRICT
from lookalike.index.attributes import read_styles
from lookalike.index.reading import load_index
from lookalike.index.skipped import read_skipped
from lookalike.search.loading import load_recommender
from tests.extraction.test_feed_catalogue import PICTURES, PictureServer, command, fetch, files, line, write
from tests.support.data import ROOT


@pytest.fixture
def server():
    server = PictureServer()
    server.add(12)
    yield server
    server.stop()


def at(server, *numbers):
    return [f"{server.address}/{number}.jpg" for number in numbers]


def content(catalogue, name):
    return PICTURES.index(
        next(path for path in PICTURES if path.read_bytes() == (catalogue.images / name).read_bytes())
    )


def test_a_product_has_all_its_pictures_and_only_what_changed_is_fetched_again(server, tmp_path):
    lines = [line("A", *at(server, 0, 1, 2)), line("B", *at(server, 3))]
    first = fetch(write(tmp_path / "feed.jsonl", lines), tmp_path / "shop", server)
    assert files(first) == ["A.jpg", "A~2.jpg", "A~3.jpg", "B.jpg"] and first.fetched == 4
    assert [content(first, name) for name in files(first)] == [0, 1, 2, 3]
    assert list(read_styles(first.styles)) == ["A", "B"] and server.take_counts() == {200: 4}
    server.pictures["/2.jpg"] = PICTURES[7].read_bytes()
    second = fetch(str(tmp_path / "feed.jsonl"), tmp_path / "shop", server)
    assert second.fetched == 1 and server.take_counts() == {200: 1, 304: 3} and content(second, "A~3.jpg") == 7
    lines[0] = line("A", *at(server, 0, 2))
    third = fetch(write(tmp_path / "feed.jsonl", lines), tmp_path / "shop", server)
    assert files(third) == ["A.jpg", "A~2.jpg", "B.jpg"] and content(third, "A~2.jpg") == 7
    lines[0] = line("A", *at(server, 2, 0))
    fourth = fetch(write(tmp_path / "feed.jsonl", lines), tmp_path / "shop", server)
    assert [content(fourth, name) for name in files(fourth)] == [7, 0, 3]
    fifth = fetch(str(tmp_path / "feed.jsonl"), tmp_path / "shop", server)
    assert fifth.fetched == 0 and files(fifth) == files(fourth)


def test_what_is_missing_is_told_and_the_others_move_up(server, tmp_path):
    lines = [line("A", *at(server, "none", 1, "gone", 2)), line("B", *at(server, 3))]
    catalogue = fetch(write(tmp_path / "feed.jsonl", lines), tmp_path / "shop", server)
    assert files(catalogue) == ["A.jpg", "A~2.jpg", "B.jpg"] and catalogue.refused == ()
    assert [name for name, _ in catalogue.missing] == [f"A: {address}" for address in at(server, "none", "gone")]
    assert [content(catalogue, name) for name in files(catalogue)] == [1, 2, 3]


def test_a_host_with_trouble_takes_no_picture_away_even_when_they_move(server, tmp_path):
    lines = [line("A", *at(server, 0, 1, 2)), line("B", *at(server, 3))]
    fetch(write(tmp_path / "feed.jsonl", lines), tmp_path / "shop", server)
    server.broken = {"/1.jpg", "/2.jpg"}
    catalogue = fetch(str(tmp_path / "feed.jsonl"), tmp_path / "shop", server)
    assert catalogue.stale == 2 and catalogue.missing == () and len(files(catalogue)) == 4
    lines[0] = line("A", *at(server, 1, 2))
    catalogue = fetch(write(tmp_path / "feed.jsonl", lines), tmp_path / "shop", server)
    assert files(catalogue) == ["A.jpg", "A~2.jpg", "B.jpg"] and catalogue.stale == 2
    assert [content(catalogue, name) for name in files(catalogue)] == [1, 2, 3]


def test_at_most_nine_pictures_and_no_product_takes_anothers_name(server, tmp_path):
    lines = [line("A", *at(server, *range(12))), line("A~2", *at(server, 3))]
    catalogue = fetch(write(tmp_path / "feed.jsonl", lines), tmp_path / "shop", server)
    assert files(catalogue) == ["A%7E2.jpg", "A.jpg", *(f"A~{number}.jpg" for number in range(2, 10))]
    assert set(read_styles(catalogue.styles)) == {"A", "A%7E2"}
    assert file_name("A~10") == "A~10" and file_name("A~9") == "A%7E9"


def test_pictures_of_runs_before_there_were_several_stay(server, tmp_path):
    feed = write(tmp_path / "feed.jsonl", [line("A", *at(server, 0, 1)), line("B", *at(server, 3))])
    fetch(feed, tmp_path / "shop", server)
    path = tmp_path / "shop" / "feed" / "pictures.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript(
            "CREATE TABLE pictures (id TEXT PRIMARY KEY, file TEXT, address TEXT, etag TEXT, modified TEXT,"
            " checked REAL); INSERT INTO pictures SELECT id, file, address, etag, modified, checked"
            " FROM product_pictures WHERE place = 1; DROP TABLE product_pictures;"
        )
    database.close()
    (tmp_path / "shop" / "feed" / "pictures" / "A~2.jpg").unlink()
    server.take_counts()
    catalogue = fetch(feed, tmp_path / "shop", server)
    assert catalogue.fetched == 1 and server.take_counts() == {200: 1, 304: 2} and len(files(catalogue)) == 3


def test_after_an_interruption_a_finished_product_is_not_asked_for_again(server, tmp_path):
    feed = write(tmp_path / "feed.jsonl", [line("A", *at(server, 0, 1)), line("B", *at(server, 3, "none"))])
    policy = replace(STRICT, exceptions=frozenset({("127.0.0.1", server.port)}))
    with closing(FeedPictures(tmp_path / "shop" / "feed" / "pictures", policy, ())) as stopped:
        (outcome,) = stopped.fetch(list(read_feed(feed))[:1])  # and nothing says that this run has ended
    assert outcome.files == ("A.jpg", "A~2.jpg") and server.take_counts() == {200: 2}
    catalogue = fetch(feed, tmp_path / "shop", server)
    assert files(catalogue) == ["A.jpg", "A~2.jpg", "B.jpg"] and server.take_counts() == {200: 1, 404: 1}


def test_from_a_feed_with_further_pictures_and_groups_to_one_answer_a_product(server, tmp_path):
    lines = [
        line("A", *at(server, 0, 1, "none"), color="Blue", size="M", item_group_id="g", link="https://shop.example/A"),
        line("A-red", *at(server, 4), color="Red", size="M", itemGroupId="g"),
        line("B", *at(server, 5)),
    ]
    feed, output = write(tmp_path / "feed.jsonl", lines), tmp_path / "shop"
    done = subprocess.run(command(feed, output, server), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "4 indexed, 1 skipped" in done.stdout, done.stderr
    assert "1 further pictures cannot be had" in done.stderr and "3 of 3 products have a row" in done.stdout
    assert [name for name, _ in read_skipped(output)] == [f"A: {server.address}/none.jpg"]
    index = load_index(output)
    assert index.product_count == 3 and index.groups.group.tolist() == [0, 0, 0, 3]
    second = load_recommender(output).similar(PICTURES[1].read_bytes())
    assert [match.product.identity for match in second] == ["A", "B"]
    assert second[0].product.name.endswith("A~2.jpg") and second[0].distance < 0.01
    assert [one.identity for one in second[0].variants] == ["A-red"]
    asked = [sys.executable, "-m", "lookalike", "similar", str(PICTURES[1]), "--index", str(output), "--jsonl"]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert '"product": "A", "variants": ["A-red"]' in told
