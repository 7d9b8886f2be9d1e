"""Pickles that call code, or that claim or expand to more than they hold."""

import os
import pickle
import struct
import subprocess
import sys

import numpy as np
import pytest

from lookalike.errors import IndexFileError
from lookalike.index.reading import load_index
from lookalike.index.safe_loading import load_pickle, load_texts
from tests.hostile.index_files import LOOK, NAMES, Call, assert_refused, make_index, restate
from tests.support.data import ROOT


@pytest.fixture
def index(tmp_path):
    return make_index(tmp_path / "index")


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def laughs():
    """Ten lists in each of ten lists … ten times over."""
    value = [0.0] * 10
    for _ in range(10):
        value = [value] * 10
    return value


def itself():
    value = []
    value.append(value)
    return value


def array_state(shape, kind=b"f4", length=16):
    """Return an array as numpy pickles it, with other claims."""
    shapes = b"(" + b"".join(b"\x8a\x08" + struct.pack("<q", side) for side in shape) + b"t"
    return (
        b"\x80\x04cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01" + shapes
        + b"cnumpy\ndtype\n\x8c" + bytes([len(kind)]) + kind + b"\x89\x88\x87R\x89\x8e"
        + struct.pack("<Q", length) + bytes(min(length, 16)) + b"tb."
    )  # fmt: skip


PICKLES = {
    "calls a shell": pickle.dumps(Call(os.system, "exit 1")),
    "calls eval": pickle.dumps([Call(eval, "1")]),
    "calls a getter": pickle.dumps(Call(getattr, [], "append")),
    "calls numpy's loader": b"\x80\x04cnumpy\nload\n\x8c\x01x\x85R.",
    "calls through a dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0edtype.__init__\x93.",
    "calls ndarray": b"\x80\x04cnumpy\nndarray\n\x8a\x06\0\0\0\0\0\x01\x85\x85R.",
    "calls reconstruct for much": b"\x80\x04cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
    b"J\xff\xff\xff\x7f\x85C\x01b\x87R.",
    "claims 10**12 bytes": b"\x80\x04\x8e" + struct.pack("<Q", 10**12) + b".",
    "claims a long array of bytes": b"\x80\x05\x96" + struct.pack("<Q", 10**12) + b".",
    "claims a long text": b"\x80\x04\x8d" + struct.pack("<Q", 10**12) + b".",
    "claims a long frame": b"\x80\x04\x95" + struct.pack("<Q", 10**12) + b".",
    "claims a shape": array_state((10**6, 10**6)),
    "claims a negative shape": array_state((-2, -2)),
    "claims an overflowing shape": array_state((2**62, 2**62)),
    "claims bytes": array_state((2, 2), length=10**12),
    "remembers too much": b"\x80\x04]r\xff\xff\xff\xff.",
    "remembers too much in words": b"]p99999999999\n.",
    "objects": array_state((2, 2), b"O8"),
    "texts": array_state((2, 2), b"U1"),
    "records": array_state((2, 2), b"f4,f4"),
    "a dict": pickle.dumps({1: 2}),
    "a set": pickle.dumps({1, 2}, 4),
    "deep": b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "itself": pickle.dumps(itself()),
    "a billion laughs": pickle.dumps(laughs()),
    "one row a million times": pickle.dumps([np.zeros(100_000, np.float32)] * 100_000),
    "nested": pickle.dumps(nested(60)),
    "nothing": b"",
    "a stop": b".",
    "a number": pickle.dumps(5),
    "nan": pickle.dumps(np.full((6, 4), np.nan, np.float32)),
    "infinite": pickle.dumps(np.full((6, 4), np.inf)),
    "too large for float32": pickle.dumps(np.full((6, 4), 1e300)),
    "complex": pickle.dumps(np.ones((6, 4), complex)),
    "three dimensions": pickle.dumps(np.ones((6, 4, 1), np.float32)),
    "no columns": pickle.dumps(np.ones((6, 0), np.float32)),
    "of other length": pickle.dumps(LOOK[:5]),
    # Found by fuzzing: past the end of a frame the C reader continued where pickletools saw a text.
    "an opcode hidden from the check": b"\x80\x04\x95\x04\0\0\0\0\0\0\0]\x8c\x10xQ" + b"x" * 20 + b".",
    "a frame in a frame": b"\x80\x04\x95\x0c\0\0\0\0\0\0\0\x95\x02\0\0\0\0\0\0\0].",
    "persistent": b"\x80\x04\x8c\x01xQ.",
    "an extension": b"\x80\x04\x82\x01.",
    "text": b"hello",
}


@pytest.mark.parametrize("case", PICKLES)
@pytest.mark.parametrize("name", ["embeddings.pkl", "filenames.pkl"])
def test_a_hostile_pickle_is_refused_with_a_sentence(index, name, case):
    (index / name).write_bytes(PICKLES[case])
    for other in ("spaces.npz", "tuned.npz", "index.json"):
        (index / other).unlink()
    assert_refused(index)


def test_a_hostile_name_does_nothing_to_a_terminal(index):
    """Found by fuzzing: the sentence once quoted the name that a pickle asks for unchanged."""
    for name in ("\x1b]0;owned\x07", "a\rb", "\u202e", "x" * 9_999, "\ud800"):
        content = b"\x80\x04\x8c\x02os" + b"X" + struct.pack("<L", len(name.encode("utf8", "surrogatepass")))
        (index / "embeddings.pkl").write_bytes(content + name.encode("utf8", "surrogatepass") + b"\x93.")
        restate(index, "embeddings.pkl")
        with pytest.raises(IndexFileError, match="was refused: it asks for os.") as caught:
            load_index(index)
        assert str(caught.value).isprintable() and len(str(caught.value)) < 250


def test_hostile_pickles_take_no_memory(tmp_path):
    """No memory may be set aside for a pickle that only claims to be large, or is small and expands."""
    (tmp_path / "cases").write_bytes(pickle.dumps(PICKLES))
    code = (
        "import pickle, resource, sys; from lookalike.index.reading import read_look, read_names\n"
        "from lookalike.errors import IndexFileError\n"
        "for content in pickle.load(open(sys.argv[1], 'rb')).values():\n"
        "    for read in (read_look, read_names):\n"
        "        try: read(content)\n"
        "        except IndexFileError: pass\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "cases")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout) < 300_000


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<f2", "<i8"])
def test_arrays_as_numpy_pickles_them_are_read(tmp_path, protocol, kind):
    rows = (LOOK * 8).astype(kind)
    for value in (rows, np.asfortranarray(rows), list(rows), rows.tolist()):
        (tmp_path / "embeddings.pkl").write_bytes(pickle.dumps(value, protocol))
        (tmp_path / "filenames.pkl").write_bytes(pickle.dumps(NAMES, protocol))
        unit = rows / np.linalg.norm(rows.astype(float), axis=1, keepdims=True)
        np.testing.assert_allclose(load_index(tmp_path).look, unit, atol=1e-6)


LISTS = (
    [],
    ["a.jpg"],
    ["a", "a"],
    [f"images/{number}.jpg" for number in range(2500)],
    ["é" * 200, "—e(X.\x94\x8c", "ж" * 3000, "\udce9.jpg", "衣" * 100],
    ["a\0b.jpg", "\0"],
    ["a.jpg", 1],
    "a.jpg",
)


@pytest.mark.parametrize("number", range(len(LISTS)))
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_list_of_texts_is_read_as_any_pickle(number, protocol):
    content = pickle.dumps(LISTS[number], protocol=protocol)
    assert load_texts(content, "filenames.pkl") == load_pickle(content, "filenames.pkl") == LISTS[number]


def outcome(load, content):
    try:
        return load(content, "filenames.pkl")
    except IndexFileError as error:
        return str(error)


def test_a_changed_list_of_texts_is_read_or_refused_as_any_pickle():
    content = pickle.dumps([f"{number}—{'x' * number}.jpg" for number in range(0, 300, 30)], protocol=4)
    rng = np.random.default_rng(0)
    for _ in range(3000):
        changed = bytearray(content)
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            changed[place] = rng.choice([rng.integers(256), *b"\x8cX\x94(e].\x95\x80ha"])
        changed = bytes(changed[: rng.integers(len(content) - 20, len(content) + 1)])
        assert outcome(load_texts, changed) == outcome(load_pickle, changed)


def test_texts_that_a_pickle_only_resembles_are_not_taken_from_it():
    content = pickle.dumps(["a.jpg", "b.jpg"], protocol=4)
    call = pickle.dumps(Call(os.system, ("true",)), protocol=4)
    # More after the end, a call in its place or before, and one text too many that is dropped again.
    changed = (content + content, content[:-1] + call, call + content, content[:-1] + b"\x8c\x01c\x940" + content[-1:])
    for hostile in changed:
        assert outcome(load_texts, hostile) == outcome(load_pickle, hostile)
    assert "refused" in outcome(load_texts, changed[1])
