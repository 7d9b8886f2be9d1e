"""How much memory a run over a feed takes at different numbers of rows, and how long it takes.

python benchmarks/feeds.py --images DIR [--rows 10000 100000] [--forms tsv jsonl xml] [--parts read fetch index]

A server on this machine gives the pictures: few distinct ones, so that only those are embedded. For each form of a
feed, reading alone is measured. Then, of the first form, reading and fetching, and the whole command `lookalike index
--feed` without tuning. Each is the peak of a process of its own. The second run of the command has every picture.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import harness

LEFT_OUT = "writing the feed; the command's times have its start in them"
PARTS = ("read", "fetch", "index")
COLORS, KINDS, GENDERS = (
    ("Blue", "Black", "Olive", "White"),
    ("Jeans", "Dresses", "Shirts"),
    ("male", "female", "unisex"),
)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", help="folder of the pictures that the server gives, at any depth")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000], metavar="N")
    parser.add_argument("--forms", nargs="+", choices=tuple(FORMS), default=[*FORMS], help="default: all")
    parser.add_argument("--distinct", type=int, default=100, metavar="N", help="distinct pictures (default: 100)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure (default: all)")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.images and not options.part:
        parser.error("--images DIR is needed")
    return options


def main(options: argparse.Namespace) -> None:
    from lookalike.images.discovery import find_images

    paths = find_images(options.images)[: options.distinct]
    pictures = [path.read_bytes() for path in paths]
    size = sum(map(len, pictures)) / len(pictures) / 1e3
    harness.print_head(f"{options.images}: {len(pictures)} pictures, {size:.1f} KB on average", LEFT_OUT)
    with tempfile.TemporaryDirectory() as folder, serve(pictures) as port:
        for rows in options.rows:
            for form in options.forms:
                feed = write_feed(Path(folder, f"{rows}.{form}"), form, rows, len(pictures), port)
                if "read" in options.parts:
                    print_part(f"read {form}", rows, harness.child(__file__, "read", feed=feed))
            feed = str(Path(folder, f"{rows}.{options.forms[0]}"))
            if "fetch" in options.parts:
                output = str(Path(folder, f"fetched-{rows}"))
                print_part("fetch", rows, harness.child(__file__, "fetch", feed=feed, output=output, port=port))
            if "index" in options.parts:
                output = str(Path(folder, f"shop-{rows}"))
                for name in ("index --feed", "again"):
                    print_part(name, rows, run_command(feed, output, port))


def print_part(name: str, rows: int, side: dict[str, Any]) -> None:
    peak, seconds = side["peak"], side["seconds"]
    print(f"{name:14} {rows:7} rows: peak {peak:.0f} MB, {seconds:.0f} s {side.get('said', '')}", flush=True)


def part_read(feed: str) -> dict[str, Any]:
    """Read a feed and keep nothing of it."""
    from lookalike.extraction.feed import read_feed

    began = time.perf_counter()
    count = sum(1 for _ in read_feed(feed))
    return {"seconds": time.perf_counter() - began, "said": f"({count} products)"}


def part_fetch(feed: str, output: str, port: int) -> dict[str, Any]:
    """Read a feed and fetch its pictures."""
    from lookalike.extraction.feed_catalogue import fetch_feed

    began = time.perf_counter()
    catalogue = fetch_feed(feed, output, [f"127.0.0.1:{port}"])
    return {"seconds": time.perf_counter() - began, "said": f"({catalogue.fetched} fetched)"}


def run_command(feed: str, output: str, port: int) -> dict[str, Any]:
    """Run the command that a shop runs, and return its peak memory, as the system counts it, and what it said."""
    command = [sys.executable, "-m", "lookalike", "index", "--feed", feed, "--feed-host", f"127.0.0.1:{port}"]
    command += ["--output", output, "--no-tune", "--backbone", "efficientnet-lite0"]
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=harness.ROOT, stdout=said, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read().strip()
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed with {process.returncode}")
    return {"seconds": time.perf_counter() - began, "peak": usage.ru_maxrss / 1e3, "said": f"({text.splitlines()[0]})"}


def row(number: int, distinct: int, port: int) -> dict[str, str]:
    """Return a row as long as shops' own, in the columns of Google Merchant."""
    return {
        "id": f"SKU-{number:08}",
        "title": f"Slim-fit denim jeans with stretch and five pockets, number {number}",
        "link": f"https://shop.example/products/slim-fit-denim-jeans-{number}?variant={number * 7919}",
        "image_link": f"http://127.0.0.1:{port}/{number % distinct}/{number}.jpg",
        "price": f"{number % 90 + 10}.90 EUR",
        "availability": "in stock",
        "color": COLORS[number % len(COLORS)],
        "gender": GENDERS[number % len(GENDERS)],
        "size": str(number % 20 + 30),
        "product_type": f"Apparel > Bottoms > {KINDS[number % len(KINDS)]}",
    }


def write_tsv(rows: Iterator[dict[str, str]]) -> Iterator[str]:
    for number, one in enumerate(rows):
        if not number:
            yield "\t".join(one) + "\n"
        yield "\t".join(one.values()) + "\n"


def write_jsonl(rows: Iterator[dict[str, str]]) -> Iterator[str]:
    for one in rows:
        yield json.dumps(one) + "\n"


def write_xml(rows: Iterator[dict[str, str]]) -> Iterator[str]:
    yield '<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0"><channel><title>Shop</title>\n'
    for one in rows:
        fields = "".join(f"<g:{name}>{escape(value)}</g:{name}>" for name, value in one.items())
        yield f"<item>{fields}</item>\n"
    yield "</channel></rss>\n"


FORMS: dict[str, Callable[[Iterator[dict[str, str]]], Iterator[str]]] = {
    "tsv": write_tsv,
    "jsonl": write_jsonl,
    "xml": write_xml,
}


def write_feed(path: Path, form: str, rows: int, distinct: int, port: int) -> str:
    """Write a feed of that many rows, and return its path."""
    with open(path, "w") as file:
        file.writelines(FORMS[form](row(number, distinct, port) for number in range(rows)))
    return str(path)


@contextlib.contextmanager
def serve(pictures: Sequence[bytes]) -> Iterator[int]:
    """Give the pictures by their number, and 304 to whoever has one; yield the port."""
    loop = asyncio.new_event_loop()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        which = int(head.split(" ", 2)[1].split("/")[1])
        tag, body = f'"{which}"', pictures[which]
        status = "200 OK"
        if f"If-None-Match: {tag}" in head:
            status, body = "304 Not Modified", b""
        writer.write(f"HTTP/1.1 {status}\r\nETag: {tag}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = loop.run_until_complete(asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


if __name__ == "__main__":
    harness.run(main, parse_arguments(), read=part_read, fetch=part_fetch)
