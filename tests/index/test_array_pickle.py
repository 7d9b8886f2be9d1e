import pickle
import pickletools
import subprocess
import sys

import numpy as np
import pytest

from lookalike.index.safe_loading import load_pickle
from lookalike.index.writing import pickled_matrix

MATRIX = np.array([[1, -2], [0.5, 3e-9], [np.pi, 65504]], np.float32)


def pickled(matrix, *cuts):
    return b"".join(pickled_matrix(matrix.shape, np.split(matrix, cuts)))


@pytest.mark.parametrize("cuts", [(), (1,), (2,), (1, 2)])
def test_pickle_returns_the_matrix_however_it_was_cut(cuts):
    loaded = pickle.loads(pickled(MATRIX, *cuts))
    np.testing.assert_array_equal(loaded, MATRIX)
    assert loaded.dtype == np.float32 and loaded.flags.c_contiguous


@pytest.mark.parametrize("shape", [(1, 1), (1, 2048), (300, 1), (257, 65)])
def test_a_matrix_of_any_shape_is_a_valid_pickle_that_the_safe_reader_admits(shape):
    matrix = np.random.default_rng(0).standard_normal(shape, np.float32)
    pickletools.dis(pickled(matrix), out=open("/dev/null", "w"))
    np.testing.assert_array_equal(load_pickle(pickled(matrix), "embeddings.pkl"), matrix)


def test_the_pickle_holds_the_numbers_row_by_row_in_little_endian():
    assert MATRIX.astype("<f4").tobytes() in pickled(MATRIX)
    assert pickled(MATRIX.astype(">f4")) == pickled(MATRIX)


def test_wider_numbers_are_rounded_to_float32():
    np.testing.assert_array_equal(pickle.loads(pickled(MATRIX.astype(np.float64))), MATRIX)


def test_a_python_without_our_code_reads_it(tmp_path):
    (tmp_path / "embeddings.pkl").write_bytes(pickled(MATRIX))
    code = (
        "import pickle, numpy as np; a = np.array(pickle.load(open('embeddings.pkl', 'rb'))); "
        "assert a.shape == (3, 2) and a.dtype == np.float32 and a[0].tolist() == [1, -2]; a[0] = 0"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_only_one_block_is_in_memory_at_a_time():
    """Pickling 100 MB in blocks of 1 MB takes a few megabytes."""
    import tracemalloc

    block = np.zeros((128, 2048), np.float32)
    tracemalloc.start()
    total = sum(len(piece) for piece in pickled_matrix((12_800, 2048), (block + n for n in range(100))))
    assert total > 12_800 * 2048 * 4 and tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()
