"""Paths or addresses → shards → index, on the machines of a Ray cluster; work done is never done again."""

import time
from contextlib import closing
from pathlib import Path

import numpy as np

from .attributes import readable
from .checkpoint import Checkpoint
from .description import describe, recorded
from .errors import CatalogueError
from .index import stored_name
from .indexing import Interrupted, Report, finishing, write_index
from .ray_pool import check_ray, cluster, embedded, settled
from .shard_writing import ShardFolder, table_of
from .shards import FOLDER, read_shards, read_skipped
from .storage import Storage


def build_index_on_ray(
    images,
    output,
    address,
    recipe,
    backbone,
    styles=None,
    shard_size=512,
    cores=1,
    progress=lambda items, **counts: items,
    rebuild=False,
):
    """Index the images of a folder or an address into the folder output, as build_index does, and return a Report.

    address is where Ray is, or local; a shard is what of the work can be lost at once, of about shard_size
    files. Raises CatalogueError, WeightsError, IndexFileError, or Interrupted.
    """
    start = time.perf_counter()
    check_ray()
    storage = Storage(images)
    files = storage.find(output)
    _check_names(files)
    with cluster(address):
        recipe, manifest = settled(recipe, cores)
        made_by = {**manifest.embedder, "images": recorded(_stored(storage, output))}
        description = describe(made_by, backbone, styles, output)
        # Holds the output against every other run, on one machine or many.
        with closing(Checkpoint(output, manifest.key, rebuild)) as checkpoint:
            shards = ShardFolder(Path(output, FOLDER), manifest, files, shard_size, rebuild)
            count, unreadable = _work(files, shards, recipe, storage, manifest, progress)
            if unreadable:  # a folder that went away, or its disk, must not empty the index
                storage.find(output)
            with finishing(len(files)):
                shards.finish()
                indexed, skipped = _index(output, description, manifest)
                checkpoint.finish()
    seconds = time.perf_counter() - start
    return Report(len(files), indexed, count, skipped, seconds, backbone.name, recipe.precision)


def _check_names(files):
    for file in files:
        if file.name != (shown := readable(file.name)):
            raise CatalogueError(
                f"The name {shown} is no UTF-8, which shards cannot hold. Rename the file, or leave --ray out."
            )


def _work(files, shards, recipe, storage, manifest, progress):
    """Make every shard that is not there; how many files were embedded, and whether any could not be
    read. Raises Interrupted."""
    count, unreadable = 0, False
    try:
        with closing(_made(shards, recipe, storage, manifest)) as finished:
            for content, reason in progress(finished, total=len(files), initial=len(files) - shards.left):
                count += reason is None
                unreadable |= content is None
    except KeyboardInterrupt:
        shards.read_again()
        raise Interrupted(
            f"Stopped. {len(files) - shards.left} of {len(files)} images are done and saved; "
            "run the same command again to go on."
        ) from None
    return count, unreadable


def _made(shards, recipe, storage, manifest):
    """Make the shards, and yield (content, reason) of each file that was looked at once its shard is on disk."""
    for part in shards.todo:
        if not part.new:  # files are gone, or fall into other shards
            shards.save(part, table_of([], manifest.spaces))
    parts = [part for part in shards.todo if part.new]
    for part, table in embedded(parts, recipe, storage, manifest) if parts else ():
        shards.save(part, table)
        yield from zip(table["content"].to_pylist(), table["reason"].to_pylist())


def _index(output, description, manifest):
    """Turn the shards into the ordinary index: how many products it has, and the (name, reason) of the others."""
    folder = Path(output, FOLDER)
    names = [name for block, _ in read_shards(folder) for name in block]
    skipped = tuple(read_skipped(folder))
    widths = {space: width for space, width in manifest.spaces.items() if space != "look"}
    blocks = (np.concatenate(list(spaces.values()), axis=1) for _, spaces in read_shards(folder))
    write_index(output, blocks, names, skipped, description, widths)
    return len(names), skipped


def _stored(storage, output):
    return stored_name(storage.folder, output) if storage.folder else storage.shown
