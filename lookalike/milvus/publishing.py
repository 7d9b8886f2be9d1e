"""Writes an index to Milvus: a new version beside the old one, and the name switched once it is whole."""

import hashlib
import json
import pickle
import time
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import CatalogueError, IndexFileError, ServerError
from lookalike.index.attribute_head import AttributeHead
from lookalike.index.catalogue import product_id
from lookalike.index.reading import EMBEDDINGS, FILENAMES, TUNED, load_index_header, tuned_by
from lookalike.index.shards import AGAIN, FOLDER, read_finished, read_shards
from lookalike.index.writing import pickled_matrix
from lookalike.milvus import versions
from lookalike.milvus.layout import (
    ATTRIBUTES,
    MAX_BYTES,
    NAME,
    ROW,
    VECTOR,
    Layout,
    filter_columns,
    indexes,
    schema,
    word_field,
)
from lookalike.milvus.product_table import column_order
from lookalike.milvus.server import LONG_PATIENCE, Milvus

# Products sent at a time: at most so many, and about so many bytes.
MAX_PRODUCTS, BLOCK_BYTES = 2000, 8_000_000

# Flushing, building an index and loading are waited for, each asked after so often.
INTERVAL, SECONDS_TO_FLUSH = 0.5, 600.0

# Of one segment, a gigabyte, the slowest index is built in less; a server that cannot build it tries for ever.
SECONDS_WITHOUT_PROGRESS = 1800.0


@dataclass(frozen=True)
class Publication:
    """What stands beside the vectors: the manifest, the folder below which pictures are, attributes by id, the head.

    identity is a text that differs wherever anything that is published does: the same one is published once.
    """

    manifest: dict
    folder: str
    attributes: dict
    head: AttributeHead | None
    written_at: float
    identity: str


def publish_index(index, address, search_index="flat", folder=None, progress=lambda items, **_: items):
    """Publish an Index in memory; gives its version. folder is where its pictures are, where the app runs."""
    folder = str(folder or index.folder.resolve())
    digests = index.manifest.get("files") or [*index.names, hashlib.sha256(index.look.tobytes()).hexdigest()]
    known = [index.attributes.get(product_id(name), {}) for name in index.names]
    identity = json.dumps([digests, folder, hashlib.sha256(json.dumps(known).encode()).hexdigest()], sort_keys=True)
    publication = Publication(index.manifest, folder, index.attributes, index.head, index.written_at, identity)
    blocks = ((index.names[a:b], {s: m[a:b] for s, m in index.spaces.items()}) for a, b in _ranges(len(index.names)))
    return publish(blocks, publication, address, search_index, lambda b: progress(b, total=len(_ranges(len(known)))))


def _ranges(n):
    return [(start, min(start + MAX_PRODUCTS, n)) for start in range(0, n, MAX_PRODUCTS)]


def publish(blocks, publication, address, search_index="flat", progress=lambda blocks: blocks):
    """Publish products as they come and give their version, the name of a collection; raises LookalikeError.

    blocks is an iterator of (names, dict from space to float32 (m, d)), in the catalogue's order; nothing of a
    block is kept. Run again after any failure it ends with the same version, every product once; until the end
    the name stands for the version before.
    """
    milvus = Milvus(address, LONG_PATIENCE)
    text = json.dumps([publication.identity, search_index, publication.folder])
    version = f"{address.name}_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    before = versions.current_version(milvus)
    if before == version:
        return version
    writing = _Version(milvus, version, publication, search_index)
    for names, spaces in progress(blocks):
        writing.add(names, spaces)
    writing.finish()
    versions.switch(milvus, version)
    versions.drop_older(milvus, {version, before})
    return version


class _Version:
    """A version while it is written."""

    def __init__(self, milvus, collection, publication, search_index):
        self._milvus, self._collection, self._publication = milvus, collection, publication
        self._search_index, self._layout, self._n = search_index, None, 0
        self._columns = column_order(publication.attributes.values())
        self._filters = filter_columns(self._columns)

    def add(self, names, spaces):
        """Send a block, in as many requests as it takes; sent again, it replaces itself."""
        # Within one request Milvus keeps both; across requests the count tells at the end.
        if len(set(names)) < len(names):
            raise _name_twice()
        attributes = [self._publication.attributes.get(product_id(name), {}) for name in names]
        if self._publication.head and "tuned" not in spaces:
            spaces = {**spaces, "tuned": self._publication.head.tuned(spaces, attributes)}
        if self._layout is None:
            self._begin(Layout({name: matrix.shape[1] for name, matrix in spaces.items()}))
        matrix = self._layout.packed(spaces)
        entities = [
            self._entity(self._n + place, name, own, vector)
            for place, (name, own, vector) in enumerate(zip(names, attributes, matrix))
        ]
        step = max(1, BLOCK_BYTES // (4 * self._layout.numbers))
        for start in range(0, len(entities), step):
            self._milvus.ask("upsert", self._collection, entities[start : start + step], seconds=60)
        self._n += len(names)

    def _begin(self, layout):
        self._layout, fields = layout, schema(layout, self._filters)
        self._milvus.create(self._collection, schema=fields, consistency_level="Bounded")
        # Before the products, so that their segments are indexed while others are still on their way.
        self._milvus.ask("create_index", self._collection, indexes(self._search_index), sync=False)

    def _entity(self, row, name, attributes, vector):
        words = [attributes.get(column, "") for column in self._filters]
        longest = max(map(_bytes, (name, json.dumps(attributes, ensure_ascii=False), *words)))
        if longest > MAX_BYTES:
            raise CatalogueError(
                f"{name[:80]} has attributes of {longest:,} bytes; Milvus holds {MAX_BYTES:,} a product. Shorten them."
            )
        fields = {word_field(place): word for place, word in enumerate(words)}
        return {NAME: name, ROW: row, ATTRIBUTES: attributes, VECTOR: vector, **fields}

    def finish(self):
        """Wait until everything is on disk, indexed and loaded, make sure that it is all there, write it down."""
        if not self._n:
            raise CatalogueError("There is no product to publish.")
        self._milvus.ask("flush", self._collection, seconds=SECONDS_TO_FLUSH)
        self._wait_for_index()
        self._milvus.ask("load_collection", self._collection, seconds=SECONDS_TO_FLUSH)
        self._wait_until_loaded()
        counted = self._milvus.ask(
            "query", self._collection, filter="", output_fields=["count(*)"], consistency_level="Strong"
        )
        if counted[0]["count(*)"] != self._n:
            raise _name_twice()
        versions.prepare(self._milvus)
        versions.write(self._milvus, self._collection, self._description())

    def _description(self):
        publication = self._publication
        return {
            "manifest": publication.manifest,
            "folder": publication.folder,
            "head": publication.head,
            "made": publication.written_at,
            "n": self._n,
            "widths": self._layout.widths,
            "columns": self._columns,
            "filters": self._filters,
            "search_index": self._search_index,
        }

    def _wait_for_index(self):
        pending, since = None, time.monotonic()
        while pending != 0:
            found = self._milvus.ask("describe_index", self._collection, VECTOR)
            unfinished = found["pending_index_rows"] if found["state"] == "Finished" else found["total_rows"] + 1
            if unfinished != pending:
                pending, since = unfinished, time.monotonic()
            elif found["state"] == "Failed" or time.monotonic() - since > SECONDS_WITHOUT_PROGRESS:
                raise ServerError(
                    f"{self._milvus.address.server} gets no further with its {self._search_index} index; not every "
                    "server can build each kind. Choose another: --search-index hnsw"
                )
            time.sleep(INTERVAL)

    def _wait_until_loaded(self):
        while self._milvus.ask("get_load_state", self._collection)["state"].name != "Loaded":
            time.sleep(INTERVAL)


def _name_twice():
    return CatalogueError(
        "Some products share one name in the index, so that Milvus would keep one of them. "
        "Give every image a name of its own and index again: python extract_features.py"
    )


def _bytes(text):
    return len(text.encode("utf-8", "replace"))


def publish_shards(folder, address, search_index="flat", pictures=None, progress=lambda blocks, **_: blocks):
    """Publish the products of the shards in an index's folder and give the version; raises LookalikeError.

    Manifest, attributes and head are the index's; of its vectors none is read. pictures is where its folder is
    where the app runs.
    """
    index, place = load_index_header(folder), Path(folder, FOLDER)
    shards = read_finished(place)
    made_by = {name: index.manifest.get(name) for name in shards.embedder}
    if made_by != shards.embedder:
        raise IndexFileError(f"The shards in {folder} were made in another way than the index beside them. {AGAIN}.")
    _check_belonging(index, place)
    pictures = str(pictures or index.folder.resolve())
    said = [index.manifest["files"], [shard.sha256 for shard in shards.shards], index.attributes]
    identity = json.dumps([said, pictures], sort_keys=True)
    publication = Publication(index.manifest, pictures, index.attributes, index.head, index.written_at, identity)
    counted = progress(_blocks(index, place), total=len(shards.shards))
    return publish(counted, publication, address, search_index)


def _check_belonging(index, folder):
    """Raise IndexFileError unless names and looks are the index's: a run without --ray leaves old shards behind."""
    names, width = [], index.manifest["channels"]

    def looks():
        for own, spaces in read_shards(folder):
            names.extend(own)
            yield spaces["look"]

    digest, expected = hashlib.sha256(), index.manifest["files"]
    for piece in pickled_matrix((index.manifest["n"], width), looks()):
        digest.update(piece)
    named = hashlib.sha256(pickle.dumps(names, protocol=4)).hexdigest()
    if (named, digest.hexdigest()) != (expected[FILENAMES], expected[EMBEDDINGS]):
        raise IndexFileError(
            f"The shards in {index.folder} do not hold the products of the index beside them. {AGAIN}."
        )


def _blocks(index, folder):
    """The blocks that publish takes, with tuned vectors where the index has a head; raises IndexFileError."""
    for names, spaces in read_shards(folder):
        if index.head:
            known = [index.attributes.get(product_id(name), {}) for name in names]
            spaces["tuned"] = tuned_by(index.head, TUNED, spaces, known)
        yield names, spaces
