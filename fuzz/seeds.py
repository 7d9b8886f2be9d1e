"""The valid and nearly valid inputs of each target, from which the fuzzers start."""

import gzip
import io
import json
import pickle
from collections.abc import Collection
from functools import cache

import numpy as np

from lookalike.index.attribute_head import AttributeHead
from tests.hostile.make import Case, cases

MAX_SEED_BYTES = 4000
ROWS = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
MANIFEST = {
    "format": 1, "backbone": "toy", "weights": "0" * 64, "preprocessing": {"size": 8, "mean": [0, 0, 0]},
    "pooling": "max", "precision": "f32", "images": "images", "styles": None, "n": 3, "channels": 4,
    "files": {"embeddings.pkl": "0" * 64, "filenames.pkl": "1" * 64},
}  # fmt: skip
ENCODER = {"size": 64, "mean": [0.5, 0.5, 0.5], "std": [1, 1, 1], "layout": "NCHW", "pooling": "max"}
STYLES = (
    'id,gender,baseColour,productDisplayName\n1,Men,Red,Shirt, blue\n2,,NA,"A ""b"" c"\n3,Women\n',
    "\ufeffid;gender\r\n1;Men\r\n",
    "name,id\rx,1\r",
    'id, title, kind\n1.0, "5\\" heel, red", \\N\n2.0,"two\nlines", "x" \n3.0,"Slim" fit,a, b\n',
    ',id,title\n0,a.jpg,"7 inch\n1,b.jpg,x\n2,c.jpg,7"\n',
    "sep=|\n\nID|caf\u00e9\n1|cr\u00e8me\n1|x|\n",
)
PARAMETERS = (
    "product\n123\nwords\nred shirt\nonly.gender\nMen\nonly.gender\nWomen\nbalance\n0.3\ncount\n7",
    "count\n1e9\nbalance\nnan",
)
TEXTS = {"manifest": (json.dumps(MANIFEST),), "encoder": (json.dumps(ENCODER),), "parameters": PARAMETERS}
IMAGE_SUFFIXES: dict[str, tuple[str, ...] | None] = {
    "headers": None,
    "images": ("jpg", "png", "webp", "gif"),
    "sandboxed_images": ("tif", "bmp", "heic", "avif"),
}


def seeds_for(target: str) -> list[bytes]:
    """Return the seeds of the target of that name."""
    if target in IMAGE_SUFFIXES:
        return small_images(IMAGE_SUFFIXES[target])
    if target == "styles":
        others = [STYLES[-1].encode(encoding) for encoding in ("cp1252", "utf-16", "utf-16-be")]
        return [text.encode() for text in STYLES] + others + [gzip.compress(STYLES[0].encode(), mtime=0)]
    if target in TEXTS:
        return [text.encode() for text in TEXTS[target]]
    if target == "pickles":
        values = (ROWS, list(ROWS), ROWS.tolist(), ROWS.astype(">f8"), ["a/1.jpg", "2.jpg", "ü"], [ROWS[0][0]])
        return [pickle.dumps(value, protocol) for value in values for protocol in range(6)]
    head = AttributeHead({"kind": ("a", "b")}, {"kind": np.ones((7, 2), np.float32)})
    archive = io.BytesIO()
    np.savez(archive, fashion=ROWS, color=ROWS[:, :2].copy())
    return [archive.getvalue(), head.to_bytes()]


@cache
def small_cases() -> list[Case]:
    """Return the hostile corpus's files of at most MAX_SEED_BYTES."""
    return [case for case in cases() if len(case.content) <= MAX_SEED_BYTES]


def small_images(suffixes: Collection[str] | None = None) -> list[bytes]:
    """Return the contents of the small files with those suffixes, or of all of them."""
    return [case.content for case in small_cases() if suffixes is None or case.name.rsplit(".", 1)[1] in suffixes]
