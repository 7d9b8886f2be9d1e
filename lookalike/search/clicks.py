"""What shoppers did with answers, as counts by day, event, product and rank, in files of JSON lines.

The server writes them (lookalike/serving/clicks.py), `lookalike evaluate --clicks` reads them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, get_args

from lookalike.errors import CatalogueError
from lookalike.files import read_regular_file
from lookalike.types import StrPath

Event: TypeAlias = Literal["shown", "link", "similar", "kept", "liked", "disliked"]
EVENTS: tuple[Event, ...] = get_args(Event)
# A product that was not seen in an answer, but among the favorites, has rank 0.
MAX_RANK = 100
# Digits and signs of a product's id.
MAX_IDENTITY = 500
PREFIX, SUFFIX = "clicks-", ".jsonl"
MAX_FILE_BYTES = 200_000_000


class Key(NamedTuple):
    """What is counted: an event with a product, at its rank in an answer (from 1; 0 outside of one)."""

    event: str
    product: str
    rank: int


def to_lines(day: str, counts: Mapping[Key, int]) -> bytes:
    """Return the counts of a day as lines of JSON, in UTF-8: day, event, product, rank and count each."""
    lines = [json.dumps({"day": day, **key._asdict(), "count": count}) for key, count in sorted(counts.items())]
    return "".join(f"{line}\n" for line in lines).encode()


def read_clicks(path: StrPath) -> Iterator[tuple[str, Key, int]]:
    """Yield (day, key, count) of each line of a file, or of all such files of a folder; raises CatalogueError.

    A line that counts nothing known is an error, with its number: a figure over half a file would mislead.
    """
    for file in _files(Path(path)):
        try:
            content = read_regular_file(file, MAX_FILE_BYTES)
        except OSError as error:
            raise CatalogueError(f"{file} cannot be read ({error.strerror}). Name a file that you may read.") from None
        if len(content) > MAX_FILE_BYTES:
            raise CatalogueError(f"{file} is larger than {MAX_FILE_BYTES // 1_000_000} MB. Split it by lines.")
        for number, line in enumerate(content.splitlines(), start=1):
            if line.strip():
                found = _parse(line)
                if found is None:
                    raise CatalogueError(
                        f"Line {number} of {file} is no count of clicks. Each line is JSON with day, event (one of "
                        f"{', '.join(EVENTS)}), product, rank and count, as LOOKALIKE_CLICKS writes it."
                    )
                yield found


def _files(path: Path) -> Iterable[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob(f"{PREFIX}*{SUFFIX}"))
    if not files:
        raise CatalogueError(
            f"{path} has no files {PREFIX}…{SUFFIX}. Name the folder that LOOKALIKE_CLICKS names for the app."
        )
    return files


def _parse(line: bytes) -> tuple[str, Key, int] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    day, event, product, rank, count = (found.get(name) for name in ("day", *Key._fields, "count"))
    is_known = isinstance(day, str) and event in EVENTS and isinstance(product, str) and bool(product)
    if not is_known or type(rank) is not int or type(count) is not int or not 0 <= rank <= MAX_RANK or count < 1:
        return None
    return str(day), Key(str(event), str(product), rank), count
