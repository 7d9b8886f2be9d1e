"""Damaged or lying shards are refused with a sentence, and made again if that is enough."""

import hashlib
import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lookalike.errors import IndexFileError
from lookalike.index.shards import SHARDS_MANIFEST, read_finished, read_shard_manifest
from tests.support.toy_shards import files, make, names


@pytest.mark.parametrize("damage", ["cut", "bit", "gone"])
def test_a_damaged_shard_is_refused_and_made_again(tmp_path, damage):
    make(tmp_path, files(60))
    path = tmp_path / read_shard_manifest(tmp_path).shards[1].file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink() if damage == "gone" else path.write_bytes(content if damage == "bit" else content[:-9])
    with pytest.raises(IndexFileError, match="Run the same python -m lookalike index --ray again"):
        names(tmp_path)
    assert len(make(tmp_path, files(60))) > 1
    assert len(names(tmp_path)) == 53


@pytest.mark.parametrize("column", ["name", "look", "content", "size"])
def test_a_shard_is_checked_even_if_its_manifest_vouches_for_it(tmp_path, column):
    make(tmp_path, files(9), size=100)
    manifest = read_finished(tmp_path)
    table = pq.read_table(tmp_path / manifest.shards[0].file)
    other = table["size"].cast(pa.string()) if column == "size" else pa.nulls(len(table), table[column].type)
    buffer = pa.BufferOutputStream()
    pq.write_table(table.set_column(table.column_names.index(column), column, other), buffer)
    content = buffer.getvalue().to_pybytes()
    (tmp_path / "bad.parquet").write_bytes(content)
    shard = replace(manifest.shards[0], file="bad.parquet", sha256=hashlib.sha256(content).hexdigest())
    (tmp_path / SHARDS_MANIFEST).write_bytes(replace(manifest, shards=(shard,)).to_bytes())
    with pytest.raises(IndexFileError, match="does not hold what shards.json says"):
        names(tmp_path)


def manifest_text(**changed):
    sound = {"format": 1, "embedder": {}, "key": "", "spaces": {"look": 3}, "complete": True, "shards": []}
    return json.dumps({**sound, **changed})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        "[" * 100_000,
        '{"format": 2}',
        manifest_text(spaces={"look": -1}),
        manifest_text(spaces=[]),
        manifest_text(complete=1),
        manifest_text(embedder="toy"),
        manifest_text(key=None),
        manifest_text(more=1),
        manifest_text(shards=[{"file": "a"}]),
        manifest_text(shards=[{"file": "../a", "rows": 1, "sha256": "", "key": ""}]),
    ],
)
def test_a_manifest_with_wrong_values_is_refused(tmp_path, text):
    (tmp_path / SHARDS_MANIFEST).write_text(text)
    with pytest.raises(IndexFileError, match=r"shards.json is damaged or of another version\. .* --rebuild"):
        read_shard_manifest(tmp_path)


def test_a_folder_without_shards_says_how_to_make_them(tmp_path):
    assert read_shard_manifest(tmp_path) is None
    with pytest.raises(IndexFileError, match="There are no shards in .* Run the same .* index --ray again"):
        names(tmp_path)
