"""A reader of pickles that admits lists, strings, numbers and arrays of numbers, and nothing that could run code.

Not even numpy's own functions are called: an array's shape, type and bytes are taken down and checked first,
because they can claim any amount of memory.
"""

import io
import math
import pickle
import pickletools
import zipfile

import numpy as np
from numpy.lib import format as npy

from lookalike.errors import IndexFileError

# No dicts or sets: keys chosen to collide keep a core busy for hours. No instances, no persistent names.
OPCODES = """
    PROTO FRAME STOP MARK POP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT
    STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8 UNICODE SHORT_BINUNICODE
    BINUNICODE BINUNICODE8 EMPTY_LIST APPEND APPENDS LIST EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
    GET BINGET LONG_BINGET PUT BINPUT LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL REDUCE BUILD
"""

ADMITTED_OPCODES = frozenset(OPCODES.split())

MEMO = ("PUT", "BINPUT", "LONG_BINPUT")

NUMBERS = "biuf"


KINDS = "fU"

MAX_ARRAYS = 1000


def load_pickle(content, name):
    """The value pickled in content; raises IndexFileError, naming the file, for anything else."""
    try:
        _check_opcodes(content)
        return _unwrapped(_Reader(io.BytesIO(content)).load())
    except pickle.UnpicklingError as error:
        raise IndexFileError(
            f"{name} was refused: {_readable(str(error), 200)}. Make the index again from the images."
        ) from None
    except Exception as error:  # a damaged pickle raises nearly anything
        raise IndexFileError(
            f"{name} is damaged ({type(error).__name__}). Make the index again from the images."
        ) from None


def _check_opcodes(content):
    """Refuse what pickle itself would act upon before it calls anything of ours: memory that is only claimed."""
    frame_end = None
    for count, (opcode, argument, start) in enumerate(pickletools.genops(content)):
        if start == frame_end:
            frame_end = None
        # Where something crosses the end of its frame, the C reader goes on elsewhere than pickletools does.
        if frame_end and (start > frame_end or opcode.name == "FRAME"):
            raise pickle.UnpicklingError("its frames do not fit what is in them")
        if opcode.name == "FRAME":
            frame_end = start + 9 + argument
        if opcode.name not in ADMITTED_OPCODES:
            raise pickle.UnpicklingError(f"it uses {opcode.name}, and an index needs only lists, strings and arrays")
        # Python numbers what it remembers without gaps, and makes room for as many as the highest number.
        if opcode.name in MEMO and argument > count:
            raise pickle.UnpicklingError("it claims more memory than its contents need")


class _Array:
    """What a pickle says of one array or scalar, in the calls that numpy's own pickles make."""

    def __setstate__(self, state):
        _, shape, kind, in_columns, content = state
        self.array = _array(content, kind, shape, "F" if in_columns else "C")


class _Kind:
    """A type of numbers, as numpy.dtype is called: f4, and which byte comes first."""

    def __init__(self, text, *flags):
        self.kind = np.dtype(text) if isinstance(text, str) else None
        if self.kind is None or self.kind.kind not in NUMBERS:
            raise pickle.UnpicklingError("it holds arrays of something else than numbers")

    def __setstate__(self, state):
        self.kind = self.kind.newbyteorder(state[1])


def _array(content, kind, shape, order="C"):
    if not isinstance(kind, _Kind) or not isinstance(content, bytes | bytearray):
        raise pickle.UnpicklingError("it holds arrays of something else than numbers")
    if math.prod(shape) * kind.kind.itemsize != len(content):
        raise pickle.UnpicklingError("it claims more memory than its contents need")
    return np.frombuffer(content, kind.kind).reshape(shape, order=order)


def _from_buffer(content, kind, shape, order):
    made = _Array()
    made.array = _array(content, kind, shape, order)
    return made


def _scalar(kind, content):
    return _array(content, kind, (1,))[0].item()


def _encode(text, encoding="latin1"):
    """Protocols 0 to 2 write bytes as a call of this."""
    if encoding != "latin1":
        raise pickle.UnpicklingError("it encodes text")
    return text.encode(encoding)


# What numpy's own pickles of arrays name, under its module names before and since version 2.
ADMITTED = {
    ("numpy", "ndarray"): None,
    ("numpy", "dtype"): _Kind,
    ("_codecs", "encode"): _encode,
    **{
        (f"numpy.{core}.{module}", name): substitute
        for core in ("core", "_core")
        for module, name, substitute in (
            ("multiarray", "_reconstruct", lambda *ignored: _Array()),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}


class _Reader(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(
                f"it asks for {_readable(module)}.{_readable(name)}, and an index needs only lists, strings and arrays"
            )
        return ADMITTED[module, name]


def _readable(text, most=60):
    """Short, and without the signs that a terminal acts upon."""
    return ascii(text)[1:-1][:most]


def _unwrapped(value):
    """The arrays themselves, where one stands alone or in a list."""
    if isinstance(value, list):
        return [item.array if isinstance(item, _Array) else item for item in value]
    return value.array if isinstance(value, _Array) else value


def read_npz(content):
    """A dict from name to array; raises ValueError for anything that np.savez does not write of such arrays."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            # Entries may overlap or unpack to anything; ours do neither.
            stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
            if not stored or sum(member.file_size for member in members) > len(content) or len(members) > MAX_ARRAYS:
                raise ValueError("it claims more memory than its contents need")
            return {member.filename.removesuffix(".npy"): _npz_array(archive.read(member)) for member in members}
    except ValueError:
        raise
    except Exception as error:  # a damaged archive raises nearly anything
        raise ValueError(f"it is damaged ({type(error).__name__})") from None


def _npz_array(content):
    file = io.BytesIO(content)
    read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[npy.read_magic(file)]
    shape, in_columns, kind = read_header(file)
    if kind.kind not in KINDS or math.prod(shape) * kind.itemsize != len(content) - file.tell():
        raise ValueError("an array in it is not of the size that it states")
    return np.frombuffer(content, kind, offset=file.tell()).reshape(shape, order="F" if in_columns else "C")
