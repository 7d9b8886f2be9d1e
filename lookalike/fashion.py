"""Our own small network: prepared pixels → fashion vector, and where in the picture the garment is."""

import json
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import numpy as np

from .backbones import Backbone, Preprocessing, file_sha256
from .errors import WeightsError

WEIGHTS = Path(__file__).parent / "weights" / "fashion.npz"
# How many numbers a fashion vector has.
DIMENSION = 256
# Products need the vector and the garment's scores; only a query's regions need the network's last map too.
INDEXED_OUTPUTS = 2
# The side it sees garments best at, having been trained on smaller ones; its maps have sides of SIDE/16 and SIDE/32.
SIDE = 192
PREPROCESSING = Preprocessing(SIDE, "RGB", (127.0,) * 3, (128.0,) * 3)


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


def beliefs(vector, attribute):
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
