"""Our own small network: prepared pixels → fashion vector, and where in the picture the garment is."""

import json
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import numpy as np

from lookalike.embedding.backbones import Backbone, Preprocessing
from lookalike.embedding.padding import WHOLE, coverage
from lookalike.errors import WeightsError
from lookalike.files import file_sha256

WEIGHTS = Path(__file__).parents[1] / "weights" / "fashion.npz"

# How many numbers a fashion vector has.
DIMENSION = 256

# Products need the vector and the garment's scores; only a query's regions need the network's last map too.
INDEXED_OUTPUTS = 2

# The side it sees garments best at, having been trained on smaller ones; its maps have sides of SIDE/16 and SIDE/32.
SIDE = 192

PREPROCESSING = Preprocessing(SIDE, "RGB", (127.0,) * 3, (128.0,) * 3)


# How much a cell counts even where no garment is seen: in the pooling, and in the color path.
POOL_FLOOR, COLOR_FLOOR = 0.05, 1e-4

COLOR_CELL = 4

# How much of a cell must lie in a region to be part of it: so that one of 7 rows is always some of 6.
COVERED = 0.4


def find_fashion():
    """The network as a Backbone, with the weights that come with the package; raises WeightsError."""
    if not WEIGHTS.is_file():
        raise WeightsError(f"The fashion network's weights are missing ({WEIGHTS}). Fetch the repository again.")
    return Backbone("fashion", WEIGHTS, file_sha256(WEIGHTS), PREPROCESSING, "none")


@lru_cache(maxsize=1)
def description():
    """What fashion.json says of the network: its vector's parts, and the words its heads know."""
    return json.loads(WEIGHTS.with_suffix(".json").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def tail_parameters():
    """The weights behind the last map, by name: float32 arrays; matrices are (out, in)."""
    with np.load(WEIGHTS) as stored:
        names = [name for name in stored.files if name.startswith(("pool.", "projection.", "color.", "heads."))]
        arrays = {name: stored[name].astype(np.float32) for name in names}
    return {name: array.reshape(len(array), -1) if array.ndim > 2 else array for name, array in arrays.items()}


@lru_cache(maxsize=8)
def head(attribute):
    """What the network learned of each word of an attribute: unit vectors, float32 (words, d)."""
    words = tail_parameters()[f"heads.{attribute}"]
    return words / np.linalg.norm(words, axis=1, keepdims=True)


def class_probabilities(vector, attribute):
    """The probability the network gives each word of an attribute: a dict, most likely first.

    vector is a fashion vector, float32 (256,); attribute is one of articleType, baseColour, gender.
    """
    about = description()
    part, words = about["heads"][attribute], about["vocabularies"][attribute]
    ends = dict(zip(about["parts"], accumulate(about["parts"].values())))
    piece = vector[ends[part] - about["parts"][part] : ends[part]]
    cosines = head(attribute) @ piece / max(float(np.linalg.norm(piece)), 1e-9)
    weights = np.exp(about["scales"][part] * (cosines - cosines.max()))
    order = np.argsort(-weights, kind="stable")
    return {words[place]: float(weights[place] / weights.sum()) for place in order}


def fashion_vector(last, garment, pixels, cells):
    """The fashion vector, float32 (256,) of norm 1, of the cells of an image that are True in cells, bool (6, 6).

    last is float32 (6, 6, 1280), garment float32 (12, 12), pixels uint8 (192, 192, 3).
    """
    pooled = _pooled(last, garment, cells)
    about = description()
    parts = {name: _dense(pooled, f"projection.{name}") for name in about["parts"]}
    parts["color"] = parts["color"] + _color(pixels, garment, cells)
    shares = [
        about["part_weights"][name] * _drawn(_unit(part), head(about["naming"][name]), about["scales"][name])
        for name, part in parts.items()
    ]
    return _unit(np.concatenate(shares)).astype(np.float32)


def spread(cells, side, box=WHOLE):
    """The cells, bool (h, w), of another grid, bool (side, side): those that are covered for the most part.

    Where none is, those that are covered best: of some cells there are always some. box says where in the other
    grid the cells' own lies: left, top, right, bottom in fractions.
    """
    edges = tuple(float(edge) for edge in box)
    rows, columns = (coverage(edges[axis::2], count, side) for axis, count in zip((1, 0), cells.shape))
    covered = rows @ cells.astype(np.float32) @ columns.T
    return covered >= min(COVERED, covered.max() * (1 - 1e-6)) if cells.any() else np.zeros((side, side), bool)


def _pooled(last, garment, cells):
    """Each channel's maximum, and its mean over the garment, weighted and added: (1280,)."""
    side = len(last)
    score = garment.reshape(side, len(garment) // side, side, -1).mean(axis=(1, 3))
    inside, weight = last[cells], (score[cells] + POOL_FLOOR)[:, None]
    mean = (inside * weight).sum(axis=0) / weight.sum()
    return inside.max(axis=0) * tail_parameters()["pool.maximum"] + mean * tail_parameters()["pool.mean"]


def _color(pixels, garment, cells):
    """The garment's pixels within the cells, each through two small layers, averaged over the garment: (64,)."""
    side = len(pixels) // COLOR_CELL
    within = _repeated(cells, side)
    # Row by row: products this small stay on one core, which is quicker than to share them out on a busy machine.
    rows = np.flatnonzero(within.any(axis=1))
    small = pixels.reshape(side, COLOR_CELL, side, COLOR_CELL, 3)[rows].mean(axis=(1, 3), dtype=np.float32)
    prepared = (small - np.float32(PREPROCESSING.mean)) / np.float32(PREPROCESSING.std)
    values = _relu(_dense(_relu(_dense(prepared, "color.pixel1")), "color.pixel2"))
    weight = (_repeated(garment, side)[rows] + np.float32(COLOR_FLOOR)) * within[rows]
    mean = np.einsum("hwc,hw->c", values, weight) / weight.sum()
    return _dense(_relu(_dense(mean, "color.hidden")), "color.out")


def _repeated(cells, side):
    """A map of cells (h, h) as one of side × side finer ones."""
    return np.kron(cells, np.ones((side // len(cells),) * 2, cells.dtype))


def _drawn(part, words, scale):
    """A unit vector (d,) moved halfway to the mean of a head's words (w, d), as far as each is believed in."""
    cosines = words @ part
    beliefs = np.exp(scale * (cosines - cosines.max()))
    return _unit(part + _unit((beliefs / beliefs.sum()) @ words))


def _dense(x, name):
    return x @ tail_parameters()[f"{name}.weight"].T + tail_parameters()[f"{name}.bias"]


def _relu(x):
    return np.maximum(x, 0)


def _unit(x):
    return x / max(float(np.linalg.norm(x)), 1e-12)
