"""Good and nearly good inputs of each target, from which the fuzzers start."""

import io
import json
import pickle
from functools import cache

import numpy as np

from lookalike.index.attribute_head import AttributeHead
from tests.hostile.make import cases

LARGEST = 4000
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
)
PARAMETERS = (
    "product\n123\nwords\nred shirt\nonly.gender\nMen\nonly.gender\nWomen\nbalance\n0.3\ncount\n7",
    "count\n1e9\nbalance\nnan",
)


@cache
def small_cases():
    return [case for case in cases() if len(case.content) <= LARGEST]


def small_images(kinds=None):
    """The corpus's small files, of those suffixes."""
    return [case.content for case in small_cases() if kinds is None or case.name.rsplit(".", 1)[1] in kinds]


def archive(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def seeds(target):
    """A list of bytes for the target of that name."""
    if target in ("headers", "images", "images_apart"):
        kinds = {
            "headers": None,
            "images": ("jpg", "png", "webp", "gif"),
            "images_apart": ("tif", "bmp", "heic", "avif"),
        }
        return small_images(kinds[target])
    values = (ROWS, list(ROWS), ROWS.tolist(), ROWS.astype(">f8"), ["a/1.jpg", "2.jpg", "ü"], [ROWS[0][0]])
    texts = {
        "manifest": (json.dumps(MANIFEST),),
        "encoder": (json.dumps(ENCODER),),
        "styles": STYLES,
        "parameters": PARAMETERS,
    }
    if target in texts:
        return [text.encode() for text in texts[target]]
    if target == "pickles":
        return [pickle.dumps(value, protocol) for value in values for protocol in range(6)]
    head = AttributeHead({"kind": ("a", "b")}, {"kind": np.ones((7, 2), np.float32)})
    return [archive(fashion=ROWS, color=ROWS[:, :2].copy()), head.to_bytes()]
