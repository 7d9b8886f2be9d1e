"""The trained network as float16 arrays (.npz), with a description beside them (.json)."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lookalike.files import sha256
from training import dataset
from training.dataset import Dataset
from training.network import FashionNetwork, design

# What the description says about every network of this design, before and after its vocabularies.
DESIGN_KEYS = ("name", "dimension", "parts", "part_weights", "heads", "naming", "drawn", "scales")
USAGE_KEYS = (
    "input",
    "garment_grid",
    "color_cell",
    "pool_floor",
    "color_floor",
    "norm_epsilon",
    "norm_folded",
    "padding",
)


def usage() -> dict[str, Any]:
    """Return what images the network is used on, and how."""
    return {key: design()[key] for key in USAGE_KEYS}


def describe(
    words: Mapping[str, Sequence[str]], products: Dataset, photos: Dataset, training: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a program must know to run the network, and to judge it on unseen images."""
    people = {p for p, held_out in zip(photos.labels["person"], photos.held_out) if held_out}
    return {
        **{key: design()[key] for key in DESIGN_KEYS},
        "vocabularies": words,
        **usage(),
        "training": training,
        "held_out": {
            "rule": "numpy.random.default_rng(seed).permutation over ids sorted as text, the first "
            "so many; people in the same way, see training/dataset.py",
            "seed": dataset.SEED,
            "products": int(products.held_out.sum()),
            "product_ids": [n for n, held_out in zip(products.names, products.held_out) if held_out],
            "photos": int(photos.held_out.sum()),
            "people": sorted(people, key=int),
        },
    }


def read_description(weights: str | Path) -> dict[str, Any]:
    """Return the description beside an exported .npz."""
    return json.loads(Path(weights).with_suffix(".json").read_text())


def write_network(network: FashionNetwork, output: str | Path, description: Mapping[str, Any]) -> int:
    """Write every parameter and statistic as float16, the trunk's under ImageNet's names; return the file's bytes."""
    state = network.state_dict()
    arrays = {k.removeprefix("trunk."): v.float().numpy().astype(np.float16) for k, v in state.items()}
    return write_arrays(arrays, output, description)


def write_arrays(arrays: Mapping[str, NDArray], output: str | Path, description: Mapping[str, Any]) -> int:
    """Write arrays as .npz and their description as .json; return the bytes of the first."""
    output = Path(output)
    np.savez_compressed(output, **arrays)
    content = output.read_bytes()
    description = {**description, "sha256": sha256(content), "bytes": len(content)}
    output.with_suffix(".json").write_text(json.dumps(description, indent=1) + "\n")
    return len(content)


def load_weights(network: FashionNetwork, path: str | Path, skip_other_shapes: bool = False) -> FashionNetwork:
    """Load an exported .npz into a network as float32 and return it, set to evaluation.

    With skip_other_shapes, layers that the file lacks or has in another shape stay as they are.
    """
    state = network.state_dict()
    with np.load(path) as stored:
        for name, own in state.items():
            exported = name.removeprefix("trunk.")
            if skip_other_shapes and (exported not in stored or stored[exported].shape != own.shape):
                continue
            state[name] = torch.from_numpy(stored[exported].astype(np.float32))
    network.load_state_dict(state)
    return network.eval()


def load_network(path: str | Path) -> FashionNetwork:
    """Return the network that an exported .npz and the .json beside it describe."""
    return load_weights(FashionNetwork(read_description(path)["vocabularies"]), path)
