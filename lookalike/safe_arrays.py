"""Reads the .npz files that we write: whole arrays, uncompressed, of numbers or words, and as large as they say."""

import io
import math
import zipfile

import numpy as np
from numpy.lib import format as npy

KINDS = "fU"
MOST_ARRAYS = 1000


def read_npz(content):
    """A dict from name to array; raises ValueError for anything that np.savez does not write of such arrays."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            # Entries may overlap or unpack to anything; ours do neither.
            stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
            if not stored or sum(member.file_size for member in members) > len(content) or len(members) > MOST_ARRAYS:
                raise ValueError("it claims more memory than its contents need")
            return {member.filename.removesuffix(".npy"): _array(archive.read(member)) for member in members}
    except ValueError:
        raise
    except Exception as error:  # a damaged archive raises nearly anything
        raise ValueError(f"it is damaged ({type(error).__name__})") from None


def _array(content):
    file = io.BytesIO(content)
    read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[npy.read_magic(file)]
    shape, in_columns, kind = read_header(file)
    if kind.kind not in KINDS or math.prod(shape) * kind.itemsize != len(content) - file.tell():
        raise ValueError("an array in it is not of the size that it states")
    return np.frombuffer(content, kind, offset=file.tell()).reshape(shape, order="F" if in_columns else "C")
