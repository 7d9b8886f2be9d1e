"""The trained network as float16 arrays with a description beside them."""

import hashlib
import json
from pathlib import Path

import catalogue
import numpy as np
import torch
from judge import WEIGHTS
from network import CELL, DRAWN, HEADS, NAMING, PARTS, SCALES, SIDE


def arrays(network):
    """Return every parameter and statistic as float16, the trunk's under ImageNet's own names."""
    state = network.state_dict()
    return {k.removeprefix("trunk."): v.float().numpy().astype(np.float16) for k, v in state.items()}


def usage():
    """Return what images the network is used on, and what it makes of them."""
    return {
        "input": {
            "side": SIDE,
            "channels": "RGB",
            "mean": 127.0,
            "std": 128.0,
            "resize": "squash, antialiased bilinear; beyond 3:4 and 1:1 extended by its rims first",
        },
        "garment_grid": SIDE // 16,
        "color_cell": CELL,
        "norm_epsilon": 1e-3,
        "norm_folded": False,
        "padding": "SAME as TensorFlow's: stride 2 pads one less at the top and left",
    }


def description(words, products, photos, run, seed):
    """Return what a program must know to run the network, and to judge it on unseen images."""
    people = {p for p, held in zip(photos.labels["person"], photos.held) if held}
    return {
        "name": "fashion",
        "dimension": sum(PARTS.values()),
        "parts": PARTS,
        "part_weights": WEIGHTS,
        "heads": HEADS,
        "naming": NAMING,
        "drawn": DRAWN,
        "scales": SCALES,
        "vocabularies": words,
        **usage(),
        "training": {"seed": seed, "steps": run.step, "seconds": round(run.seconds)},
        "held_out": {
            "rule": "numpy.random.default_rng(seed).permutation over ids sorted as text, the first "
            "so many; people in the same way, see training/catalogue.py",
            "seed": catalogue.SEED,
            "products": int(products.held.sum()),
            "product_ids": [n for n, held in zip(products.names, products.held) if held],
            "photos": int(photos.held.sum()),
            "people": sorted(people, key=int),
        },
    }


def write(network, output, about):
    """Write OUTPUT.npz and OUTPUT.json; return the size of the first in bytes."""
    return store(arrays(network), output, about)


def store(weights, output, about):
    """Write arrays and their description; return the size of the arrays' file in bytes."""
    output = Path(output)
    np.savez_compressed(output, **weights)
    data = output.read_bytes()
    about = {**about, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    output.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n")
    return len(data)


def read(network, path, anew=False):
    """Load an exported .npz into a network, as float32; anew leaves layers of another shape as they are."""
    with np.load(path) as stored:
        names = {k: k.removeprefix("trunk.") for k in network.state_dict()}
        state = {k: torch.from_numpy(stored[v].astype(np.float32)) for k, v in names.items()}
    if anew:
        state = {k: v if state[k].shape != v.shape else state[k] for k, v in network.state_dict().items()}
    network.load_state_dict(state)
    return network.eval()
