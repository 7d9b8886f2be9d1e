"""spaces.npz and tuned.npz files that claim, unpack to or hold what they should not."""

import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from tests.hostile.index_files import Call, assert_refused, make_index, restate


@pytest.fixture
def index(tmp_path):
    return make_index(tmp_path / "index")


def npz(entries, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(shape, data=b"", kind="'<f4'"):
    header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}}}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + data


ARCHIVES = {
    "zip bomb": npz({"fashion.npy": npy((50_000_000,), bytes(200_000_000))}, zipfile.ZIP_DEFLATED),
    "claims": npz({"fashion.npy": npy((10**6, 10**6))}),
    "claims negative": npz({"fashion.npy": npy((-1, -1), bytes(4))}),
    "claims huge": npz({"fashion.npy": npy((2**62, 2**62))}),
    "objects": npz({"fashion.npy": npy((1, 1), pickle.dumps([Call(os.system, "exit 1")]), "'|O'")}),
    "records": npz({"fashion.npy": npy((1,), bytes(8), "[('a', '<f4'), ('b', '<f4')]")}),
    "deep header": npz({"fashion.npy": npy("(" * 5000)}),
    "no header": npz({"fashion.npy": b"\x93NUMPY"}),
    "no array": npz({"fashion.npy": b"hello"}),
    "no entries": npz({}),
    "a look of its own": npz({"look.npy": npy((6, 4), bytes(96))}),
    "a tuned of its own": npz({"tuned.npy": npy((6, 4), bytes(96))}),
    "of another type": npz({"fashion.npy": npy((6, 3), bytes(144), "'<f8'")}),
    "nan": npz({"fashion.npy": npy((6, 1), b"\0\0\xc0\x7f" * 6)}),
    "other length": npz({"fashion.npy": npy((5, 1), bytes(20))}),
    "many": npz({f"{number}.npy": npy((6, 1), bytes(24)) for number in range(1500)}),
    "no archive": b"PK\x03\x04 hello",
    "empty": b"",
    "without fashion": npz({"color.npy": npy((6, 2), bytes(48))}),
}


@pytest.mark.parametrize("case", ARCHIVES)
@pytest.mark.parametrize("name", ["spaces.npz", "tuned.npz"])
def test_a_hostile_archive_is_refused_with_a_sentence(index, name, case):
    (index / name).write_bytes(ARCHIVES[case])
    restate(index, name)
    assert_refused(index)


def head(words, weights):
    buffer = io.BytesIO()
    np.savez(buffer, **{"words.kind": words, "weights.kind": weights})
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        head(np.array(["a", "b"]), np.ones((9, 2), np.float32)),
        head(np.array(["a", "b"]), np.ones((6, 3), np.float32)),
        head(np.array(["a", "b"]), np.ones((6, 2))),
        head(np.array(["a", "b"]), np.full((6, 2), np.nan, np.float32)),
        head(np.array([["a", "b"]]), np.ones((6, 2), np.float32)),
        head(np.array([1.0, 2.0]), np.ones((6, 2), np.float32)),
        head(np.array(["a"]), np.ones((6, 1), np.float32)),
        head(np.arange(400).astype(str), np.ones((6, 400), np.float32)),
        head(np.array(["a", "b"]), np.ones(6, np.float32)),
    ],
)
def test_a_head_that_does_not_fit_is_refused(index, content):
    (index / "tuned.npz").write_bytes(content)
    restate(index, "tuned.npz")
    assert_refused(index, "does not hold a head that fits")
