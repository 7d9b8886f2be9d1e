"""The shards of a catalogue: its vectors as Parquet files, readable one after the other, with a manifest.

A folder of shards holds shards.json, the manifest, and the Parquet files that it names. Each file is a run of the
catalogue's files in the catalogue's order, a row each:

    name     string          the POSIX path, as in the index
    size     int64           of the file, in bytes
    mtime    int64           its modification time in nanoseconds, 0 where the storage knows none
    content  string or null  the SHA-256 of its bytes in hexadecimal digits, null where the next run is to try again
    reason   string or null  why it is no product, null where it is one
    look, fashion, color     fixed_size_list<float, d> or null: its unit vectors, null where it is no product
"""

import hashlib
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lookalike.errors import IndexFileError

FORMAT = 1

FOLDER, MANIFEST = "shards", "shards.json"

# A hundred million products in shards of 512 need this much at most.
MAX_BYTES = 100_000_000

AGAIN = "Run the same extract_features.py --ray again"


@dataclass(frozen=True)
class Shard:
    """One file of the folder: its name, rows, SHA-256, and the key of the files it was made from.

    The key is empty where some of them could not be read, which the next run tries again.
    """

    file: str
    rows: int
    sha256: str
    key: str


@dataclass(frozen=True)
class Manifest:
    """What shards.json says: what made the vectors, as an index's manifest has it, with the embedder's key;
    a dict from space to its width, look first; whether every file is in; the shards in the catalogue's order;
    whether this is a rebuild on its way, which the same command goes on with.
    """

    embedder: dict
    key: str
    spaces: dict
    complete: bool
    shards: tuple
    rebuilding: bool = False

    def to_bytes(self):
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False).encode()


def schema(spaces):
    """The columns of a shard, for a dict from space to its width."""
    known = [("name", pa.string()), ("size", pa.int64()), ("mtime", pa.int64())]
    found = [("content", pa.string()), ("reason", pa.string())]
    # As Parquet calls it; under another name the same rows would not give the same bytes.
    element = pa.field("element", pa.float32())
    return pa.schema(known + found + [(space, pa.list_(element, width)) for space, width in spaces.items()])


def read_manifest(folder):
    """The Manifest of a folder of shards, finished or not, or None where there is none; raises IndexFileError."""
    path = Path(folder, MANIFEST)
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IndexFileError(f"{path} cannot be read ({error.strerror}).") from None
    try:
        return _parsed(content)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise IndexFileError(f"{path} is damaged or of another version. {AGAIN} with --rebuild.") from None


def read_finished(folder):
    """The Manifest of a folder whose shards hold the whole catalogue; raises IndexFileError."""
    manifest = read_manifest(folder)
    if manifest is None:
        raise IndexFileError(f"There are no shards in {folder} ({MANIFEST} is missing). {AGAIN}.")
    if not manifest.complete:
        raise IndexFileError(f"The shards in {folder} are not all made yet. {AGAIN}, to the end.")
    return manifest


def read_shards(folder):
    """Yield the products in the catalogue's order, a block at a time: a list of names, and a dict from space
    to float32 (m, d). Memory for one shard is all it takes. Raises IndexFileError.
    """
    for table in read_tables(folder):
        products = table.filter(pc.is_null(table["reason"]))
        if len(products):
            yield products["name"].to_pylist(), vectors(products)


def read_skipped(folder):
    """Yield (name, reason) of the catalogue's files that are no products; raises IndexFileError."""
    for table in read_tables(folder):
        skipped = table.filter(pc.is_valid(table["reason"]))
        yield from zip(skipped["name"].to_pylist(), skipped["reason"].to_pylist())


def read_tables(folder):
    """Yield each shard as a pyarrow.Table with the columns named above; raises IndexFileError."""
    manifest = read_finished(folder)
    for shard in manifest.shards:
        yield read_shard(folder, manifest, shard)


def read_shard(folder, manifest, shard):
    """One shard as a pyarrow.Table, checked against the manifest; raises IndexFileError."""
    path = Path(folder, shard.file)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise IndexFileError(f"{path} cannot be read ({error.strerror}). {AGAIN}.") from None
    if hashlib.sha256(content).hexdigest() != shard.sha256:
        raise IndexFileError(f"{path} is not the file that {MANIFEST} was written with. {AGAIN}.")
    try:
        table = pq.read_table(io.BytesIO(content))
        fits = len(table) == shard.rows and table.schema.equals(schema(manifest.spaces)) and _is_whole(table)
    except (pa.ArrowException, OSError, ValueError):
        fits = False
    if not fits:
        raise IndexFileError(f"{path} does not hold what {MANIFEST} says. {AGAIN} with --rebuild.")
    return table


def vectors(table):
    """A dict from space to float32 (m, d), of a table of products."""
    columns = {name: table[name].combine_chunks() for name in table.column_names if _is_space(table, name)}
    return {name: column.flatten().to_numpy().reshape(-1, column.type.list_size) for name, column in columns.items()}


def _is_space(table, name):
    return pa.types.is_fixed_size_list(table.schema.field(name).type)


def _is_whole(table):
    """Whether every row has a name, and every product, and nothing else, a finite vector in each space."""
    products = table.filter(pc.is_null(table["reason"]))
    found = vectors(products).values()
    named = table["name"].null_count == 0 and products["content"].null_count == 0
    return named and all(len(rows) == len(products) and np.isfinite(rows).all() for rows in found)


def _parsed(content):
    """The Manifest in those bytes, its types checked; raises ValueError, TypeError, KeyError or AttributeError."""
    said = json.loads(content.decode("utf-8")) if len(content) <= MAX_BYTES else {}
    if said.pop("format", None) != FORMAT:
        raise ValueError("it is of another version")
    shards = tuple(Shard(**shard) for shard in said.pop("shards"))
    manifest = Manifest(**said, shards=shards)
    texts = [manifest.key, *(text for shard in shards for text in (shard.file, shard.sha256, shard.key))]
    counts = [*manifest.spaces.values(), *(shard.rows for shard in shards)]
    plain = all(type(text) is str for text in texts) and all(type(count) is int and count > 0 for count in counts)
    # A manifest must not lead out of its folder.
    inside = all(Path(shard.file).name == shard.file for shard in shards)
    flags = all(type(flag) is bool for flag in (manifest.complete, manifest.rebuilding))
    if not (plain and inside and flags and type(manifest.embedder) is dict):
        raise ValueError("what it says is of the wrong kind")
    return manifest
