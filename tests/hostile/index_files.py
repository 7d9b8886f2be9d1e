"""A small index with every file that one can have, and ways to spoil it."""

import hashlib
import json

import numpy as np
import pytest

from lookalike.errors import IndexFileError
from lookalike.index.attribute_head import AttributeHead
from lookalike.index.reading import load_index
from lookalike.index.writing import save_head, save_index

RANDOM = np.random.default_rng(0)
LOOK, FASHION, COLOR = (RANDOM.random((6, width), np.float32) for width in (4, 3, 2))
NAMES = [f"images/{number}.jpg" for number in range(6)]
HEAD = AttributeHead({"kind": ("a", "b")}, {"kind": RANDOM.random((6, 2), np.float32)})


def make_index(folder):
    """Save the index in a folder and return the folder."""
    rows = np.concatenate([LOOK, FASHION, COLOR], axis=1)
    save_index(folder, [rows], NAMES, {"backbone": "toy"}, {"fashion": 3, "color": 2})
    save_head(load_index(folder), HEAD, {"on": 1})
    assert set(load_index(folder).spaces) == {"look", "fashion", "color", "tuned"}
    return folder


def restate(folder, name=None, **changes):
    """Change the manifest, and update its digest of a file."""
    path = folder / "index.json"
    manifest = json.loads(path.read_text())
    if name:
        manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    path.write_text(json.dumps({**manifest, **changes}))


def assert_refused(folder, match=None, kind=IndexFileError):
    with pytest.raises(kind, match=match) as caught:
        load_index(folder)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


class Call:
    """Is pickled as a call of any function."""

    def __init__(self, function, *values):
        self.call = function, values

    def __reduce__(self):
        return self.call
