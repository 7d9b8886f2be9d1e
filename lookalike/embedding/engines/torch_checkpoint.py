"""Read the tensors of a PyTorch checkpoint in the legacy format, without PyTorch.

The file is a sequence of pickles (a magic number, a protocol number, system information, the state dict, the storages'
keys), followed by each storage as an int64 count and its raw little-endian numbers.
"""

import pickle
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from lookalike.errors import WeightsError
from lookalike.types import StrPath

Numbers: TypeAlias = NDArray[Any]
"""float32 or int64."""

MAGIC = 0x1950A86A20F9469CFC6C

DTYPES: dict[str, np.dtype[Any]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def read_checkpoint(path: StrPath) -> dict[str, Numbers]:
    """Return the tensors, from parameter name to float32 or int64 array; raises WeightsError."""
    try:
        with open(path, "rb") as file:
            return _read_tensors(file)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}).") from None
    except Exception as error:  # a damaged pickle raises nearly anything
        raise WeightsError(f"{path} is not a PyTorch checkpoint in the legacy format ({error}).") from None


def _read_tensors(file: IO[bytes]) -> dict[str, Numbers]:
    if _StateDict(file).load() != MAGIC:
        raise ValueError("wrong magic number")
    _, _, state, keys = (_StateDict(file).load() for _ in range(4))
    dtypes = {tensor.key: tensor.dtype for tensor in state.values()}
    storages = {key: _read_storage(file, dtypes[key]) for key in keys}
    return {name: tensor.to_array(storages) for name, tensor in state.items()}


def _read_storage(file: IO[bytes], dtype: np.dtype[Any]) -> Numbers:
    count = int(np.frombuffer(file.read(8), "<i8")[0])
    numbers = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    if len(numbers) != count:
        raise ValueError("the file is cut short")
    return numbers


class _Tensor:
    """A view into a storage: where it starts, its shape and its strides, counted in numbers."""

    def __init__(
        self, storage: Sequence[Any], offset: int, shape: Sequence[int], stride: Sequence[int], *_: object
    ) -> None:
        _, kind, self.key, _, _, _ = storage
        self.dtype = DTYPES[kind]
        self.offset, self.shape, self.stride = offset, shape, stride

    def to_array(self, storages: Mapping[str, Numbers]) -> Numbers:
        numbers = storages[self.key]
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.stride))
        # as_strided would read beyond the storage if a damaged file told it to.
        if self.offset < 0 or min((*self.shape, *self.stride, 1)) < 0 or last >= len(numbers):
            raise ValueError("a tensor reaches outside its storage")
        stride = [s * self.dtype.itemsize for s in self.stride]
        return np.ascontiguousarray(as_strided(numbers[self.offset :], self.shape, stride))


class _StateDict(pickle.Unpickler):
    """Admits what a state dict of tensors consists of, and nothing that could run code."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in DTYPES:
            return name
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        return pid
