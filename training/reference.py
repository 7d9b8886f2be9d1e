"""What the exported network gives for four made-up images, for other implementations to match."""

import argparse
import json
from pathlib import Path

import backgrounds
import export
import numpy as np
import torch
from judge import WEIGHTS
from network import HEADS, SCALES, SIDE, Fashion, joined, prepared


def images():
    """Return four made-up images (4, 192, 192, 3) uint8."""
    rng, side = np.random.default_rng(7), SIDE
    scenes = [
        draw(rng, side) for draw in (backgrounds.gradient, backgrounds.boards, backgrounds.checks, backgrounds.bumps)
    ]
    scenes[0][50:160, 60:130] = (200, 30, 40)
    scenes[1][30:170, 40:150] = (30, 40, 90)
    return np.clip(np.stack(scenes), 0, 255).astype(np.uint8)


def outputs(network, pixels):
    """Return vector, sub-vectors, garment grid in 0..1 and scaled head logits as float32 arrays."""
    with torch.inference_mode():
        parts, grid = network(prepared(torch.from_numpy(pixels)))
        logits = {f"heads.{h}": SCALES[HEADS[h]] * network.cosines(parts, h) for h in HEADS}
    with torch.inference_mode():
        drawn = network.drawn(parts)
    found = {
        "fashion": joined(drawn, WEIGHTS),
        "garment": torch.sigmoid(grid[:, 0]),
        **{f"parts.{p}": v for p, v in parts.items()},
        **logits,
    }
    return {name: value.numpy() for name, value in found.items()}


def main():
    """Write images and outputs to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--output", required=True)
    options = parser.parse_args()
    words = json.loads(Path(options.weights).with_suffix(".json").read_text())["vocabularies"]
    network = export.read(Fashion(words), options.weights)
    shown = images()
    np.savez(options.output, images=shown, **outputs(network, shown))


if __name__ == "__main__":
    main()
