"""A feed's pictures from a real server: slow, missing, replaced, down; what changed, and what a stop leaves behind."""

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace

import pytest

from lookalike.errors import CatalogueError
from lookalike.extraction.feed_catalogue import fetch_feed
from lookalike.extraction.feed_pictures import file_name
from lookalike.images.guarded_connection import STRICT
from lookalike.index.attributes import read_styles
from lookalike.index.reading import load_index
from lookalike.index.skipped import read_skipped
from tests.support.data import ROOT
from tests.support.processes import heed_ctrl_c

PICTURES = sorted((ROOT / "images").glob("*.jpg"))


class PictureServer:
    """Gives pictures by path, with an ETag; what it has can be changed. It counts the answers by path and status."""

    def __init__(self):
        self.pictures, self.seconds, self.answers, self.broken = {}, 0.0, Counter(), set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                time.sleep(outer.seconds)
                content = outer.pictures.get(self.path)
                tag = f'"{hash(content)}"'
                if self.path in outer.broken:
                    status, content = 503, b""
                elif content is None:
                    status, content = 404, b""
                elif self.headers.get("If-None-Match") == tag:
                    status, content = 304, b""
                else:
                    status = 200
                outer.answers[status] += 1
                self.send_response(status)
                self.send_header("ETag", tag)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.address, self.host = f"http://127.0.0.1:{self.port}", f"127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def add(self, count):
        """Have so many pictures, and return the lines of a feed of them."""
        self.pictures = {f"/{n}.jpg": PICTURES[n % len(PICTURES)].read_bytes() for n in range(count)}
        return [line(str(n), f"{self.address}/{n}.jpg") for n in range(count)]

    def take_counts(self):
        counts, self.answers = dict(self.answers), Counter()
        return counts

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server():
    server = PictureServer()
    yield server
    server.stop()


def line(identity, *addresses, **more):
    return {"id": identity, "title": f"Product {identity}", "price": "9.99 EUR", "image_link": addresses[0]} | (
        {"additional_image_link": list(addresses[1:])} if addresses[1:] else {}
    ) | more  # fmt: skip


def write(path, lines):
    path.write_text("".join(json.dumps(row) + "\n" for row in lines))
    return str(path)


def fetch(feed, output, *servers, **options):
    return fetch_feed(feed, output, [server.host for server in servers], pauses=(0.0,), **options)


def files(catalogue):
    return sorted(path.name for path in catalogue.images.iterdir())


def test_only_what_changed_is_fetched_again(server, tmp_path):
    lines = server.add(30)
    feed = write(tmp_path / "feed.jsonl", lines)
    first = fetch(feed, tmp_path / "shop", server)
    assert first.fetched == 30 and first.refused == () and len(files(first)) == 30
    assert (first.images / "7.jpg").read_bytes() == server.pictures["/7.jpg"]
    assert read_styles(first.styles)["7"] == {"productDisplayName": "Product 7", "price": "9.99", "currency": "EUR"}
    assert server.take_counts() == {200: 30}

    server.pictures["/7.jpg"] = PICTURES[99].read_bytes()
    feed = write(tmp_path / "feed.jsonl", [*lines[:25], line("new", f"{server.address}/7.jpg")])
    second = fetch(feed, tmp_path / "shop", server)
    assert second.fetched == 1 and server.take_counts() == {200: 1, 304: 24}
    assert (second.images / "7.jpg").read_bytes() == PICTURES[99].read_bytes()
    assert (second.images / "new.jpg").read_bytes() == PICTURES[99].read_bytes()
    assert len(files(second)) == 26 and "29.jpg" not in files(second) and "29" not in read_styles(second.styles)


def test_variants_that_share_a_picture_ask_for_it_once(server, tmp_path):
    server.add(3)
    address = f"{server.address}/0.jpg"
    variants = [line(f"shirt-{size}", address, item_group_id="shirt") for size in "SMLX"]
    lines = [*variants, line("other", f"{server.address}/1.jpg", address)]
    feed = write(tmp_path / "feed.jsonl", lines)
    first = fetch(feed, tmp_path / "shop", server)
    assert first.fetched == 2 and server.take_counts() == {200: 2}
    names = [f"shirt-{size}.jpg" for size in "SMLX"] + ["other~2.jpg"]
    assert all((first.images / name).read_bytes() == server.pictures["/0.jpg"] for name in names)
    # What all of them kept has not changed, and then it has.
    assert fetch(feed, tmp_path / "shop", server).fetched == 0 and server.take_counts() == {304: 2}
    server.pictures["/0.jpg"] = PICTURES[99].read_bytes()
    last = fetch(feed, tmp_path / "shop", server)
    assert last.fetched == 1 and server.take_counts() == {200: 1, 304: 1}
    assert all((last.images / name).read_bytes() == PICTURES[99].read_bytes() for name in names)
    # One that is gone for all of them is told of each.
    del server.pictures["/0.jpg"]
    gone = fetch(feed, tmp_path / "shop", server, accept_loss=True)
    assert files(gone) == ["other.jpg"] and len(gone.refused) == 4 and len(gone.missing) == 1


@pytest.mark.parametrize("link", ["shop.example/{id}", "https://shop.example/products/", "javascript:alert({id})"])
def test_a_link_that_leads_to_no_products_page_gets_one_sentence(tmp_path, link):
    feed = write(tmp_path / "feed.jsonl", [line("1", "https://shop.example/1.jpg")])
    with pytest.raises(CatalogueError, match=r"is no address of a product's page. Write it as https://"):
        fetch(feed, tmp_path / "shop", link=link)


def test_what_cannot_be_had_is_told_and_the_next_picture_tried(server, tmp_path):
    server.add(3)
    server.pictures |= {"/page": b"<!doctype html><title>Shop</title>", "/text": b"no image at all"}
    address = server.address
    lines = [
        line("good", f"{address}/0.jpg"),
        line("second", f"{address}/none.jpg", f"{address}/1.jpg"),
        line("missing", f"{address}/none.jpg"),
        line("page", f"{address}/page"),
        line("text", f"{address}/text"),
        line("inside", "http://127.0.0.1:1/a.jpg"),
        line("file", "file:///etc/passwd"),
        line("../../odd id.", f"{address}/2.jpg"),
        {"id": "bare"},
    ]
    catalogue = fetch(write(tmp_path / "feed.jsonl", lines), tmp_path / "shop", server)
    assert files(catalogue) == ["%2E.%2F..%2Fodd id..jpg", "good.jpg", "second.jpg"]
    reasons = dict(catalogue.refused)
    assert reasons.pop("bare") == "it has no picture"
    assert "nothing at that address" in reasons.pop("missing") and "page, not of a picture" in reasons.pop("page")
    assert "no image" in reasons.pop("text") and "does not begin with https://" in reasons.pop("file")
    assert "only the web's own" in reasons.pop("inside")
    assert not reasons


def test_a_host_with_trouble_takes_no_product_away(server, tmp_path):
    lines = server.add(12)
    feed = write(tmp_path / "feed.jsonl", lines)
    fetch(feed, tmp_path / "shop", server)
    server.broken = {f"/{n}.jpg" for n in range(6)}
    catalogue = fetch(feed, tmp_path / "shop", server)
    assert catalogue.stale == 6 and catalogue.refused == () and len(files(catalogue)) == 12
    del server.pictures["/11.jpg"]
    server.broken = set()
    catalogue = fetch(feed, tmp_path / "shop", server)
    assert catalogue.stale == 0 and [one for one, _ in catalogue.refused] == ["11"] and len(files(catalogue)) == 11


def test_a_host_that_is_down_is_given_up_soon(server, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as hole:  # it accepts and never answers
        port = hole.getsockname()[1]
        lines = server.add(5) + [line(f"down-{n}", f"http://127.0.0.1:{port}/{n}.jpg") for n in range(200)]
        began = time.monotonic()
        hosts = [server.host, f"127.0.0.1:{port}"]
        catalogue = fetch_feed(
            write(tmp_path / "feed.jsonl", lines), tmp_path / "shop", hosts, policy=replace(STRICT, seconds=0.5),
            pauses=(0.0,),
        )  # fmt: skip
    assert time.monotonic() - began < 20
    assert len(files(catalogue)) >= 1 and len(catalogue.refused) >= 200


def test_a_feed_that_lost_its_products_stops_and_changes_nothing(server, tmp_path):
    lines = server.add(20)
    feed = write(tmp_path / "feed.jsonl", lines)
    fetch(feed, tmp_path / "shop", server)
    write(tmp_path / "feed.jsonl", lines[:9])
    with pytest.raises(CatalogueError, match="9 products.*had 20.*--accept-loss"):
        fetch(feed, tmp_path / "shop", server)
    assert len(list((tmp_path / "shop" / "feed" / "pictures").iterdir())) == 20
    assert len(files(fetch(feed, tmp_path / "shop", server, accept_loss=True))) == 9


def test_a_feed_may_be_at_an_address_and_no_half_of_one_is_read(server, tmp_path):
    rows = "".join(f"{row['id']}\t{row['title']}\t{row['image_link']}\n" for row in server.add(3))
    server.pictures["/feed.tsv"] = b"id\ttitle\timage_link\n" + rows.encode()
    assert len(files(fetch(f"{server.address}/feed.tsv", tmp_path / "shop", server))) == 3
    with pytest.raises(CatalogueError, match="cannot be fetched.*404"):
        fetch(f"{server.address}/none.tsv", tmp_path / "shop", server)
    with pytest.raises(CatalogueError, match="nowhere.tsv cannot be read"):
        fetch(str(tmp_path / "nowhere.tsv"), tmp_path / "shop", server)
    with pytest.raises(CatalogueError, match="HOST:PORT"):
        fetch_feed(f"{server.address}/feed.tsv", tmp_path / "shop", ["shop:http"])
    with pytest.raises(CatalogueError, match="None of the pictures"):
        fetch_feed(f"{server.address}/feed.tsv", tmp_path / "other", pauses=())


def test_long_and_odd_ids_become_names_that_any_disk_takes():
    assert file_name("A-1_b.2~") == "A-1_b.2~"
    assert file_name("a/b\\c:d*e") == "a%2Fb%5Cc%3Ad%2Ae"
    assert file_name("..") == "%2E." and file_name("Ä") == "%C3%84"
    one, other = file_name("x" * 300), file_name("x" * 301)
    assert one != other and len(one) < 150


def command(feed, output, server, *more):
    arguments = ["index", "--feed", feed, "--feed-host", server.host, "--output", output, "--no-tune", *more]
    return [sys.executable, "-m", "lookalike", *map(str, arguments), "--backbone", "efficientnet-lite0"]


def test_from_a_feed_of_1000_products_to_an_index_and_on_after_ctrl_c(server, tmp_path):
    lines = server.add(1000)
    lines[3]["image_link"] = f"{server.address}/none.jpg"
    server.seconds = 0.02
    feed, output = write(tmp_path / "feed.jsonl", lines), tmp_path / "shop"
    options = command(feed, output, server, "--feed-link", "https://shop.example/p/{id}")
    run = subprocess.Popen(options, cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c)
    while server.answers[200] < 200:
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130 and "Stopped. The pictures of" in said and "Traceback" not in said
    interrupted = server.take_counts()[200]
    server.seconds = 0.0
    done = subprocess.run(options, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "1000 found, 999 indexed, 1 skipped" in done.stdout, done.stderr
    # Nothing but the few that were under way, or not yet recorded, is fetched twice.
    assert server.take_counts()[200] + interrupted < 999 + 400
    index = load_index(output)
    assert len(index.names) == 999 and index.attributes["7"]["price"] == "9.99"
    assert index.attributes["7"]["link"] == "https://shop.example/p/7"
    assert [name for name, _ in read_skipped(output)] == ["3"]
    server.pictures["/8.jpg"] = PICTURES[100].read_bytes()
    done = subprocess.run(command(feed, output, server), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "0 embedded" in done.stdout  # the demo has that picture already
    counts = server.take_counts()
    assert counts[200] == 1 and counts[304] == 998


def test_a_feed_brings_its_own_table(server, tmp_path):
    feed = write(tmp_path / "feed.jsonl", server.add(2))
    options = command(feed, tmp_path, server, "--styles", "x.csv")
    done = subprocess.run(options, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "brings its own table" in done.stderr


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_gets_one_sentence(server, tmp_path):
    (tmp_path / "shop").mkdir(mode=0o500)
    done = subprocess.run(
        command(write(tmp_path / "feed.jsonl", server.add(2)), tmp_path / "shop", server),
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
