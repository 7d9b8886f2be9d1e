"""The shards of a catalogue while they are made: which are missing, from which files, and each on disk once done."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lookalike.errors import CatalogueError, IndexFileError
from lookalike.extraction.pipeline import File, FileResult
from lookalike.files import sha256, write_whole
from lookalike.index.shards import SHARDS_MANIFEST, Shard, ShardManifest, read_shard, read_shard_manifest, shard_schema
from lookalike.types import StrPath

# No shard has more than this many times the average number of files.
MAX_SIZE_RATIO = 4

# A file's name, size and time. Equal ones have equal rows.
FileKey = tuple[str, int, int]


@dataclass(frozen=True)
class Part:
    """A run of the catalogue's files that become one shard.

    Attributes:
        key: changes whenever the name, size or time of any of the files does.
        files: the files in order.
        new: those of them that have no row in any shard yet.
    """

    key: str
    files: tuple[File, ...]
    new: tuple[File, ...]


class ShardFolder:
    """The shards in a folder while one embedder makes them.

    A file keeps its row from an earlier run, in whichever shard it is, while its name, size and time stay the same.

    Args:
        folder: where the shards lie.
        manifest: tells how the embedder makes vectors; its shards are ignored.
        files: the catalogue's files in order.
        shard_size: how many files a shard has on average.
        rebuild: forget the earlier runs, except a rebuild that was stopped, which goes on.

    Attributes:
        todo: the parts whose shards are missing.

    Raises IndexFileError, also if another embedder made the shards there.
    """

    def __init__(
        self, folder: StrPath, manifest: ShardManifest, files: Iterable[File], shard_size: int, rebuild: bool = False
    ) -> None:
        self.folder = Path(folder)
        self._manifest = replace(manifest, complete=False, shards=())
        parts = {_part_key(part): part for part in split_files(files, shard_size)}
        old = self._load_rebuild() if rebuild else self._load_earlier()
        self._order = list(parts)
        self._finished = {shard.key: shard for shard in old if shard.key in parts}
        self._stale = tuple(shard for shard in old if shard.key not in parts)
        self._known = self._find_known_rows()
        self.todo = [
            Part(key, part, tuple(file for file in part if _file_key(file) not in self._known))
            for key, part in parts.items()
            if key not in self._finished
        ]

    @property
    def left(self) -> int:
        """How many files have no row in any shard on disk yet."""
        return sum(len(part.new) for part in self.todo if part.key not in self._finished)

    def save(self, part: Part, fresh: pa.Table) -> None:
        """Write the shard of a part; fresh is the table of the files in part.new, in any order."""
        table = pa.concat_tables([*self._kept_rows(part), fresh])
        places = pc.index_in(pa.array([file.name for file in part.files]), value_set=table["name"].combine_chunks())
        if places.null_count or len(table) != len(part.files):
            raise CatalogueError("A shard came back without all of its files. Run the same command again.")
        buffer = pa.BufferOutputStream()
        pq.write_table(table.take(places).combine_chunks(), buffer, use_dictionary=False)
        content = buffer.getvalue().to_pybytes()
        digest = sha256(content)
        # The next run retries a file that could not be read, and would skip a shard that has its part's key.
        key = "" if table["content"].null_count else part.key
        self._finished[part.key] = shard = Shard(f"{digest[:16]}.parquet", len(part.files), digest, key)
        with self._writing():
            write_whole(self.folder / shard.file, content)
            self._write_manifest(complete=False)

    def reload(self) -> None:
        """Forget what is not on disk: Ctrl-C may have come between making and writing a shard."""
        manifest = read_shard_manifest(self.folder)
        files = {shard.file for shard in manifest.shards} if manifest else set()
        self._finished = {key: shard for key, shard in self._finished.items() if shard.file in files}

    def finish(self) -> None:
        """Record that all shards are there, and delete those that they replace."""
        if self._was_complete and not (self.todo or self._stale):
            return
        with self._writing():
            self._manifest = replace(self._manifest, rebuilding=False)
            self._write_manifest(complete=True)
            used = {shard.file for shard in self._finished.values()}
            for path in self.folder.iterdir():
                # A killed run leaves temporary files.
                if path.name not in used and (".parquet" in path.name or path.suffix == ".new"):
                    path.unlink()

    def _load_earlier(self) -> list[Shard]:
        """Return the whole shards of earlier runs."""
        old = read_shard_manifest(self.folder)
        self._was_complete = bool(old and old.complete)
        if old is None:
            return []
        if not self._is_ours(old):
            raise IndexFileError(
                f"{self.folder} holds the work of another backbone or precision ({old.embedder.get('backbone')} in "
                f"{old.embedder.get('precision')}), or of another version of Lookalike. Choose another --output, or "
                "drop that work with --rebuild."
            )
        self._manifest = replace(self._manifest, rebuilding=old.rebuilding)
        return self._whole_shards(old)

    def _load_rebuild(self) -> list[Shard]:
        """Return the whole shards of a rebuild that was stopped; empty if the last run was no rebuild."""
        try:
            old = read_shard_manifest(self.folder)
        except IndexFileError:  # damaged: --rebuild replaces it
            old = None
        self._was_complete = False
        self._manifest = replace(self._manifest, rebuilding=True)
        return self._whole_shards(old) if old and old.rebuilding and self._is_ours(old) else []

    def _is_ours(self, old: ShardManifest) -> bool:
        return (old.key, old.spaces) == (self._manifest.key, self._manifest.spaces)

    def _whole_shards(self, old: ShardManifest) -> list[Shard]:
        return [shard for shard in old.shards if self._is_whole(shard)]

    def _is_whole(self, shard: Shard) -> bool:
        try:
            read_shard(self.folder, self._manifest, shard)
        except IndexFileError:
            return False
        return True

    def _find_known_rows(self) -> dict[FileKey, tuple[Shard, int]]:
        """Return where the rows in the stale shards are: the key of a file → (shard, place in it)."""
        known = {}
        for shard in self._stale:
            table = read_shard(self.folder, self._manifest, shard)
            columns = (table[name].to_pylist() for name in ("name", "size", "mtime", "content"))
            for place, (name, size, mtime, content) in enumerate(zip(*columns)):
                if content:
                    known[name, size, mtime] = (shard, place)
        return known

    def _kept_rows(self, part: Part) -> list[pa.Table]:
        """Return tables with the rows of a part that earlier shards have."""
        places: dict[Shard, list[int]] = {}
        for file in set(part.files) - set(part.new):
            shard, place = self._known[_file_key(file)]
            places.setdefault(shard, []).append(place)
        return [read_shard(self.folder, self._manifest, shard).take(rows) for shard, rows in places.items()]

    def _write_manifest(self, complete: bool) -> None:
        shards = [self._finished[key] for key in self._order if key in self._finished]
        # A stopped run still needs the stale shards: list them until the last new one is there.
        shards += [] if complete else self._stale
        self._manifest = replace(self._manifest, complete=complete, shards=tuple(shards))
        write_whole(self.folder / SHARDS_MANIFEST, self._manifest.to_bytes())

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Make the folder; turn an OSError in this block into an IndexFileError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise IndexFileError(
                f"The shards could not be written to {self.folder} ({error.strerror}); finished ones are kept. "
                "Make room or choose another folder with --output, then run the same command again."
            ) from None


def results_table(results: Sequence[FileResult], spaces: Mapping[str, int]) -> pa.Table:
    """Return the rows of a shard for processed files; spaces is a dict from space to its width."""
    types = shard_schema(spaces)
    rows = np.zeros((len(results), sum(spaces.values())), np.float32)
    for place, result in enumerate(results):
        if result.row is not None:
            rows[place] = result.row
    missing = pa.array([result.row is None for result in results], pa.bool_())
    files = [result.file for result in results]
    columns: list[list[str | int | None]] = [
        [file.name for file in files],
        [file.stamp.size for file in files],
        [file.stamp.mtime for file in files],
        [result.content for result in results],
        [result.reason for result in results],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, types)]
    parts = np.split(rows, np.cumsum(list(spaces.values()))[:-1], axis=1)
    arrays += [
        pa.FixedSizeListArray.from_arrays(pa.array(part.ravel()), type=types.field(space).type, mask=missing)
        for space, part in zip(spaces, parts)
    ]
    return pa.table(arrays, schema=types)


def split_files(files: Iterable[File], size: int) -> Iterator[tuple[File, ...]]:
    """Yield runs of about size files. Names alone decide where a run ends, so that a new file moves no other."""
    run = []
    for file in files:
        run.append(file)
        if _ends_run(file.name, size) or len(run) == MAX_SIZE_RATIO * size:
            yield tuple(run)
            run = []
    if run:
        yield tuple(run)


def _ends_run(name: str, size: int) -> bool:
    return int(sha256(name.encode())[:16], 16) % size == 0


def _file_key(file: File) -> FileKey:
    return file.name, file.stamp.size, file.stamp.mtime


def _part_key(files: Sequence[File]) -> str:
    return sha256(json.dumps([_file_key(file) for file in files]).encode())[:32]
