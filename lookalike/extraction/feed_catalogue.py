"""A shop's feed → a folder of pictures named by id and a table of attributes, which are indexed like any others."""

import csv
import http.client
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from lookalike.errors import CatalogueError, IndexFileError
from lookalike.extraction.build import Interrupted
from lookalike.extraction.feed import LINK_GROUP, LINK_ID, FeedProduct, RefusedRow, read_feed
from lookalike.extraction.feed_pictures import PAUSES, FeedPictures, Outcome
from lookalike.files import beside_path
from lookalike.images.guarded_connection import STRICT, Policy
from lookalike.index.catalogue import product_id
from lookalike.index.lock import lock
from lookalike.types import StrPath

FOLDER, PICTURES, TABLE, DOWNLOADED = "feed", "pictures", "styles.csv", "downloaded"
# With fewer of the last run's products, the feed is more likely broken than the shop that much smaller.
MIN_SHARE_LEFT = 0.5
MAX_FEED_BYTES = 2_000_000_000
MAX_SECONDS_WITHOUT_DATA = 30
ID = "id"

Progress: TypeAlias = Callable[..., Iterable[Outcome]]


@dataclass(frozen=True)
class FeedCatalogue:
    """What a feed has become: the folder of its pictures, the table, and what was left out.

    Attributes:
        images: the folder of pictures, named by the products' ids; see ProductGroups for the further ones of a product.
        styles: the table of their attributes.
        refused: (product or row, reason) of each row that is no product with a picture.
        missing: (product and address, reason) of each picture that a product has to do without.
        fetched: how many pictures were fetched now; all others had not changed.
        stale: how many earlier pictures were kept, because their hosts had trouble.
    """

    images: Path
    styles: Path
    refused: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]
    fetched: int
    stale: int


@dataclass
class _Counts:
    """How many products are done, how many of them have a picture, and how many pictures are new or an earlier one."""

    done: int = 0
    found: int = 0
    fetched: int = 0
    stale: int = 0

    def add(self, outcome: Outcome) -> None:
        self.done += 1
        self.found += bool(outcome.files)
        self.fetched += outcome.fetched
        self.stale += outcome.stale


def fetch_feed(
    feed: str,
    output: StrPath,
    hosts: Iterable[str] = (),
    accept_loss: bool = False,
    progress: Progress = lambda outcomes, **_: outcomes,
    policy: Policy = STRICT,
    pauses: tuple[float, ...] = PAUSES,
    link: str | None = None,
) -> FeedCatalogue:
    """Read a feed and fetch its pictures into the folder feed/ of an index's folder.

    Run again after any interruption, it goes on where it stopped; run again later, it fetches what has changed.

    Args:
        feed: a file, or its http or https address.
        output: the folder of the index.
        hosts: HOST or HOST:PORT of the shop's own network that pictures may come from, beside the public web.
        accept_loss: go on though the feed has less than half of the products of the last run.
        progress: wraps the iterator of outcomes; it is given total, as tqdm is.
        policy: where pictures may come from.
        pauses: the seconds to wait before each further try of a picture.
        link: the address of the shop's page for products that name none; see read_feed.

    Raises:
        CatalogueError: the feed cannot be read, or it has lost too many products; or link is no address.
        IndexFileError: the folder cannot be written.
        Interrupted: Ctrl-C; the message says how much is fetched.
    """
    if link and not (link.startswith(("http://", "https://")) and (LINK_ID in link or LINK_GROUP in link)):
        raise CatalogueError(
            f"{link} is no address of a product's page. Write it as https://shop.example/products/{LINK_GROUP} or with "
            f"{LINK_ID}."
        )
    folder = Path(output) / FOLDER
    _make_folder(folder)
    with lock(output):
        return _fetch_locked(feed, folder, hosts, accept_loss, progress, policy, pauses, link)


def _fetch_locked(
    feed: str,
    folder: Path,
    hosts: Iterable[str],
    accept_loss: bool,
    progress: Progress,
    policy: Policy,
    pauses: tuple[float, ...],
    link: str | None,
) -> FeedCatalogue:
    path = _download(feed, folder) if feed.lower().startswith(("http://", "https://")) else Path(feed)
    columns, count = _survey(path, link)
    with closing(FeedPictures(folder / PICTURES, _allow(policy, hosts), pauses)) as pictures:
        before = pictures.count
        _check_loss(feed, count, before, accept_loss)
        refused: list[tuple[str, str]] = []
        missing: list[tuple[str, str]] = []
        counts = _Counts()
        # What was fetched is recorded before the database is closed, after Ctrl-C too.
        with _interruptible(counts, count), closing(pictures.fetch(_products(path, refused, link))) as fetched:
            for outcome in progress(fetched, total=count):
                counts.add(outcome)
                if outcome.files:
                    missing += [(f"{outcome.id}: {address}", reason) for address, reason in outcome.missing]
                else:
                    refused.append((outcome.id, outcome.missing[0][1]))
        _check_loss(feed, counts.found, before, accept_loss)
        if not counts.found:
            raise CatalogueError(f"None of the pictures of {feed} can be fetched. The first reason: {refused[-1][1]}")
        _write_table(folder / TABLE, columns, _products(path, [], link), pictures)
        pictures.finish()
    return FeedCatalogue(
        folder / PICTURES, folder / TABLE, tuple(refused), tuple(missing), counts.fetched, counts.stale
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IndexFileError(
            f"{folder} cannot be made ({error.strerror}). Name another folder with --output."
        ) from None


def _download(address: str, folder: Path) -> Path:
    """Return the file that a feed's address was downloaded into; raises CatalogueError, and keeps no half of one."""
    path = folder / DOWNLOADED
    try:
        request = urllib.request.Request(address, headers={"User-Agent": "Lookalike"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=MAX_SECONDS_WITHOUT_DATA) as answer:  # noqa: S310 # nosec B310
            announced = int(answer.headers.get("Content-Length") or 0)
            size = _copy(answer, beside_path(path))
            if size < announced:
                raise CatalogueError(f"{address} stopped in the middle of the feed. Run the same command again.")
            beside_path(path).replace(path)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise CatalogueError(f"{address} cannot be fetched ({error}). Check the feed's address.") from None
    finally:
        beside_path(path).unlink(missing_ok=True)
    return path


def _copy(answer: Any, path: Path) -> int:
    size = 0
    with open(path, "wb") as file:
        while piece := answer.read(1 << 20):
            size += len(piece)
            if size > MAX_FEED_BYTES:
                raise CatalogueError(f"The feed has more than {MAX_FEED_BYTES // 10**9} GB, the limit. Split it up.")
            file.write(piece)
    return size


def _survey(path: Path, link: str | None) -> tuple[list[str], int]:
    """Return the columns of a feed's products and how many products it has; raises CatalogueError."""
    columns: dict[str, None] = {}
    count = 0
    for product in _products(path, [], link):
        columns.update(dict.fromkeys(product.attributes))
        count += 1
    return [*columns], count


def _products(path: Path, refused: list[tuple[str, str]], link: str | None) -> Iterator[FeedProduct]:
    """Yield a feed's products, and add the other rows to refused."""
    for row in read_feed(path, link):
        if isinstance(row, RefusedRow):
            refused.append((row.id, row.reason))
        else:
            yield row


def _allow(policy: Policy, hosts: Iterable[str]) -> Policy:
    """Return a policy that admits hosts of the shop's own network too; raises CatalogueError."""
    exceptions = set(policy.exceptions)
    for entry in hosts:
        host, _, port = entry.partition(":")
        if port and not port.isdigit():
            raise CatalogueError(f"{entry} is no host. Write it as HOST or HOST:PORT.")
        for number in [int(port)] if port else [80, 443]:
            try:
                exceptions |= {(ip, number) for ip in policy.resolve(host, number)}
            except OSError as error:
                raise CatalogueError(f"The host {host} is not known here ({error}). Check its name.") from None
    return replace(policy, exceptions=frozenset(exceptions))


def _check_loss(feed: str, now: int, before: int, accept_loss: bool) -> None:
    if now < before * MIN_SHARE_LEFT and not accept_loss:
        raise CatalogueError(
            f"{feed} has {now:,} products with a picture; the last run had {before:,}. Nothing was changed. If that is "
            "right, run the same command with --accept-loss."
        )


@contextmanager
def _interruptible(counts: _Counts, count: int) -> Iterator[None]:
    """Turn Ctrl-C into an Interrupted that says how much is fetched."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped. The pictures of {counts.done:,} of {count:,} products are done; "
            "run the same command again to go on."
        ) from None


def _write_table(path: Path, columns: Sequence[str], products: Iterable[FeedProduct], pictures: FeedPictures) -> None:
    """Write the attributes of all products with a picture, by the ids that their files name them."""
    try:
        with open(beside_path(path), "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [ID, *columns])
            writer.writeheader()
            for product in products:
                if name := pictures.file(product.id):
                    writer.writerow({ID: product_id(name), **product.attributes})
        beside_path(path).replace(path)
    except OSError as error:
        raise IndexFileError(
            f"{path} cannot be written ({error.strerror}). Make room, then run the same command again."
        ) from None
    finally:
        beside_path(path).unlink(missing_ok=True)
