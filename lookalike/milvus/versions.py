"""The versions of an index: a small collection NAME_versions that describes each, and an alias that names the current.

A description may be longer than a text in Milvus: it lies there in pieces. It is written last, so that a version that
has one is whole.
"""

import base64
import json
import re
import time
from collections.abc import Sequence
from typing import Any, TypedDict

from lookalike.errors import IndexFileError, ServerError
from lookalike.index.attribute_head import AttributeHead
from lookalike.index.manifest import Manifest, parse_manifest
from lookalike.milvus.layout import MAX_BYTES
from lookalike.milvus.server import ALIAS_NOT_FOUND, COLLECTION_NOT_FOUND, NAME_IN_USE, Milvus, Refused

KEY, VERSION, TEXT, EMPTY = "key", "version", "text", "empty"

# Characters in a piece; they are ASCII, a byte each.
PIECE = 60_000

# The most entities that one query returns; a description has a handful of pieces.
MAX_PIECES = 1000

# A version that is not finished within a day was abandoned.
SECONDS_TO_ABANDON = 86_400

PUBLISH_AGAIN = "Publish the index again: python -m lookalike publish"


class Description(TypedDict):
    """What is recorded of a version.

    Attributes:
        manifest: the index's, {} for a classic pair of pickles.
        folder: the folder of the index, where the app runs; pictures lie below it.
        head: the AttributeHead, None if the index is not tuned.
        made: when the index was written, in seconds since 1970.
        n: how many products it has.
        widths: space → length of its vectors, in the order of the layout.
        columns: the columns of attributes, in the order in which they are listed.
        filters: the columns to filter by, in the order of their fields.
        search_index: one of SEARCH_INDEXES.
        currency: that of the amounts that products are filtered by.
    """

    manifest: Manifest
    folder: str
    head: AttributeHead | None
    made: float
    n: int
    widths: dict[str, int]
    columns: Sequence[str]
    filters: Sequence[str]
    search_index: str
    currency: str


def descriptions_collection(name: str) -> str:
    """Return the name of the collection that describes the versions of the index of that name."""
    return f"{name}_versions"


def current_version(milvus: Milvus) -> str | None:
    """Return the collection that the index's name stands for, None if nothing has been published yet."""
    try:
        collection: str = milvus.call("describe_alias", milvus.address.name)["collection_name"]
        return collection
    except Refused as error:
        if error.code in (ALIAS_NOT_FOUND, COLLECTION_NOT_FOUND):
            return None
        raise


def is_version(collection: str, name: str) -> bool:
    """Return whether a collection is a version of the index of that name."""
    return bool(re.fullmatch(re.escape(name) + "_[0-9a-f]{16}", collection))


def prepare_descriptions(milvus: Milvus) -> None:
    """Create the collection of descriptions if it does not exist, and load it."""
    from pymilvus import DataType, MilvusClient

    collection = descriptions_collection(milvus.address.name)
    fields = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    fields.add_field(KEY, DataType.VARCHAR, is_primary=True, max_length=512)
    fields.add_field(VERSION, DataType.VARCHAR, max_length=512)
    fields.add_field(TEXT, DataType.VARCHAR, max_length=MAX_BYTES)
    # Every collection needs vectors.
    fields.add_field(EMPTY, DataType.FLOAT_VECTOR, dim=2)
    index = MilvusClient.prepare_index_params()
    index.add_index(EMPTY, index_type="FLAT", metric_type="IP")
    milvus.create_collection(collection, schema=fields, num_shards=1)
    milvus.call("create_index", collection, index)
    milvus.call("load_collection", collection, seconds=60)


def write_description(milvus: Milvus, version: str, description: Description) -> None:
    """Record what a version is."""
    head = description["head"]
    encoded = base64.b64encode(head.to_bytes()).decode() if head else None
    text = json.dumps({**description, "head": encoded})
    pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
    entities = [
        {KEY: f"{version}/{place:04}", VERSION: version, TEXT: piece, EMPTY: [0.0, 0.0]}
        for place, piece in enumerate(pieces)
    ]
    milvus.call("upsert", descriptions_collection(milvus.address.name), entities)


def whole_versions(milvus: Milvus) -> set[str]:
    """Return the versions that have a description."""
    found = _query_descriptions(milvus, f'{KEY} like "{milvus.address.name}_%"', [VERSION])
    return {entity[VERSION] for entity in found}


def read_description(milvus: Milvus, version: str) -> Description:
    """Return the description of a version; raises IndexFileError."""
    entities = _query_descriptions(milvus, f'{VERSION} in ["{version}"]', [KEY, TEXT])
    pieces = sorted(entities, key=lambda entity: entity[KEY])
    try:
        stored = json.loads("".join(entity[TEXT] for entity in pieces))
        # A classic pair of pickles has no manifest.
        if stored["manifest"]:
            stored["manifest"] = parse_manifest(json.dumps(stored["manifest"]).encode())
        if stored["head"]:
            stored["head"] = AttributeHead.from_bytes(base64.b64decode(stored["head"]))
        description: Description = stored
        return description
    except (ValueError, KeyError, TypeError):
        raise IndexFileError(
            f"The description of {version} in {milvus.address.server} is damaged or of another version of this "
            f"program. {PUBLISH_AGAIN}"
        ) from None


def switch_to(milvus: Milvus, version: str) -> str | None:
    """Make the index's name stand for the version, at once for all readers.

    Return the version that it replaces, None if there was none; raises ServerError.
    """
    name, before = milvus.address.name, current_version(milvus)
    try:
        milvus.call("alter_alias" if before else "create_alias", version, name)
    except Refused as error:
        if error.code == NAME_IN_USE:
            raise ServerError(
                f"{milvus.address.server} already has a collection named {name}. Choose another name."
            ) from None
        raise
    return before


def drop_versions(milvus: Milvus, current: str, keep: set[str]) -> None:
    """Drop the versions that the current one supersedes and abandoned ones, except those to keep.

    Keep the one just replaced: it may have readers. Versions that other publishers are writing, or have written and
    are about to switch to, are no older than the current one or not whole yet: they stay for a day.
    """
    whole, left = whole_versions(milvus), {current, *keep}
    newest = _created_at(milvus, current) or 0.0
    for collection in milvus.call("list_collections"):
        if not is_version(collection, milvus.address.name) or collection in left:
            continue
        created = _created_at(milvus, collection)
        if created is None:
            continue
        is_abandoned = created > 0 and time.time() - created > SECONDS_TO_ABANDON
        if is_abandoned or (collection in whole and (not created or created < newest)):
            milvus.call("drop_collection", collection)
        else:
            left.add(collection)
    for version in whole - left:
        milvus.call("delete", descriptions_collection(milvus.address.name), filter=f'{VERSION} in ["{version}"]')


def _created_at(milvus: Milvus, collection: str) -> float | None:
    """Return when a collection was created, in seconds since 1970: 0 if unknown, None if it has been dropped."""
    try:
        created: int = milvus.call("describe_collection", collection).get("created_timestamp", 0)
    except Refused as error:
        if error.code == COLLECTION_NOT_FOUND:
            return None
        raise
    # The upper bits of Milvus' timestamps are milliseconds since 1970.
    return (created >> 18) / 1000


def _query_descriptions(milvus: Milvus, expression: str, fields: Sequence[str]) -> list[dict[str, Any]]:
    """Return the pieces that an expression selects; empty if there is no collection of descriptions."""
    try:
        return list(
            milvus.call(
                "query",
                descriptions_collection(milvus.address.name),
                filter=expression,
                output_fields=fields,
                limit=MAX_PIECES,
                consistency_level="Strong",
            )
        )
    except Refused as error:
        if error.code == COLLECTION_NOT_FOUND:
            return []
        raise
