"""Shoppers' photos that a head learns from beside a shop's products: their vectors and words come with the package.

`python -m training photo-vectors` writes them. No picture is in them, and nobody whose photos judge the network.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.embedding.fashion import find_fashion
from lookalike.errors import WeightsError
from lookalike.index.attributes import COLOR_COLUMN, GENDER_COLUMN, TYPE_COLUMN
from lookalike.types import Attributes, Matrix, Vectors

FILE = Path(__file__).parents[1] / "weights" / "photos.npz"
COLUMNS = (TYPE_COLUMN, COLOR_COLUMN, GENDER_COLUMN)
SPACES = ("fashion", "color")
# Between the words of a photo that are right in one column, best first.
SEPARATOR = "|"


@dataclass(frozen=True, eq=False)
class PhotoExamples:
    """n photos: their vectors, float32 (n, d) by space, and for each column the words that are right, best first."""

    vectors: Vectors
    words: Mapping[str, Sequence[Sequence[str]]]

    def in_words_of(self, words: Mapping[str, Collection[str]]) -> list[Attributes]:
        """Return each photo's attributes in a shop's own words, by column: the best one that the shop uses."""
        own = {column: {_key(word): word for word in sorted(shop)} for column, shop in words.items() if shop}
        found: list[dict[str, str]] = [{} for _ in range(len(next(iter(self.vectors.values()))))]
        for column, names in own.items():
            for attributes, right in zip(found, self.words.get(column, ())):
                if best := next((names[key] for word in right if (key := _key(word)) in names), None):
                    attributes[column] = best
        return [*found]


@lru_cache(maxsize=1)
def photo_examples() -> PhotoExamples:
    """Return the photos that come with the package; raises WeightsError if they are of another fashion network."""
    try:
        with np.load(FILE) as stored:
            if str(stored["network"]) != find_fashion().manifest_key():
                raise ValueError("they were made with another fashion network")
            vectors: dict[str, Matrix] = {name: stored[name].astype(np.float32) for name in SPACES}
            words = {
                column: [[word for word in text.split(SEPARATOR) if word] for text in stored[column].tolist()]
                for column in COLUMNS
            }
            return PhotoExamples(vectors, words)
    except (OSError, ValueError, KeyError) as error:
        raise WeightsError(f"{FILE} does not hold the photos' vectors ({error}). Fetch the repository again.") from None


def write_examples(path: str | Path, vectors: Vectors, words: Mapping[str, Sequence[Sequence[str]]]) -> None:
    """Write photos' vectors, float32 (n, d) by space, and their words by column, for photo_examples to read."""
    arrays: dict[str, Any] = {name: vectors[name].astype(np.float16) for name in SPACES}
    arrays |= {column: np.array([SEPARATOR.join(own) for own in words[column]]) for column in COLUMNS}
    np.savez_compressed(path, network=np.array(find_fashion().manifest_key()), **arrays)


def _key(word: str) -> str:
    """Return what words that differ in case, spaces and plural alone share."""
    key = "".join(character for character in word.casefold() if character.isalnum())
    return key[:-1] if key.endswith("s") and not key.endswith("ss") else key
