"""Which pictures show one product, and which products are variants of each other: each such group is one answer."""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from lookalike.index.attributes import normalize
from lookalike.types import Attributes, Codes, Mask, Rows

# The first picture of a product is named by its id, ID.jpg; the others are ID~2.jpg to ID~9.jpg beside it.
MAX_PICTURES = 9
FURTHER = re.compile(r"(.+)~[2-9]", re.DOTALL)


def further_name(first: str, number: int) -> str:
    """Return what a product's picture with that number, from 2 on, is called, given the first one's name; no suffix."""
    return f"{first}~{number}"


def first_name(name: str) -> str | None:
    """Return what the first picture is called if name, without a suffix, can be a further one's; None otherwise."""
    found = FURTHER.fullmatch(name)
    return found[1] if found else None


def find_attributes(attributes: Mapping[str, Attributes], identity: str) -> Attributes:
    """Return the attributes of a picture by its id: its own or, of a further picture without any, its product's."""
    own = attributes.get(identity)
    if own is None and (first := first_name(identity)) is not None:
        own = attributes.get(first)
    return {} if own is None else own


class ProductGroups:
    """The products of n pictures, one in each row, and the groups of products that are variants of each other.

    Attributes:
        first: the row of the first picture of each row's product (n,).
        group: a number for each row's group: the row of the first picture of its first product (n,).
    """

    def __init__(self, first: Rows, group: Rows) -> None:
        self.first, self.group = first, group

    @cached_property
    def is_first(self) -> Mask:
        """Which rows are the first picture of their product: bool (n,)."""
        return self.first == np.arange(len(self.first))

    @cached_property
    def product_count(self) -> int:
        """How many products there are."""
        return int(self.is_first.sum())

    @cached_property
    def max_size(self) -> int:
        """How many rows the largest group has."""
        return int(np.bincount(self.group).max())

    @cached_property
    def mean_size(self) -> int:
        """How many rows a group has on average, rounded up."""
        return -(-len(self.group) // len(np.unique(self.group)))

    def pictures(self, row: int) -> list[int]:
        """Return the rows of the pictures of a row's product, the first one first."""
        return np.flatnonzero(self.first == self.first[row]).tolist()

    def members(self, row: int) -> list[int]:
        """Return all rows of a row's group, its own among them."""
        return np.flatnonzero(self.group == self.group[row]).tolist()

    def variants(self, row: int) -> list[int]:
        """Return the rows of the first pictures of the other products of a row's group."""
        return [one for one in self.members(row) if self.is_first[one] and one != self.first[row]]

    def all_members(self, rows: Rows | Sequence[int]) -> Rows:
        """Return all rows of the groups of some rows, in order."""
        return np.flatnonzero(np.isin(self.group, self.group[rows]))

    def first_places(self, rows: Rows | Sequence[int]) -> Rows:
        """Return the places in rows at which a group comes for the first time, in order."""
        return np.sort(np.unique(self.group[rows], return_index=True)[1])


def group_products(
    names: Sequence[str],
    attributes_of: Callable[[int], Attributes],
    group_words: tuple[Sequence[str], Codes] | None = None,
) -> ProductGroups | None:
    """Return the groups of n pictures, None if each is a product of its own without variants.

    A picture ID~2 to ID~9 belongs to the product whose picture ID lies in the same folder, unless the table says
    something else of it: then it is a product of its own, and so it is where there is no picture ID.

    Args:
        names: the pictures' POSIX paths, in the catalogue's order.
        attributes_of: gives the attributes of a row.
        group_words: what the table calls the group of each row's product: words, and int32 (n,) of their places, -1
            for none.
    """
    first = _first_pictures(names, attributes_of)
    group = first.copy()
    if group_words:
        codes = group_words[1][first]
        grouped = np.flatnonzero(codes >= 0)
        words, places, inverse = np.unique(codes[grouped], return_index=True, return_inverse=True)
        group[grouped] = first[grouped[places]][inverse.reshape(-1)]
    return ProductGroups(first, group) if (group != np.arange(len(group))).any() else None


def _first_pictures(names: Sequence[str], attributes_of: Callable[[int], Attributes]) -> Rows:
    """Return the row of the first picture of each row's product (n,)."""
    first = np.arange(len(names))
    found = ((row, first_name(_stem(name))) for row, name in enumerate(names) if "~" in name)
    further = {row: stem for row, stem in found if stem is not None}
    if not further:
        return first
    wanted, rows = set(further.values()), dict[str, int]()
    for row, name in enumerate(names):
        if (stem := _stem(name)) in wanted:
            rows.setdefault(stem, row)
    for row, stem in further.items():
        owner = rows.get(stem)
        if owner is not None and attributes_of(row) == attributes_of(owner):
            first[row] = owner
    while (first[first] != first).any():  # ID~2~3 belongs to what ID~2 belongs to
        first = first[first]
    return first


def _stem(name: str) -> str:
    return normalize(posixpath.splitext(name)[0])
