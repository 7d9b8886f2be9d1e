"""Writes the pickle of a large float32 matrix row block by row block, in the memory of one block."""

import struct

# Protocol 4 is the highest that every Python and numpy of the classic scripts reads. The opcodes say:
# numpy._core.multiarray._reconstruct(ndarray, (0,), b"b"), then its state (1, shape, dtype, C order, bytes).
START = (
    b"\x80\x04cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01"
    b"%(rows)s%(columns)s\x86"
    b"cnumpy\ndtype\n\x8c\x02f4\x89\x88\x87R(K\x03\x8c\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
    b"\x8e%(length)s"
)
END = b"tb."


def pickled_matrix(shape, blocks):
    """Yield the bytes of the pickle of a float32 array of that shape, given its rows in blocks (m, C)."""
    rows, columns = shape
    yield START % {
        b"rows": _integer(rows),
        b"columns": _integer(columns),
        b"length": struct.pack("<Q", rows * columns * 4),
    }
    for block in blocks:
        yield block.astype("<f4", copy=False).tobytes()
    yield END


def _integer(number):
    return b"J" + struct.pack("<i", number)
