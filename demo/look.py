"""What a product is to look like, handed to the function that draws it."""

from dataclasses import dataclass
from random import Random

import numpy as np
from palette import partner
from patterns import choose


@dataclass
class Look:
    """A product's own random numbers, base colour (3,), gender and place among its article type."""

    rng: Random
    colour: np.ndarray
    gender: str
    turn: int

    def pick(self, options):
        """Return the option whose turn it is, so that neighbours of a type differ."""
        return options[self.turn % len(options)]

    def between(self, low, high):
        """Return a random measure between two pixels or shares."""
        return self.rng.uniform(low, high)

    def chance(self, share):
        """Return whether a detail with this share in 0..1 is present."""
        return self.rng.random() < share

    def fabric(self, kinds):
        """Return a fabric in the base colour of one of the named kinds, and the word for it."""
        return choose(self.rng, self.colour, kinds)

    def partner(self):
        """Return a second colour (3,) that goes with the base colour."""
        return partner(self.rng, self.colour)

    @property
    def child(self):
        """Whether the product is a child's, and so cut shorter and wider."""
        return self.gender in ("Boys", "Girls")

    @property
    def female(self):
        """Whether the product is cut for women or girls."""
        return self.gender in ("Women", "Girls")


def words(*parts):
    """Join the parts of a product's name that are not empty."""
    return " ".join(part for part in parts if part)
