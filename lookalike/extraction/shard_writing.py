"""Makes the shards of a catalogue: which are still to be made, from which files, and each on disk when it is done."""

import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lookalike.errors import CatalogueError, IndexFileError
from lookalike.index.shards import MANIFEST, Shard, read_manifest, read_shard, schema

# No shard has more than this many times the files that it should have on average.
LONGEST = 4


@dataclass(frozen=True)
class Part:
    """A run of the catalogue's Files that become one shard, its key, and those of them that no shard has yet."""

    key: str
    files: tuple
    new: tuple


class ShardFolder:
    """The shards in a folder while they are made by one embedder, for which manifest stands.

    A file whose name, size and time are those of an earlier run keeps its row, in whichever shard it is.
    rebuild forgets the earlier runs, but for a rebuild that was stopped, which goes on. Raises IndexFileError, also
    where another embedder made what is there.
    """

    def __init__(self, folder, manifest, files, shard_size, rebuild=False):
        self.folder = Path(folder)
        self._manifest = replace(manifest, complete=False, shards=())
        parts = [(part, _key(part)) for part in cut(files, shard_size)]
        old = self._of_rebuild() if rebuild else self._old()
        self._order = [key for _, key in parts]
        keys = set(self._order)
        self._finished = {shard.key: shard for shard in old if shard.key in keys}
        self._stale = tuple(shard for shard in old if shard.key not in keys)
        self._known = self._known_rows()
        todo = [(part, key) for part, key in parts if key not in self._finished]
        self.todo = [Part(key, part, tuple(f for f in part if _row(f) not in self._known)) for part, key in todo]

    @property
    def left(self):
        """How many files no shard on disk has yet."""
        return sum(len(part.new) for part in self.todo if part.key not in self._finished)

    def save(self, part, fresh):
        """Put the shard of a Part on disk; fresh is the table of the files in part.new, in any order."""
        table = pa.concat_tables([*self._kept(part), fresh])
        places = pc.index_in(pa.array([file.name for file in part.files]), value_set=table["name"].combine_chunks())
        if places.null_count or len(table) != len(part.files):
            raise CatalogueError("A shard came back without all of its files. Run the same command again.")
        buffer = pa.BufferOutputStream()
        pq.write_table(table.take(places).combine_chunks(), buffer, use_dictionary=False)
        content = buffer.getvalue().to_pybytes()
        digest = hashlib.sha256(content).hexdigest()
        # A file that could not be read is tried again, which a shard that is known by its key would prevent.
        key = "" if table["content"].null_count else part.key
        self._finished[part.key] = shard = Shard(f"{digest[:16]}.parquet", len(part.files), digest, key)
        with self._disk():
            _write(self.folder / shard.file, content)
            self._write_manifest(complete=False)

    def read_again(self):
        """Know what is on disk and nothing else: Ctrl-C may have come between knowing and writing."""
        manifest = read_manifest(self.folder)
        files = {shard.file for shard in manifest.shards} if manifest else ()
        self._finished = {key: shard for key, shard in self._finished.items() if shard.file in files}

    def finish(self):
        """Say that all shards are there, and drop what they replace."""
        if self._was_complete and not (self.todo or self._stale):
            return
        with self._disk():
            self._manifest = replace(self._manifest, rebuilding=False)
            self._write_manifest(complete=True)
            used = {shard.file for shard in self._finished.values()}
            for path in self.folder.glob("*.parquet*"):
                if path.name not in used:
                    path.unlink()

    def _old(self):
        """The shards of earlier runs that are whole."""
        old = read_manifest(self.folder)
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
        return [shard for shard in old.shards if self._is_whole(shard)]

    def _of_rebuild(self):
        """The whole shards of a rebuild that was stopped; none where the last run was no rebuild, or saved nothing."""
        try:
            old = read_manifest(self.folder)
        except IndexFileError:  # damaged, which --rebuild is there to mend
            old = None
        self._was_complete = False
        self._manifest = replace(self._manifest, rebuilding=True)
        if old and old.rebuilding and self._is_ours(old):
            return [shard for shard in old.shards if self._is_whole(shard)]
        return []

    def _is_ours(self, old):
        return (old.key, old.spaces) == (self._manifest.key, self._manifest.spaces)

    def _is_whole(self, shard):
        try:
            read_shard(self.folder, self._manifest, shard)
        except IndexFileError:
            return False
        return True

    def _known_rows(self):
        """Where the row of each file of the stale shards is: (name, size, mtime) → (shard, number)."""
        known = {}
        for shard in self._stale:
            table = read_shard(self.folder, self._manifest, shard)
            columns = (table[name].to_pylist() for name in ("name", "size", "mtime", "content"))
            for number, (*row, content) in enumerate(zip(*columns)):
                if content:
                    known[tuple(row)] = (shard, number)
        return known

    def _kept(self, part):
        """The rows of a Part that earlier shards have, as tables."""
        numbers = {}
        for file in set(part.files) - set(part.new):
            shard, number = self._known[_row(file)]
            numbers.setdefault(shard, []).append(number)
        return [read_shard(self.folder, self._manifest, shard).take(rows) for shard, rows in numbers.items()]

    def _write_manifest(self, complete):
        shards = [self._finished[key] for key in self._order if key in self._finished]
        # Until the last shard is there, what an interrupted run may still need stays known.
        shards += [] if complete else self._stale
        self._manifest = replace(self._manifest, complete=complete, shards=tuple(shards))
        _write(self.folder / MANIFEST, self._manifest.to_bytes())

    @contextmanager
    def _disk(self):
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            yield
        except OSError as error:
            raise IndexFileError(
                f"The shards could not be written to {self.folder} ({error.strerror}); finished ones are kept. "
                "Make room or choose another folder with --output, then run the same command again."
            ) from None


def table_of(finished, spaces):
    """The rows of a list of Done as a pyarrow.Table, for a dict from space to its width."""
    types = schema(spaces)
    rows = np.zeros((len(finished), sum(spaces.values())), np.float32)
    missing = np.array([done.row is None for done in finished], bool)
    for place, done in enumerate(finished):
        if done.row is not None:
            rows[place] = done.row
    files = [done.file for done in finished]
    columns = [[file.name for file in files], [file.stamp.size for file in files], [file.stamp.mtime for file in files]]
    columns += [[done.content for done in finished], [done.reason for done in finished]]
    parts = np.split(rows, np.cumsum(list(spaces.values()))[:-1], axis=1)
    columns += [
        pa.FixedSizeListArray.from_arrays(pa.array(part.ravel()), type=types.field(space).type, mask=pa.array(missing))
        for space, part in zip(spaces, parts)
    ]
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, types)], schema=types)


def _row(file):
    return file.name, file.stamp.size, file.stamp.mtime


def _key(part):
    return hashlib.sha256(json.dumps([_row(file) for file in part]).encode()).hexdigest()[:32]


def _write(path, content):
    """Write beside and rename, down to the disk."""
    beside = path.with_name(path.name + ".new")
    with open(beside, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def cut(files, size):
    """Yield runs of Files, of about size each. Ends hang on the names there, so that a new file moves no others."""
    part = []
    for file in files:
        part.append(file)
        if _ends(file.name, size) or len(part) == LONGEST * size:
            yield tuple(part)
            part = []
    if part:
        yield tuple(part)


def _ends(name, size):
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % size == 0
