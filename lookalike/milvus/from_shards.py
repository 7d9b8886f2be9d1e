"""Publishes the Parquet shards that --ray leaves beside an index: their vectors pass through block by block."""

import hashlib
import json
import pickle  # nosec B403 - written, never read
from pathlib import Path

from ..array_pickle import pickled_matrix
from ..attributes import product_id
from ..errors import IndexFileError
from ..index import EMBEDDINGS, FILENAMES, TUNED, load_without_products
from ..index_parts import tuned_by
from ..shards import AGAIN, FOLDER, read_finished, read_shards
from .publishing import Publication, publish


def publish_shards(folder, address, search_index="flat", pictures=None, progress=lambda blocks, **_: blocks):
    """Publish the products of the shards in an index's folder and give the version; raises LookalikeError.

    Manifest, attributes and head are the index's; of its vectors none is read. pictures is where its folder is
    where the app runs.
    """
    index, place = load_without_products(folder), Path(folder, FOLDER)
    shards = read_finished(place)
    made_by = {name: index.manifest.get(name) for name in shards.embedder}
    if made_by != shards.embedder:
        raise IndexFileError(f"The shards in {folder} were made in another way than the index beside them. {AGAIN}.")
    _check_belonging(index, place)
    pictures = str(pictures or index.folder.resolve())
    said = [index.manifest["files"], [shard.sha256 for shard in shards.shards], index.attributes]
    identity = json.dumps([said, pictures], sort_keys=True)
    publication = Publication(index.manifest, pictures, index.attributes, index.head, index.made, identity)
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
