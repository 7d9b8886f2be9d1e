"""Write an index to Milvus: a new version beside the old one. The index's name switches to it once it is whole."""

import hashlib
import json
import pickle
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookalike.errors import REBUILD, CatalogueError, IndexFileError, ServerError
from lookalike.files import sha256
from lookalike.index.attribute_head import AttributeHead
from lookalike.index.attribute_table import encode_words
from lookalike.index.catalogue import product_id
from lookalike.index.manifest import Manifest
from lookalike.index.price_ranges import Prices, current_price
from lookalike.index.product_groups import find_attributes
from lookalike.index.reading import EMBEDDINGS, FILENAMES, Index, IndexHeader, load_index_header, tuned_vectors
from lookalike.index.shards import RERUN, SHARDS_FOLDER, read_finished, read_shards
from lookalike.index.writing import pickled_matrix
from lookalike.milvus import versions
from lookalike.milvus.layout import (
    AMOUNT,
    ATTRIBUTES,
    LAYOUT_VERSION,
    MAX_BYTES,
    NAME,
    NO_AMOUNT,
    ROW,
    VECTOR,
    Layout,
    filter_columns,
    index_params,
    schema,
    word_field,
)
from lookalike.milvus.product_table import merge_column_orders
from lookalike.milvus.server import LONG_PATIENCE, Address, Milvus
from lookalike.types import Attributes, Matrix, Progress, StrPath, Vectors, no_progress

# Products read at a time, and about how many bytes of vectors are sent in one request.
MAX_PRODUCTS, BLOCK_BYTES = 2000, 8_000_000

# How often, and for how long, Milvus is asked whether it has flushed, indexed and loaded.
SECONDS_BETWEEN_CHECKS, SECONDS_TO_FLUSH = 0.5, 600.0

# The slowest index over one segment (a gigabyte) is built in less. A server that cannot build it never gives up.
SECONDS_WITHOUT_PROGRESS = 1800.0

Block = tuple[Sequence[str], Vectors]
"""Products in the catalogue's order: their names, and space → float32 (m, d)."""


@dataclass(frozen=True)
class Publication:
    """What is published besides the vectors.

    Attributes:
        manifest: the index's, {} for a classic pair of pickles.
        folder: the folder of the index, where the app runs; pictures lie below it.
        attributes: product id → its attributes.
        head: the AttributeHead, None if the index is not tuned.
        written_at: when the index was written, in seconds since 1970.
        identity: a text that changes with anything that is published; the same identity is published only once.
    """

    manifest: Manifest
    folder: str
    attributes: Mapping[str, Attributes]
    head: AttributeHead | None
    written_at: float
    identity: str


def publish_index(
    index: Index,
    address: Address,
    search_index: str = "flat",
    pictures: StrPath | None = None,
    progress: Progress = no_progress,
) -> str:
    """Publish an index in memory and return its version; see publish.

    pictures is the folder of the index where the app runs; default: its folder here.
    """
    pictures = str(pictures or index.folder.resolve())
    publication = _publication(index, pictures, index_identity(index, pictures))
    starts = range(0, len(index.names), MAX_PRODUCTS)
    slices = (slice(start, start + MAX_PRODUCTS) for start in starts)
    blocks = ((index.names[some], {space: matrix[some] for space, matrix in index.spaces.items()}) for some in slices)
    return publish(blocks, publication, address, search_index, progress, len(starts))


def index_identity(index: Index, pictures: str) -> str:
    """Return the identity of the Publication of an index in memory."""
    # A classic pair of pickles has no manifest and so no digests.
    digests = index.manifest.get("files") or [*index.names, sha256(index.look.tobytes())]
    attributes = [index.attributes_of(row) for row in range(len(index.names))]
    return json.dumps([digests, pictures, sha256(json.dumps(attributes).encode())], sort_keys=True)


def publish_shards(
    folder: StrPath,
    address: Address,
    search_index: str = "flat",
    pictures: StrPath | None = None,
    progress: Progress = no_progress,
) -> str:
    """Publish the vectors of the shards in an index's folder and return the version; see publish and publish_index.

    Manifest, attributes and head come from the index beside the shards, whose own vectors are not read.
    """
    header, shard_folder = load_index_header(folder), Path(folder, SHARDS_FOLDER)
    shards = read_finished(shard_folder)
    if shards.embedder != {name: header.manifest.get(name) for name in shards.embedder}:
        raise IndexFileError(f"The shards in {folder} were made in another way than the index beside them. {RERUN}.")
    _check_same_products(header, shard_folder)
    pictures = str(pictures or header.folder.resolve())
    digests = [header.manifest["files"], [shard.sha256 for shard in shards.shards], dict(header.attributes)]
    publication = _publication(header, pictures, json.dumps([digests, pictures], sort_keys=True))
    blocks = _read_blocks(header, shard_folder)
    return publish(blocks, publication, address, search_index, progress, len(shards.shards))


def _publication(index: Index | IndexHeader, pictures: str, identity: str) -> Publication:
    return Publication(index.manifest, pictures, index.attributes, index.head, index.written_at, identity)


def _check_same_products(header: IndexHeader, shard_folder: Path) -> None:
    """Raise IndexFileError unless the shards hold the index's names and looks: a run without --ray leaves old ones."""
    names: list[str] = []

    def looks() -> Iterator[Matrix]:
        for own, spaces in read_shards(shard_folder):
            names.extend(own)
            yield spaces["look"]

    digest, expected = hashlib.sha256(), header.manifest["files"]
    for piece in pickled_matrix((header.manifest["n"], header.manifest["channels"]), looks()):
        digest.update(piece)
    if (sha256(pickle.dumps(names, protocol=4)), digest.hexdigest()) != (expected[FILENAMES], expected[EMBEDDINGS]):
        raise IndexFileError(
            f"The shards in {header.folder} do not hold the products of the index beside them. {RERUN}."
        )


def _read_blocks(header: IndexHeader, shard_folder: Path) -> Iterator[Block]:
    """Yield the blocks of the shards, with tuned vectors if the index has a head; raises IndexFileError."""
    for names, spaces in read_shards(shard_folder):
        if header.head:
            attributes = [find_attributes(header.attributes, product_id(name)) for name in names]
            columns = {column: encode_words([own.get(column) for own in attributes]) for column in header.head.words}
            spaces = {**spaces, "tuned": tuned_vectors(header.head, spaces, columns)}
        yield names, spaces


def publish(
    blocks: Iterable[Block],
    publication: Publication,
    address: Address,
    search_index: str = "flat",
    progress: Progress = no_progress,
    total: int | None = None,
) -> str:
    """Publish a stream of products and return their version, the name of a collection; raises LookalikeError.

    Run again after any failure, it ends with the same version and every product once. Until the end the index's
    name stands for the version before. Only one block is in memory at a time; total is how many there are.
    """
    text = json.dumps([publication.identity, search_index, publication.folder, LAYOUT_VERSION])
    version = f"{address.name}_{sha256(text.encode())[:16]}"
    with closing(Milvus(address, LONG_PATIENCE)) as milvus:
        if versions.current_version(milvus) == version:
            return version
        writer = _VersionWriter(milvus, version, publication, search_index)
        for names, spaces in progress(blocks, total=total):
            writer.add(names, spaces)
        writer.finish()
        replaced = versions.switch_to(milvus, version)
        versions.drop_versions(milvus, version, keep={replaced} if replaced else set())
    return version


class _VersionWriter:
    """Writes one version: add() for each block, then finish()."""

    def __init__(self, milvus: Milvus, collection: str, publication: Publication, search_index: str) -> None:
        self._milvus, self._collection, self._publication = milvus, collection, publication
        self._search_index = search_index
        self._layout: Layout | None = None
        self._n = 0
        self._columns = merge_column_orders(publication.attributes.values())
        self._filters = filter_columns(self._columns)
        self._currency = Prices(publication.attributes.values()).currency

    def add(self, names: Sequence[str], spaces: Vectors) -> None:
        """Send a block, in as many requests as it takes. A block that is sent again replaces itself."""
        # Milvus keeps both of two equal names in one request; across requests, the count at the end reveals them.
        if len(set(names)) < len(names):
            raise _duplicate_name()
        attributes = [find_attributes(self._publication.attributes, product_id(name)) for name in names]
        if self._publication.head and "tuned" not in spaces:
            spaces = {**spaces, "tuned": self._publication.head.tuned(spaces, attributes)}
        layout = self._layout or self._create_collection(spaces)
        entities = [
            self._entity(row, *product)
            for row, product in enumerate(zip(names, attributes, layout.pack(spaces)), self._n)
        ]
        step = max(1, BLOCK_BYTES // (4 * layout.numbers))
        for start in range(0, len(entities), step):
            self._milvus.call("upsert", self._collection, entities[start : start + step], seconds=60)
        self._n += len(names)

    def _create_collection(self, spaces: Vectors) -> Layout:
        self._layout = layout = Layout({name: matrix.shape[1] for name, matrix in spaces.items()})
        fields = schema(layout, self._filters)
        self._milvus.create_collection(self._collection, schema=fields, consistency_level="Bounded")
        # Before the products, so that their segments are indexed while later ones arrive.
        self._milvus.call("create_index", self._collection, index_params(self._search_index), sync=False)
        return layout

    def _entity(self, row: int, name: str, attributes: Attributes, vector: Matrix) -> dict[str, Any]:
        words = [attributes.get(column, "") for column in self._filters]
        longest = max(map(_count_bytes, (name, json.dumps(attributes, ensure_ascii=False), *words)))
        if longest > MAX_BYTES:
            raise CatalogueError(
                f"{name[:80]} has attributes of {longest:,} bytes; Milvus holds {MAX_BYTES:,} for each product. "
                "Shorten them."
            )
        fields = {word_field(place): word for place, word in enumerate(words)}
        price = current_price(attributes)
        amount = float(price.amount) if price and price.currency == self._currency else NO_AMOUNT
        return {NAME: name, ROW: row, ATTRIBUTES: attributes, AMOUNT: amount, VECTOR: vector, **fields}

    def finish(self) -> None:
        """Wait until everything is on disk, indexed and loaded, check that it is complete, then describe it."""
        if self._layout is None or not self._n:
            raise CatalogueError("There is no product to publish.")
        self._milvus.call("flush", self._collection, seconds=SECONDS_TO_FLUSH)
        self._wait_until_indexed()
        self._milvus.call("load_collection", self._collection, seconds=SECONDS_TO_FLUSH)
        while self._milvus.call("get_load_state", self._collection)["state"].name != "Loaded":
            time.sleep(SECONDS_BETWEEN_CHECKS)
        counted = self._milvus.call(
            "query", self._collection, filter="", output_fields=["count(*)"], consistency_level="Strong"
        )
        if counted[0]["count(*)"] != self._n:
            raise _duplicate_name()
        versions.prepare_descriptions(self._milvus)
        versions.write_description(self._milvus, self._collection, self._describe(self._layout))

    def _describe(self, layout: Layout) -> versions.Description:
        return {
            "manifest": self._publication.manifest,
            "folder": self._publication.folder,
            "head": self._publication.head,
            "made": self._publication.written_at,
            "n": self._n,
            "widths": dict(layout.widths),
            "columns": self._columns,
            "filters": self._filters,
            "search_index": self._search_index,
            "currency": self._currency,
        }

    def _wait_until_indexed(self) -> None:
        pending, since = None, time.monotonic()
        while pending != 0:
            found = self._milvus.call("describe_index", self._collection, VECTOR)
            unfinished = found["pending_index_rows"] if found["state"] == "Finished" else found["total_rows"] + 1
            if unfinished != pending:
                pending, since = unfinished, time.monotonic()
            elif found["state"] == "Failed" or time.monotonic() - since > SECONDS_WITHOUT_PROGRESS:
                raise ServerError(
                    f"{self._milvus.address.server} makes no progress with its {self._search_index} index; not every "
                    "server can build every kind. Choose another: --search-index hnsw"
                )
            time.sleep(SECONDS_BETWEEN_CHECKS)


def _duplicate_name() -> CatalogueError:
    return CatalogueError(
        "Some products share one name in the index, so that Milvus would keep only one of them. Give every image its "
        f"own name. {REBUILD}"
    )


def _count_bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
