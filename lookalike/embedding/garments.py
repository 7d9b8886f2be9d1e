"""Where the garments of a photo are: a small head on the fashion network's maps, at a finer scale than vectors need.

weights/garments.json describes the head, for this module as for engines/keras_models.py and training/garments.py.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from lookalike.embedding.backbones import Backbone, Preprocessing
from lookalike.embedding.fashion import describe_fashion, find_fashion
from lookalike.errors import WeightsError
from lookalike.files import file_sha256
from lookalike.types import Engine, Matrix, Pixels

WEIGHTS = Path(__file__).parents[1] / "weights" / "garments.npz"
DESCRIPTION = WEIGHTS.with_suffix(".json")

# Logarithms of distances are clipped to these before they are taken for distances, in training too.
MIN_DISTANCE_LOG, MAX_DISTANCE_LOG = -6.0, 1.0
# Of two boxes of one kind that overlap more than the first, and of two of different kinds that overlap more than the
# second, only the likelier one stands: a jacket over a shirt is two garments, a shirt that may be a jacket is one.
MAX_OVERLAP, MAX_OVERLAP_OF_OTHERS = 0.4, 0.7
# How many kinds beside the likeliest one tell an outfit from one thing.
OTHER_KINDS = 3
# A photo has no more.
MAX_GARMENTS = 12


@dataclass(frozen=True)
class GarmentFinder:
    """The head's shape.

    Attributes:
        side: how many pixels a side it looks at.
        garments: the kinds that it finds, in the order of its outputs.
        least: from each kind to the least score at which one of an outfit is believed.
        outfit: a photo shows an outfit, not one thing, if its second to fourth likeliest kinds together reach this.
        least_alone: the least score of the one thing that any other photo shows.
    """

    side: int
    garments: Sequence[str]
    least: Mapping[str, float]
    outfit: float
    least_alone: float


@dataclass(frozen=True)
class Garment:
    """One garment in a photo.

    Attributes:
        garment: what it is, one of GarmentFinder.garments.
        box: left, top, right, bottom in fractions of the photo.
        score: how sure, 0 to 1.
    """

    garment: str
    box: tuple[float, float, float, float]
    score: float

    @property
    def area(self) -> float:
        """The share of the photo that its box covers."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)


@lru_cache(maxsize=1)
def describe_finder(path: Path = DESCRIPTION) -> GarmentFinder:
    """Read weights/garments.json; raises WeightsError."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return GarmentFinder(
            int(stored["side"]),
            tuple(stored["garments"]),
            dict(stored["least"]),
            float(stored["outfit"]),
            float(stored["least_alone"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} does not describe the garment finder ({error!r}). Fetch the repository again."
        ) from None


def find_finder() -> Backbone:
    """Return the garment finder, whose weights are the fashion network's and its own, as a Backbone.

    Raises WeightsError.
    """
    fashion = find_fashion()
    if not WEIGHTS.is_file():
        raise WeightsError(f"The garment finder's weights are missing ({WEIGHTS}). Fetch the repository again.")
    given = describe_fashion().preprocessing
    preprocessing = Preprocessing(describe_finder().side, given.order, given.mean, given.std)
    digest = hashlib.sha256((fashion.sha256 + file_sha256(WEIGHTS)).encode()).hexdigest()
    return Backbone("garments", WEIGHTS, digest, preprocessing, "none")


def find_garments(finder: Engine, pixels: Pixels) -> list[Garment]:
    """Return the garments, the likeliest first, in one photo squashed to uint8 (side, side, 3)."""
    chances, distances = finder.outputs(np.ascontiguousarray(pixels[None]))
    return read_garments(chances[0], distances[0])


def outfit(garments: Sequence[Garment]) -> Sequence[Garment]:
    """Return the garments of a photo that shows several, () for one that shows one thing or nothing."""
    return garments if len(garments) > 1 else ()


def main_garment(garments: Sequence[Garment]) -> Garment:
    """Return the garment of an outfit that is most likely meant: a sure and a large one."""
    return max(garments, key=lambda one: one.score * one.area**0.5)


def read_garments(chances: Matrix, distances: Matrix) -> list[Garment]:
    """Return the garments that the head's outputs for one photo show, the likeliest first.

    chances are float32 (h, h, g), how likely each cell is the middle of each kind; distances float32 (h, h, 4 g), the
    logarithms of how far that garment reaches from the cell's middle: left, top, right, bottom, in fractions.
    """
    finder = describe_finder()
    is_outfit = _shows_outfit(chances)
    found = []
    for place, (name, boxes, scores) in enumerate(zip(finder.garments, *_candidates(chances, distances))):
        order = np.argsort(-scores, kind="stable")
        kept: list[int] = []
        for row in order[scores[order] >= (finder.least[name] if is_outfit else finder.least_alone)]:
            if all(overlap(boxes[row], boxes[other]) <= MAX_OVERLAP for other in kept):
                kept.append(row)
                # In thousandths, as an address has it: whoever opens that asks with the very same box.
                left, top, right, bottom = (round(float(edge), 3) for edge in boxes[row])
                found.append(Garment(finder.garments[place], (left, top, right, bottom), float(scores[row])))
    likeliest = sorted(found, key=lambda one: -one.score)
    return _without_doubles(likeliest)[:MAX_GARMENTS] if is_outfit else likeliest[:1]


def _shows_outfit(chances: Matrix) -> bool:
    """Return whether several kinds are likely somewhere: of one thing, others are seen faintly at most."""
    kinds = np.sort(chances.max(axis=(0, 1)))[::-1]
    return bool(kinds[1 : 1 + OTHER_KINDS].sum() >= describe_finder().outfit)


def overlap(one: Sequence[float] | Matrix, other: Sequence[float] | Matrix) -> float:
    """Return the area that two boxes share divided by the area of both together."""
    low = np.maximum(one[:2], other[:2])
    high = np.minimum(one[2:], other[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    areas = [float((box[2] - box[0]) * (box[3] - box[1])) for box in (one, other)]
    return shared / max(sum(areas) - shared, 1e-9)


def _candidates(chances: Matrix, distances: Matrix) -> tuple[list[Matrix], list[Matrix]]:
    """Return for each kind the boxes (k, 4) and scores (k,) of the cells that are likelier than those around them.

    A box is the mean of those that the cell and its neighbors see, each by the square of its chance.
    """
    side = len(chances)
    peaks = chances >= np.max(_neighbors(chances), axis=0)
    reach = np.exp(np.clip(distances.reshape(side, side, -1, 4), MIN_DISTANCE_LOG, MAX_DISTANCE_LOG))
    middles = (np.arange(side, dtype=np.float32) + 0.5) / side
    x, y = middles[None, :, None], middles[:, None, None]
    left, top, right, bottom = np.moveaxis(reach, 3, 0)
    edges = np.stack([x - left, y - top, x + right, y + bottom], axis=3)
    weights = np.square(chances)[..., None]
    total = np.sum(_neighbors(weights), axis=0)
    means = np.sum(_neighbors(edges * weights), axis=0) / np.maximum(total, 1e-9)
    boxes, scores = [], []
    for kind in range(chances.shape[2]):
        rows, columns = np.nonzero(peaks[:, :, kind] & (total[:, :, kind, 0] > 0))
        boxes.append(np.clip(means[rows, columns, kind], 0, 1).astype(np.float32))
        scores.append(chances[rows, columns, kind])
    return boxes, scores


def _neighbors(cells: Matrix) -> list[Matrix]:
    """Return a map (h, h, …) moved by one cell in each direction, and itself; beyond the edge is 0."""
    side = len(cells)
    padded = np.pad(cells, ((1, 1), (1, 1), *((0, 0),) * (cells.ndim - 2)))
    return [padded[row : row + side, column : column + side] for row in range(3) for column in range(3)]


def _without_doubles(garments: Sequence[Garment]) -> list[Garment]:
    """Return garments, the likeliest first, without those that lie where a likelier one does."""
    kept: list[Garment] = []
    for one in garments:
        if all(overlap(one.box, other.box) <= MAX_OVERLAP_OF_OTHERS for other in kept):
            kept.append(one)
    return kept
