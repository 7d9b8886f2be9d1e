"""Our own small network: prepared pixels → fashion and detail vectors, and where in the picture the garment is.

weights/fashion.json describes the network, for this module as for engines/keras_models.py and training/. The engines
run it on whole images; here its last layers run in numpy, over parts of an image.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import numpy as np

from lookalike.embedding.backbones import Backbone, Preprocessing
from lookalike.embedding.padding import WHOLE, line_coverage
from lookalike.errors import WeightsError
from lookalike.files import file_sha256
from lookalike.types import Mask, Matrix, Pixels

WEIGHTS = Path(__file__).parents[1] / "weights" / "fashion.npz"
DESCRIPTION = WEIGHTS.with_suffix(".json")

# Products need the vectors and the garment's scores; only a query's regions need the network's last map too.
INDEXED_OUTPUTS = 3
# The part that is a space of its own: what tells one product from others of its type and color.
DETAIL = "detail"

# How much the second and further words that fit count beside the best one: unisex for men, tunics for tops.
OTHER_WORDS = 0.7

# How much of the words that are most like a word is taken off it where pictures of it are looked for.
RIVALS = np.float32(0.5)

# A cell belongs to a region if this much of it lies there; then one of 7 rows always covers some of 6.
MIN_COVERED = 0.4


@dataclass(frozen=True)
class FashionDescription:
    """The network's shape and the constants that its weights were trained with.

    Attributes:
        preprocessing: its input; it sees garments best at this size, having been trained on smaller images.
        dimension: how many numbers a fashion vector has.
        parts: from each part that the network gives to how many numbers it has: those of the fashion vector in their
            order, then DETAIL.
        part_weights: from each part of the fashion vector to how much it counts in it.
        heads: from each attribute to the part that its words are compared with.
        naming: from each part of the fashion vector to the attribute whose words it is pulled halfway to.
        scales: from each part to what its cosines with words are multiplied by for a softmax.
        vocabularies: from each attribute to its words.
        garment_grid: how many cells a side the garment's scores have.
        color_cell: how many pixels a side are averaged for the color path.
        pool_floor: how much a cell without garment counts in pooling.
        color_floor: the same in the color path.
        norm_epsilon: of the batch normalization.
    """

    preprocessing: Preprocessing
    dimension: int
    parts: Mapping[str, int]
    part_weights: Mapping[str, float]
    heads: Mapping[str, str]
    naming: Mapping[str, str]
    scales: Mapping[str, float]
    vocabularies: Mapping[str, Sequence[str]]
    garment_grid: int
    color_cell: int
    pool_floor: float
    color_floor: float
    norm_epsilon: float

    @property
    def detail_dimension(self) -> int:
        """How many numbers a detail vector has."""
        return self.parts[DETAIL]


@lru_cache(maxsize=1)
def describe_fashion(path: Path = DESCRIPTION) -> FashionDescription:
    """Read weights/fashion.json; raises WeightsError."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["drawn"] != 0.5:
            raise ValueError("only parts drawn by 0.5 are supported")
        image = stored["input"]
        mean, std = float(image["mean"]), float(image["std"])
        preprocessing = Preprocessing(image["side"], image["channels"], (mean, mean, mean), (std, std, std))
        names = FashionDescription.__dataclass_fields__.keys() - {"preprocessing"}
        return FashionDescription(preprocessing, **{name: stored[name] for name in names})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} does not describe the fashion network ({error!r}). Fetch the repository again."
        ) from None


def find_fashion() -> Backbone:
    """Return the network as a Backbone, with the weights that come with the package; raises WeightsError."""
    if not WEIGHTS.is_file():
        raise WeightsError(f"The fashion network's weights are missing ({WEIGHTS}). Fetch the repository again.")
    return Backbone("fashion", WEIGHTS, file_sha256(WEIGHTS), describe_fashion().preprocessing, "none")


def class_probabilities(vector: Matrix, attribute: str) -> dict[str, float]:
    """Return the probability that the network gives each word of an attribute, most likely first.

    vector is a fashion vector, float32 (256,); attribute is one of articleType, baseColour, gender.
    """
    probabilities = word_probabilities(vector[None], attribute)[0]
    words = describe_fashion().vocabularies[attribute]
    return {words[place]: float(probabilities[place]) for place in np.argsort(-probabilities, kind="stable")}


def word_probabilities(vectors: Matrix, attribute: str) -> Matrix:
    """Return the probability that the network gives each word of an attribute: float32 (n, words).

    vectors are fashion vectors, float32 (n, 256), or detail vectors, float32 (n, 96), for what is read from detail: the
    attribute pattern.
    """
    network = describe_fashion()
    part = network.heads[attribute]
    pieces = vectors
    if part != DETAIL:
        end = dict(zip(network.parts, accumulate(network.parts.values())))[part]
        pieces = vectors[:, end - network.parts[part] : end]
    pieces = pieces / np.maximum(np.linalg.norm(pieces, axis=1, keepdims=True), 1e-9)
    logits = network.scales[part] * (pieces @ word_vectors(attribute).T)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def with_words(vectors: Matrix, attribute: str, words: Sequence[str]) -> Matrix:
    """Return fashion vectors, float32 (n, 256), as if their pictures showed words of an attribute, the first foremost.

    They stay as they are if the network does not know the words, or names no part of the vector by the attribute.
    """
    network = describe_fashion()
    part = network.heads.get(attribute, "")
    known = network.vocabularies.get(attribute, ())
    places = [known.index(word) for word in words if word in known]
    if network.naming.get(part) != attribute or not places:
        return vectors
    weights = np.array([1.0, *[OTHER_WORDS] * (len(places) - 1)], np.float32)
    end = dict(zip(network.parts, accumulate(network.parts.values())))[part]
    own = slice(end - network.parts[part], end)
    moved = vectors.copy()
    shown = _unit(weights @ word_vectors(attribute)[places])
    moved[:, own] = np.linalg.norm(vectors[:, own], axis=1, keepdims=True) * shown
    return moved


def vectors_of_words(words: Mapping[str, Sequence[str]], importance: Mapping[str, float]) -> dict[str, Matrix]:
    """Return what a picture that shows words is near to: fashion, float32 (1, 256), and detail, (1, 96), of norm 1.

    words is attribute → those that fit, of which the first that the network knows counts; importance is how much each
    attribute counts, 0.5 if it is missing. What the words say nothing about is 0, and a vector of zeros is left out.
    """
    network = describe_fashion()
    parts = {name: np.zeros(length, np.float32) for name, length in network.parts.items()}
    for attribute, right in words.items():
        known = network.vocabularies.get(attribute, ())
        if (first := next((word for word in right if word in known), None)) and attribute in network.heads:
            part = network.heads[attribute]
            shown = _away_from_rivals(word_vectors(attribute), known.index(first), network.scales[part])
            factor = importance.get(attribute, 0.5) * network.scales[part] / network.part_weights.get(part, 1.0)
            parts[part] += np.float32(factor) * shown
    fashion = np.concatenate([parts[name] for name in network.part_weights])
    vectors = {"fashion": _unit(fashion)[None], DETAIL: _unit(parts[DETAIL])[None]}
    return {name: vector.astype(np.float32) for name, vector in vectors.items() if vector.any()}


def pool_cells(last: Matrix, garment: Matrix, pixels: Pixels, cells: Mask) -> tuple[Matrix, Matrix]:
    """Return the fashion and detail vectors of the cells of an image that are True in bool (6, 6).

    They are float32 (256,) and (96,) of norm 1. last is float32 (6, 6, 1280), garment float32 (12, 12), pixels uint8
    (192, 192, 3).
    """
    network = describe_fashion()
    pooled = _pool(last, garment, cells)
    parts = {name: _dense(pooled, f"projection.{name}") for name in network.parts}
    parts["color"] = parts["color"] + _color_path(pixels, garment, cells)
    weighted = []
    for name, weight in network.part_weights.items():
        pulled = _pull_to_words(_unit(parts[name]), word_vectors(network.naming[name]), network.scales[name])
        weighted.append(weight * pulled)
    return _unit(np.concatenate(weighted)).astype(np.float32), _unit(parts[DETAIL]).astype(np.float32)


def project_cells(cells: Mask, side: int, box: Sequence[float] | Matrix = WHOLE) -> Mask:
    """Return the cells, bool (h, w), on another grid, bool (side, side): those that are covered for the most part.

    If none is, those that are covered best: some cells always give some. box says where the first grid lies in the
    other one: left, top, right, bottom in fractions.
    """
    if not cells.any():
        return np.zeros((side, side), bool)
    left, top, right, bottom = (float(edge) for edge in box)
    rows, columns = line_coverage((top, bottom), len(cells), side), line_coverage((left, right), cells.shape[1], side)
    covered = rows @ cells.astype(np.float32) @ columns.T
    return covered >= min(MIN_COVERED, covered.max() * (1 - 1e-6))


@lru_cache(maxsize=8)
def word_vectors(attribute: str) -> Matrix:
    """Return what the network learned about each word of an attribute: unit vectors, float32 (words, d)."""
    words = _parameters()[f"heads.{attribute}"]
    return words / np.linalg.norm(words, axis=1, keepdims=True)


@lru_cache(maxsize=1)
def _parameters() -> dict[str, Matrix]:
    """Return the weights behind the last map, by name: float32 arrays; matrices are (out, in)."""
    with np.load(WEIGHTS) as stored:
        names = [name for name in stored.files if name.startswith(("pool.", "projection.", "color.", "heads."))]
        arrays = {name: stored[name].astype(np.float32) for name in names}
    return {name: array.reshape(len(array), -1) if array.ndim > 2 else array for name, array in arrays.items()}


def _pool(last: Matrix, garment: Matrix, cells: Mask) -> Matrix:
    """Weight and add each channel's maximum and its mean over the garment: (1280,)."""
    side, parameters = len(last), _parameters()
    score = garment.reshape(side, len(garment) // side, side, -1).mean(axis=(1, 3))
    inside, weight = last[cells], (score[cells] + describe_fashion().pool_floor)[:, None]
    mean = (inside * weight).sum(axis=0) / weight.sum()
    return inside.max(axis=0) * parameters["pool.maximum"] + mean * parameters["pool.mean"]


def _color_path(pixels: Pixels, garment: Matrix, cells: Mask) -> Matrix:
    """Send the pixels within the cells through two small layers and average them over the garment: (64,)."""
    network = describe_fashion()
    cell, preprocessing = network.color_cell, network.preprocessing
    side = len(pixels) // cell
    within = _repeat_cells(cells, side)
    # The matrix products run row by row: ones this small stay on one core, which is quicker on a busy machine.
    rows = np.flatnonzero(within.any(axis=1))
    small = pixels.reshape(side, cell, side, cell, 3)[rows].mean(axis=(1, 3), dtype=np.float32)
    prepared = (small - np.array(preprocessing.mean, np.float32)) / np.array(preprocessing.std, np.float32)
    values = _relu(_dense(_relu(_dense(prepared, "color.pixel1")), "color.pixel2"))
    weight = (_repeat_cells(garment, side)[rows] + np.float32(network.color_floor)) * within[rows]
    mean = np.einsum("hwc,hw->c", values, weight) / weight.sum()
    return _dense(_relu(_dense(mean, "color.hidden")), "color.out")


def _away_from_rivals(words: Matrix, place: int, scale: float) -> Matrix:
    """Return a word's unit vector (d,) less a part of those that a picture of it is most easily taken for."""
    rivals = np.delete(words, place, axis=0)
    cosines = rivals @ words[place]
    weights = np.exp(scale / 2 * (cosines - cosines.max()))
    return words[place] - RIVALS * (weights / weights.sum()) @ rivals


def _repeat_cells(cells: Matrix | Mask, side: int) -> Matrix | Mask:
    """Return a map of cells (h, h) as one of side × side smaller ones."""
    return np.kron(cells, np.ones((side // len(cells),) * 2, cells.dtype))


def _pull_to_words(part: Matrix, words: Matrix, scale: float) -> Matrix:
    """Move a unit vector (d,) halfway to the mean of words (w, d), each weighted by its probability."""
    cosines = words @ part
    weights = np.exp(scale * (cosines - cosines.max()))
    return _unit(part + _unit((weights / weights.sum()) @ words))


def _dense(x: Matrix, name: str) -> Matrix:
    return x @ _parameters()[f"{name}.weight"].T + _parameters()[f"{name}.bias"]


def _relu(x: Matrix) -> Matrix:
    return np.maximum(x, 0)


def _unit(x: Matrix) -> Matrix:
    return x / max(float(np.linalg.norm(x)), 1e-12)
