"""The shards of a catalogue: its vectors as Parquet files, readable one after another, with a manifest.

A folder of shards holds shards.json, the manifest, and the Parquet files that it names. Each Parquet file is a run of
the catalogue's files in the catalogue's order, with one row for each:

    name     string          the POSIX path, as in the index
    size     int64           of the file, in bytes
    mtime    int64           its modification time in nanoseconds, 0 if the storage has none
    content  string or null  the SHA-256 of its bytes in hexadecimal digits, null if the next run should try again
    reason   string or null  why it is not a product, null if it is one
    look, fashion, color     fixed_size_list<float, d> or null: its unit vectors, null if it is not a product
"""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lookalike.errors import INDEX_COMMAND, IndexFileError
from lookalike.files import read_regular_file, sha256
from lookalike.types import Matrix, StrPath

FORMAT = 1
SHARDS_FOLDER, SHARDS_MANIFEST = "shards", "shards.json"

# A hundred million products in shards of 512 need at most this.
MAX_MANIFEST_BYTES = 100_000_000

RERUN = f"Run the same {INDEX_COMMAND} --ray again"


@dataclass(frozen=True)
class Shard:
    """One Parquet file: its name, its rows, its SHA-256, and the key of the files it was made from.

    The key is empty if some of those files could not be read, which the next run tries again.
    """

    file: str
    rows: int
    sha256: str
    key: str


@dataclass(frozen=True)
class ShardManifest:
    """What shards.json says.

    Attributes:
        embedder: what made the vectors, as an index's manifest has it.
        key: the embedder's key.
        spaces: space → length of its vectors, look first.
        complete: whether every file is in a shard.
        shards: in the catalogue's order.
        rebuilding: whether this is an unfinished rebuild, which the same command continues.
    """

    embedder: Mapping[str, Any]
    key: str
    spaces: Mapping[str, int]
    complete: bool
    shards: tuple[Shard, ...]
    rebuilding: bool = False

    def to_bytes(self) -> bytes:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False).encode()


def shard_schema(spaces: Mapping[str, int]) -> pa.Schema:
    """Return the columns of a shard, given space → length of its vectors."""
    known = [("name", pa.string()), ("size", pa.int64()), ("mtime", pa.int64())]
    found = [("content", pa.string()), ("reason", pa.string())]
    # Parquet's own name; under another one the same rows would not give the same bytes.
    element = pa.field("element", pa.float32())
    return pa.schema(known + found + [(space, pa.list_(element, width)) for space, width in spaces.items()])


def read_shard_manifest(folder: StrPath) -> ShardManifest | None:
    """Return the manifest of a folder of shards, finished or not, None if it has none; raises IndexFileError."""
    path = Path(folder, SHARDS_MANIFEST)
    try:
        return _parse_shard_manifest(read_regular_file(path, MAX_MANIFEST_BYTES))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IndexFileError(f"{path} cannot be read ({error.strerror}).") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise IndexFileError(f"{path} is damaged or of another version. {RERUN} with --rebuild.") from None


def read_finished(folder: StrPath) -> ShardManifest:
    """Return the manifest of a folder whose shards hold the whole catalogue; raises IndexFileError."""
    manifest = read_shard_manifest(folder)
    if manifest is None:
        raise IndexFileError(f"There are no shards in {folder} ({SHARDS_MANIFEST} is missing). {RERUN}.")
    if not manifest.complete:
        raise IndexFileError(f"The shards in {folder} are not finished. {RERUN}, to the end.")
    return manifest


def read_shards(folder: StrPath) -> Iterator[tuple[list[str], dict[str, Matrix]]]:
    """Yield the products in the catalogue's order, in blocks: m names, and space → float32 (m, d).

    Only one shard at a time is in memory. Raises IndexFileError.
    """
    for table in read_tables(folder):
        products = table.filter(pc.is_null(table["reason"]))
        if len(products):
            yield products["name"].to_pylist(), vectors_of(products)


def read_skipped_files(folder: StrPath) -> Iterator[tuple[str, str]]:
    """Yield (name, reason) of the catalogue's files that are not products; raises IndexFileError."""
    for table in read_tables(folder):
        skipped = table.filter(pc.is_valid(table["reason"]))
        yield from zip(skipped["name"].to_pylist(), skipped["reason"].to_pylist())


def read_tables(folder: StrPath) -> Iterator[pa.Table]:
    """Yield each shard as a table with the columns named above; raises IndexFileError."""
    manifest = read_finished(folder)
    for shard in manifest.shards:
        yield read_shard(folder, manifest, shard)


def read_shard(folder: StrPath, manifest: ShardManifest, shard: Shard) -> pa.Table:
    """Return one shard as a table, checked against the manifest; raises IndexFileError."""
    path = Path(folder, shard.file)
    try:
        content = read_regular_file(path)
    except OSError as error:
        raise IndexFileError(f"{path} cannot be read ({error.strerror}). {RERUN}.") from None
    if sha256(content) != shard.sha256:
        raise IndexFileError(f"{path} is not the file that {SHARDS_MANIFEST} was written with. {RERUN}.")
    try:
        table = pq.read_table(io.BytesIO(content))
        sound = len(table) == shard.rows and table.schema.equals(shard_schema(manifest.spaces)) and _is_whole(table)
    except (pa.ArrowException, OSError, ValueError):
        sound = False
    if not sound:
        raise IndexFileError(f"{path} does not hold what {SHARDS_MANIFEST} says. {RERUN} with --rebuild.")
    return table


def vectors_of(table: pa.Table) -> dict[str, Matrix]:
    """Return the vectors in a table of m products: space → float32 (m, d)."""
    spaces = [name for name in table.column_names if pa.types.is_fixed_size_list(table.schema.field(name).type)]
    columns = {name: table[name].combine_chunks() for name in spaces}
    return {name: column.flatten().to_numpy().reshape(-1, column.type.list_size) for name, column in columns.items()}


def _is_whole(table: pa.Table) -> bool:
    """Return whether every row has a name, and every product, but no other row, a finite vector in each space."""
    products = table.filter(pc.is_null(table["reason"]))
    found = vectors_of(products).values()
    named = table["name"].null_count == 0 and products["content"].null_count == 0
    return named and all(len(rows) == len(products) and bool(np.isfinite(rows).all()) for rows in found)


def _parse_shard_manifest(content: bytes) -> ShardManifest:
    """Return the manifest in those bytes; raises ValueError, TypeError, KeyError or AttributeError."""
    values = json.loads(content.decode("utf-8")) if len(content) <= MAX_MANIFEST_BYTES else {}
    if values.pop("format", None) != FORMAT:
        raise ValueError("it is of another version")
    shards = tuple(Shard(**shard) for shard in values.pop("shards"))
    manifest = ShardManifest(**values, shards=shards)
    texts = [manifest.key, *(text for shard in shards for text in (shard.file, shard.sha256, shard.key))]
    counts = [*manifest.spaces.values(), *(shard.rows for shard in shards)]
    plain = all(type(text) is str for text in texts) and all(type(count) is int and count > 0 for count in counts)
    # A manifest must not lead out of its folder.
    inside = all(Path(shard.file).name == shard.file for shard in shards)
    flags = all(type(flag) is bool for flag in (manifest.complete, manifest.rebuilding))
    if not (plain and inside and flags and type(manifest.embedder) is dict):
        raise ValueError("a value has the wrong type")
    return manifest
