"""What reaches the terminal: results on stdout, sentences and progress on stderr, in any encoding."""

import errno
import io
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Any, TextIO

import click

from lookalike.errors import LookalikeError, is_printable, printable
from lookalike.types import Item

# The exit code of a program whose reader has gone away, as of one that the signal SIGPIPE ends.
READER_GONE = 128 + 13

# Where no bar can be drawn, a line comes after this share of the items, and within these many seconds.
LOGGED_SHARE = 0.05
MIN_SECONDS_BETWEEN_LINES, MAX_SECONDS_BETWEEN_LINES = 1.0, 60.0


def set_up_streams() -> None:
    """Escape the characters that the encoding of stdout or stderr lacks, instead of failing on them.

    A stream that is closed is sent nowhere: the next file opened would take its place, and get what is written to it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def show(*lines: str) -> None:
    """Print results to stdout, each in one line; ends the command quietly if nobody reads them any more.

    Raises LookalikeError if they cannot be written.
    """
    _print_results(map(printable, lines))


def show_json(value: Any, indent: int | None = 1) -> None:
    """Print a value as JSON, in one line if indent is None: in ASCII unless stdout takes every character.

    Characters that a terminal would obey, or a program would take for the end of a line, are escaped.
    """
    in_ascii = not str(getattr(sys.stdout, "encoding", "")).lower().startswith("utf")
    lines = json.dumps(value, indent=indent, ensure_ascii=in_ascii).split("\n")
    _print_results("".join(c if is_printable(c) else json.dumps(c)[1:-1] for c in line) for line in lines)


def announce(*lines: str) -> None:
    """Print sentences for the person at the terminal to stderr: stdout is for results."""
    if sys.stderr is None:  # print would write to stdout
        return
    try:
        print(*map(printable, lines), sep="\n", file=sys.stderr, flush=True)
    except OSError:  # nobody reads them
        discard(sys.stderr)


def show_progress(items: Iterable[Item], /, **options: Any) -> Iterable[Item]:
    """Yield items and show on stderr how far they are: a bar (tqdm) on a terminal, a line now and then elsewhere."""
    if sys.stderr and sys.stderr.isatty():
        from tqdm import tqdm

        bar: Iterable[Item] = tqdm(items, **options)
        return bar
    return _log_progress(items, **options)


def discard(stream: TextIO | None) -> None:
    """Send what is written to a stream from now on, and what it still holds, nowhere."""
    if stream:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _print_results(lines: Iterable[str]) -> None:
    try:
        for line in lines:
            print(line)
        if sys.stdout:
            sys.stdout.flush()
    except OSError as error:
        discard(sys.stdout)
        if error.errno in (errno.EPIPE, errno.EINVAL):  # Windows says EINVAL
            raise click.exceptions.Exit(READER_GONE) from None
        raise LookalikeError(
            f"The results cannot be written ({error.strerror}). Make room, or send them elsewhere."
        ) from None


def _log_progress(
    items: Iterable[Item], total: int | None = None, initial: int = 0, unit: str = "item", desc: str = "", **_: object
) -> Iterator[Item]:
    total = len(items) if total is None and isinstance(items, Sized) else total
    of = f" of {total:,}" if total else ""
    shown, shown_at = initial, time.monotonic()
    for done, item in enumerate(items, initial + 1):
        yield item
        if done == total:  # the command prints its result next
            continue
        waited = time.monotonic() - shown_at
        is_due = waited >= MIN_SECONDS_BETWEEN_LINES and total and done - shown >= LOGGED_SHARE * total
        if is_due or waited >= MAX_SECONDS_BETWEEN_LINES:
            announce(f"{desc}: {unit} {done:,}{of}".removeprefix(": "))
            shown, shown_at = done, time.monotonic()
