"""The types that every wing shares: matrices of vectors, weights, and the protocols that collaborators fulfill."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Space: TypeAlias = Literal["look", "fashion", "color", "detail", "tuned"]

Pixels: TypeAlias = NDArray[np.uint8]
"""uint8 RGB, (n, size, size, 3) or one image (size, size, 3)."""

Matrix: TypeAlias = NDArray[np.float32]
"""float32 of any shape that the docstring gives: vectors (n, d), feature maps (n, h, w, C)."""

Mask: TypeAlias = NDArray[np.bool_]

Rows: TypeAlias = NDArray[np.intp]
"""Row numbers of products in the catalogue."""

Codes: TypeAlias = NDArray[np.int32]
"""int32 (n,): the place of each row's word among the words of a column, -1 if it has none."""

Distances: TypeAlias = NDArray[np.float64]

Vectors: TypeAlias = Mapping[str, Matrix]
"""From the name of a space to float32 (m, d)."""

Weights: TypeAlias = Mapping[str, float]
"""From the name of a space to how much its squared distances count."""

Attributes: TypeAlias = Mapping[str, str]
"""What the shop's table says of one product: from column to value."""

Filters: TypeAlias = Mapping[str, Sequence[str]]
"""From column to the values that a product may have there."""

StrPath: TypeAlias = str | os.PathLike[str]
"""A file or a folder, as open() takes it."""

Item = TypeVar("Item")


class Engine(Protocol):
    """Runs one network: the embedder sees nothing else of OpenVINO or TensorFlow."""

    def feature_maps(self, pixels: Pixels) -> Matrix:
        """uint8 pixels (n, size, size, 3) → float32 feature maps (n, h, w, C)."""
        ...

    def outputs(self, pixels: Pixels) -> tuple[Matrix, ...]:
        """uint8 pixels (n, size, size, 3) → every output of the network, float32 with n rows each."""
        ...


class Progress(Protocol):
    """Wraps an iterable to show how far it is, as tqdm does."""

    def __call__(self, items: Iterable[Item], /, **options: Any) -> Iterable[Item]:
        """Return items, or a wrapper that yields the same ones; options are tqdm's: total, initial, desc, unit."""
        ...


def no_progress(items: Iterable[Item], /, **options: Any) -> Iterable[Item]:
    """Return the items as they are: the Progress that shows nothing."""
    return items
