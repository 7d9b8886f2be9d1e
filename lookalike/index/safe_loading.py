"""Readers of pickles and .npz files that admit lists, strings, numbers and arrays, and nothing that could run code.

Not even numpy's own functions are called: an array's shape, type and bytes are read and checked first, because
they can claim any amount of memory.
"""

import io
import math
import pickle
import pickletools
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from lookalike.errors import REBUILD, IndexFileError

# No dicts or sets: keys chosen to collide keep a core busy for hours. No instances, no persistent names.
OPCODES = """
    PROTO FRAME STOP MARK POP NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 FLOAT BINFLOAT
    STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8 UNICODE SHORT_BINUNICODE
    BINUNICODE BINUNICODE8 EMPTY_LIST APPEND APPENDS LIST EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3
    GET BINGET LONG_BINGET PUT BINPUT LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL REDUCE BUILD
"""
ADMITTED_OPCODES = frozenset(OPCODES.split())
MEMO_OPCODES = ("PUT", "BINPUT", "LONG_BINPUT")

# numpy's letters for the types of numbers in a pickle, and of floats and text in an .npz file.
PICKLE_KINDS, NPZ_KINDS = "biuf", "fU"

MAX_NPZ_ARRAYS = 1000

# The opcodes of a list of texts, and the lengths of those that are skipped, with what follows each.
STOP, SHORT_BINUNICODE, BINUNICODE = b".\x8cX"
LENGTHS = {pickle.PROTO[0]: 2, pickle.FRAME[0]: 9} | dict.fromkeys(b"]\x94(ae", 1)

TOO_MUCH_MEMORY = "it claims more memory than its contents need"
NOT_NUMBERS = "it holds arrays of something other than numbers"


def load_pickle(content: bytes, name: str) -> Any:
    """Return the value pickled in content; raises IndexFileError, which names the file, for anything else."""
    try:
        _check_opcodes(content)
        return _unwrap_arrays(_Reader(io.BytesIO(content)).load())
    except pickle.UnpicklingError as error:
        raise IndexFileError(f"{name} was refused: {_printable(str(error), 200)}. {REBUILD}") from None
    except Exception as error:  # a damaged pickle raises nearly anything
        raise IndexFileError(f"{name} is damaged ({type(error).__name__}). {REBUILD}") from None


def load_texts(content: bytes, name: str) -> Any:
    """Return what load_pickle does, much faster if it is a list of texts as Python pickles it by protocol 4.

    Texts are cut out of the bytes, which are not unpickled. They count only if, pickled again, they give the very same
    bytes: then the bytes hold these texts and nothing else.
    """
    try:
        texts = b"\0".join(_cut_texts(content)).decode("utf-8", "surrogatepass").split("\0")
    except (LookupError, ValueError):
        texts = []
    return texts if pickle.dumps(texts, protocol=4) == content else load_pickle(content, name)


def _cut_texts(content: bytes) -> list[bytes]:
    """Return the texts in a pickled list; raises LookupError where something else comes."""
    texts, at = list[bytes](), 0
    while (opcode := content[at]) != STOP:
        if opcode == SHORT_BINUNICODE:
            end = at + 2 + content[at + 1]
            texts.append(content[at + 2 : end])
            at = end
        elif opcode == BINUNICODE:
            end = at + 5 + int.from_bytes(content[at + 1 : at + 5], "little")
            texts.append(content[at + 5 : end])
            at = end
        else:
            at += LENGTHS[opcode]
    return texts


def read_npz(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays that np.savez wrote, by name: floats or text; raises ValueError for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            # Entries may overlap or unpack to any size; ours do neither.
            stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
            size = sum(member.file_size for member in members)
            if not stored or size > len(content) or len(members) > MAX_NPZ_ARRAYS:
                raise ValueError(TOO_MUCH_MEMORY)
            return {member.filename.removesuffix(".npy"): _npz_array(archive.read(member)) for member in members}
    except ValueError:
        raise
    except Exception as error:  # a damaged archive raises nearly anything
        raise ValueError(f"it is damaged ({type(error).__name__})") from None


def _npz_array(content: bytes) -> NDArray[Any]:
    file = io.BytesIO(content)
    read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[npy.read_magic(file)]
    shape, in_columns, kind = read_header(file)
    if kind.kind not in NPZ_KINDS or math.prod(shape) * kind.itemsize != len(content) - file.tell():
        raise ValueError("an array in it does not have the size that it states")
    return np.frombuffer(content, kind, offset=file.tell()).reshape(shape, order="F" if in_columns else "C")


def _check_opcodes(content: bytes) -> None:
    """Refuse what pickle itself would act on before it calls anything of ours, such as memory only claimed."""
    frame_end = 0
    for count, (opcode, argument, position) in enumerate(pickletools.genops(content)):
        start, number = position or 0, argument if isinstance(argument, int) else 0
        if start == frame_end:
            frame_end = 0
        # If an opcode crosses the end of its frame, the C reader continues elsewhere than pickletools does.
        if frame_end and (start > frame_end or opcode.name == "FRAME"):
            raise pickle.UnpicklingError("its frames do not fit their contents")
        if opcode.name == "FRAME":
            frame_end = start + 9 + number
        if opcode.name not in ADMITTED_OPCODES:
            raise pickle.UnpicklingError(f"it uses {opcode.name}, and an index needs only lists, strings and arrays")
        # Python numbers its memo without gaps, and makes room for as many entries as the highest number.
        if opcode.name in MEMO_OPCODES and number > count:
            raise pickle.UnpicklingError(TOO_MUCH_MEMORY)


class _Array:
    """What a pickle says of one array or scalar, in the calls that numpy's own pickles make."""

    array: NDArray[Any]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, in_columns, content = state
        self.array = _array(content, kind, shape, "F" if in_columns else "C")


class _Kind:
    """A type of numbers, called as numpy.dtype is: "f4", then the byte order."""

    def __init__(self, text: object, *flags: object) -> None:
        kind = np.dtype(text) if isinstance(text, str) else None
        if kind is None or kind.kind not in PICKLE_KINDS:
            raise pickle.UnpicklingError(NOT_NUMBERS)
        self.kind = kind

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.kind = self.kind.newbyteorder(state[1])


def _array(content: object, kind: object, shape: tuple[int, ...], order: Any = "C") -> NDArray[Any]:
    if not isinstance(kind, _Kind) or not isinstance(content, bytes | bytearray):
        raise pickle.UnpicklingError(NOT_NUMBERS)
    if math.prod(shape) * kind.kind.itemsize != len(content):
        raise pickle.UnpicklingError(TOO_MUCH_MEMORY)
    return np.frombuffer(content, kind.kind).reshape(shape, order=order)


def _from_buffer(content: object, kind: object, shape: tuple[int, ...], order: str) -> _Array:
    wrapped = _Array()
    wrapped.array = _array(content, kind, shape, order)
    return wrapped


def _scalar(kind: object, content: object) -> Any:
    return _array(content, kind, (1,))[0].item()


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Stand in for _codecs.encode, which protocols 0 to 2 call to write bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError("it encodes text")
    return text.encode(encoding)


# What numpy's own pickles of arrays name, under its module names before and since version 2.
ADMITTED_NAMES: dict[tuple[str, str], Callable[..., Any] | None] = {
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
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ADMITTED_NAMES:
            asked = f"{_printable(module)}.{_printable(name)}"
            raise pickle.UnpicklingError(f"it asks for {asked}, and an index needs only lists, strings and arrays")
        return ADMITTED_NAMES[module, name]


def _printable(text: str, max_length: int = 60) -> str:
    """Return a short form of text without the characters that a terminal acts on."""
    return ascii(text)[1:-1][:max_length]


def _unwrap_arrays(value: Any) -> Any:
    """Return the arrays themselves, if one stands alone or several in a list."""
    if isinstance(value, list):
        return [item.array if isinstance(item, _Array) else item for item in value]
    return value.array if isinstance(value, _Array) else value
