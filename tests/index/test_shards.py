"""Shards without a cluster: they are written, read back, and reused by later runs."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lookalike.errors import CatalogueError, IndexFileError
from lookalike.extraction.shard_writing import MAX_SIZE_RATIO, ShardFolder, results_table, split_files
from lookalike.index.shards import (
    SHARDS_MANIFEST,
    read_shard_manifest,
    read_shards,
    read_skipped_files,
    read_tables,
    shard_schema,
)
from tests.support.toy_shards import MADE_BY, SPACES, files, make, names, process, row


def test_products_come_back_in_order_with_their_vectors_and_skipped_files_with_their_reasons(tmp_path):
    assert len(make(tmp_path, files(50))) == 50
    good = [n for n in range(50) if n % 10 and n != 13]
    blocks = list(read_shards(tmp_path))
    assert len(blocks) > 2 and [name for block, _ in blocks for name in block] == [f"{n:03}.jpg" for n in good]
    rows = np.concatenate([np.concatenate(list(vectors.values()), axis=1) for _, vectors in blocks])
    np.testing.assert_array_equal(rows, [row(n) for n in good])
    assert list(blocks[0][1]) == list(SPACES) and blocks[0][1]["fashion"].dtype == np.float32
    bad = [f"{n:03}.jpg" for n in (0, 10, 13, 20, 30, 40)]
    assert list(read_skipped_files(tmp_path)) == [(name, "It is damaged.") for name in bad]
    for table in read_tables(tmp_path):
        assert table.schema == shard_schema(SPACES)
        assert table["look"].null_count == table["reason"].is_valid().to_numpy().sum()


def test_any_parquet_reader_reads_them(tmp_path):
    make(tmp_path, files(9))
    manifest = json.loads((tmp_path / SHARDS_MANIFEST).read_text())
    tables = [pq.read_table(tmp_path / shard["file"]) for shard in manifest["shards"]]
    assert pa.concat_tables(tables)["name"].to_pylist() == [file.name for file in files(9)]
    assert manifest["format"] == 1 and manifest["complete"] and manifest["spaces"] == SPACES


def test_a_stopped_run_is_continued_and_writes_the_same_files(tmp_path):
    assert make(tmp_path / "once", files(60)) and make(tmp_path / "twice", files(60), stop_after=2)
    assert not read_shard_manifest(tmp_path / "twice").complete
    with pytest.raises(IndexFileError, match=r"are not finished\. Run the same python -m lookalike index --ray again"):
        names(tmp_path / "twice")
    done = sum(shard.rows for shard in read_shard_manifest(tmp_path / "twice").shards if shard.key)
    assert 0 < done <= 60 - len(make(tmp_path / "twice", files(60))) + 1
    contents = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("once", "twice")]
    assert contents[0] == contents[1]


def test_only_unreadable_files_are_tried_again(tmp_path):
    make(tmp_path, files(60))
    before = {path.name for path in tmp_path.iterdir()}
    assert [file.name for file in make(tmp_path, files(60))] == ["013.jpg"]
    assert {path.name for path in tmp_path.iterdir()} == before


def test_only_new_and_changed_files_are_embedded_and_old_shards_are_removed(tmp_path):
    make(tmp_path, files(60))
    before = {shard.file for shard in read_shard_manifest(tmp_path).shards}
    changed = [file for file in files(64, n005=8) if file.name != "033.jpg"]
    assert {file.name[:3] for file in make(tmp_path, changed)} == {"005", "013", "060", "061", "062", "063"}
    after = {shard.file for shard in read_shard_manifest(tmp_path).shards}
    assert names(tmp_path) == [f"{n:03}.jpg" for n in range(64) if n % 10 and n not in (13, 33)]
    assert {path.name for path in tmp_path.iterdir()} == {*after, SHARDS_MANIFEST} and before & after


def test_shards_of_another_size_reuse_the_old_rows(tmp_path):
    make(tmp_path, files(60))
    assert [file.name for file in make(tmp_path, files(60), size=20)] == ["013.jpg"]
    assert len(names(tmp_path)) == 53


def test_a_rebuild_embeds_every_file_again(tmp_path):
    make(tmp_path, files(20))
    assert len(make(tmp_path, files(20), rebuild=True)) == 20


def test_a_stopped_rebuild_is_continued_if_it_has_saved_something(tmp_path):
    every = {file.name for file in files(60)}
    make(tmp_path, files(60))
    assert make(tmp_path, files(60), stop_after=0, rebuild=True) == [] and len(names(tmp_path)) == 53
    first, rest = (
        {file.name for file in make(tmp_path, files(60), stop_after=stop, rebuild=True)} for stop in (2, None)
    )
    assert first and rest - first and first | rest == every and first & rest <= {"013.jpg"}
    assert len(names(tmp_path)) == 53
    assert len(make(tmp_path, files(60), rebuild=True)) == 60


def test_a_stopped_rebuild_is_continued_without_the_option_too(tmp_path):
    make(tmp_path, files(60))
    first = make(tmp_path, files(60), stop_after=2, rebuild=True)
    assert len(make(tmp_path, files(60))) in (60 - len(first), 61 - len(first))
    assert len(make(tmp_path, files(60), rebuild=True)) == 60


def test_a_rebuild_replaces_a_manifest_that_cannot_be_read(tmp_path):
    make(tmp_path, files(60), stop_after=2, rebuild=True)
    (tmp_path / SHARDS_MANIFEST).write_bytes(b"{")
    assert len(make(tmp_path, files(60), rebuild=True)) == 60 and len(names(tmp_path)) == 53


def test_names_alone_decide_where_shards_end():
    many = files(4000)
    parts = list(split_files(many, 32))
    assert [file for part in parts for file in part] == many
    assert max(map(len, parts)) <= MAX_SIZE_RATIO * 32 and 20 < 4000 / len(parts) < 50
    fewer = set(split_files(many[1:], 32))
    assert len(fewer - set(parts)) <= 3


def test_vectors_of_another_embedder_are_never_mixed_in(tmp_path):
    make(tmp_path, files(20))
    other = replace(MADE_BY, key="f" * 16)
    with pytest.raises(IndexFileError, match=r"another backbone or precision \(toy in f32\), or of another version"):
        ShardFolder(tmp_path, other, files(20), 8)
    assert len(ShardFolder(tmp_path, other, files(20), 8, rebuild=True).todo[0].new)
    assert len(names(tmp_path)) == 17


def test_a_shard_without_all_of_its_files_is_not_kept(tmp_path):
    shards = ShardFolder(tmp_path, MADE_BY, files(20), 100)
    with pytest.raises(CatalogueError, match="without all of its files"):
        shards.save(shards.todo[0], results_table(list(process(files(19))), SPACES))
    assert read_shard_manifest(tmp_path) is None


def test_shards_that_ctrl_c_kept_from_the_manifest_do_not_count_as_saved(tmp_path):
    """An older manifest stands for one that the second shard had not reached."""
    shards, before = ShardFolder(tmp_path, MADE_BY, files(60), 8), []
    for part in shards.todo[:2]:
        shards.save(part, results_table(list(process(part.new)), SPACES))
        before.append((tmp_path / SHARDS_MANIFEST).read_bytes())
    assert shards.left == 60 - len(shards.todo[0].files) - len(shards.todo[1].files)
    (tmp_path / SHARDS_MANIFEST).write_bytes(before[0])
    shards.reload()
    assert shards.left == 60 - len(shards.todo[0].files)
    (tmp_path / SHARDS_MANIFEST).unlink()
    shards.reload()
    assert shards.left == 60


def test_a_folder_that_cannot_be_written_is_refused_with_a_sentence(tmp_path):
    (tmp_path / "shards").symlink_to("/proc/nowhere")
    shards = ShardFolder(tmp_path / "shards", MADE_BY, files(5), 100)
    with pytest.raises(IndexFileError, match=r"could not be written .* finished ones are kept\. Make room"):
        shards.save(shards.todo[0], results_table(list(process(files(5))), SPACES))
