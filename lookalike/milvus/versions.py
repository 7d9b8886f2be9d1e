"""What is written down of each version of an index: a small collection beside them, NAME_versions.

Texts of any length lie there in pieces. A version is whole once it has them: they are written last.
"""

import base64
import json
import re
import time

from lookalike.errors import IndexFileError, ServerError
from lookalike.index.attribute_head import AttributeHead
from lookalike.index.manifest import parse_manifest
from lookalike.milvus.layout import MAX_BYTES
from lookalike.milvus.server import NAME_IN_USE, NO_ALIAS, NOT_FOUND, Refused

KEY, VERSION, TEXT, EMPTY = "key", "version", "text", "empty"

# ASCII, so that letters are bytes.
PIECE = 60_000

# Milvus reads at most so many entities at a time; a description has a handful.
MAX_PIECES = 1000

# A version that nobody finished within a day was given up.
SECONDS_TO_GIVE_UP = 86_400


def collection_of(name):
    return f"{name}_versions"


def current_version(milvus):
    """The collection that the index's name stands for, or None where nothing was published yet."""
    try:
        return milvus.ask("describe_alias", milvus.address.name)["collection_name"]
    except Refused as error:
        if error.code in (NO_ALIAS, NOT_FOUND):
            return None
        raise


def is_version(collection, name):
    """Whether a collection is a version of the index of that name."""
    return bool(re.fullmatch(re.escape(name) + "_[0-9a-f]{16}", collection))


def prepare(milvus):
    """Make the collection of descriptions where there is none, and load it."""
    from pymilvus import DataType, MilvusClient

    collection = collection_of(milvus.address.name)
    fields = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    fields.add_field(KEY, DataType.VARCHAR, is_primary=True, max_length=512)
    fields.add_field(VERSION, DataType.VARCHAR, max_length=512)
    fields.add_field(TEXT, DataType.VARCHAR, max_length=MAX_BYTES)
    # No collection can be without vectors.
    fields.add_field(EMPTY, DataType.FLOAT_VECTOR, dim=2)
    index = MilvusClient.prepare_index_params()
    index.add_index(EMPTY, index_type="FLAT", metric_type="IP")
    milvus.create(collection, schema=fields, num_shards=1)
    milvus.ask("create_index", collection, index)
    milvus.ask("load_collection", collection, seconds=60)


def write(milvus, version, description):
    """Write down what a version is: a dict of what JSON has, its head an AttributeHead or None."""
    head = description["head"]
    encoded = base64.b64encode(head.to_bytes()).decode() if head else None
    text = json.dumps({**description, "head": encoded})
    pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
    entities = [
        {KEY: f"{version}/{place:04}", VERSION: version, TEXT: piece, EMPTY: [0.0, 0.0]}
        for place, piece in enumerate(pieces)
    ]
    milvus.ask("upsert", collection_of(milvus.address.name), entities)


def whole_versions(milvus):
    """The versions that are written down, a set."""
    found = _read(milvus, f'{KEY} like "{milvus.address.name}_%"', [VERSION])
    return {entity[VERSION] for entity in found}


def forget(milvus, version):
    """Take away what is written down of a version."""
    milvus.ask("delete", collection_of(milvus.address.name), filter=f'{VERSION} in ["{version}"]')


def read(milvus, version):
    """What write() wrote down of a version; raises IndexFileError."""
    pieces = sorted(_read(milvus, f'{VERSION} in ["{version}"]', [KEY, TEXT]), key=lambda entity: entity[KEY])
    try:
        description = json.loads("".join(entity[TEXT] for entity in pieces))
        # A classic pair of pickles has no manifest.
        if description["manifest"]:
            description["manifest"] = parse_manifest(json.dumps(description["manifest"]).encode())
        if description["head"]:
            description["head"] = AttributeHead.from_bytes(base64.b64decode(description["head"]))
        return description
    except (ValueError, KeyError, TypeError):
        raise IndexFileError(
            f"What is written down of {version} in {milvus.address.server} is damaged or of another version of this "
            "program. Publish the index again: python -m lookalike publish"
        ) from None


def switch(milvus, version):
    """Let the name stand for the version, from one moment to the next."""
    name = milvus.address.name
    method = "alter_alias" if current_version(milvus) else "create_alias"
    try:
        milvus.ask(method, version, name)
    except Refused as error:
        if error.code == NAME_IN_USE:
            raise ServerError(f"{name} is a collection in {milvus.address.server} already. Choose another.") from None
        raise


def drop_older(milvus, kept):
    """Drop the versions before the one that was just replaced, which readers may still be leaving."""
    whole = whole_versions(milvus)
    for collection in milvus.ask("list_collections"):
        if not is_version(collection, milvus.address.name) or collection in kept:
            continue
        # Another publisher may be at work on what is not whole yet.
        if collection in whole or _is_given_up(milvus, collection):
            milvus.ask("drop_collection", collection)
    for version in whole - kept:
        forget(milvus, version)


def _is_given_up(milvus, collection):
    try:
        created = milvus.ask("describe_collection", collection).get("created_timestamp", 0)
    except Refused as error:
        if error.code == NOT_FOUND:
            return False
        raise
    # The upper bits of Milvus' timestamps are milliseconds since 1970.
    return bool(created) and time.time() - (created >> 18) / 1000 > SECONDS_TO_GIVE_UP


def _read(milvus, expression, fields):
    """The entities of the descriptions that an expression selects, none where there is no such collection."""
    collection, more = collection_of(milvus.address.name), {"limit": MAX_PIECES, "consistency_level": "Strong"}
    try:
        return list(milvus.ask("query", collection, filter=expression, output_fields=fields, **more))
    except Refused as error:
        if error.code == NOT_FOUND:
            return []
        raise
