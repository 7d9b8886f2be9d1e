"""Let the color path count: what is added up in training often comes alone, so that its length means nothing yet."""

import argparse
import json
from pathlib import Path

import export
import numpy as np
import torch
from judge import resized
from network import Fashion, prepared

PATH = 1.0  # how long the color path's vector is beside the pooled one, on average; chosen on held-out products
IMAGES = 512


def main():
    """Write the balanced weights; what is written of them stays, but for their digest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", help="an exported .npz, its .json beside it")
    parser.add_argument("--work", required=True, help="the training's folder of pixels")
    parser.add_argument("--path", type=float, default=PATH, help="how long the path's vector is to be")
    parser.add_argument("--output", required=True, help="the .npz to write; a .json goes beside it")
    options = parser.parse_args()
    about = json.loads(Path(options.weights).with_suffix(".json").read_text())
    network = export.read(Fashion(about["vocabularies"]), options.weights)
    pixels = np.load(Path(options.work) / "products.npy", mmap_mode="r")[:IMAGES]
    balance(network, pixels, options.path)
    print(f"{options.output}: {export.write(network, options.output, about)} bytes")


def balance(network, pixels, path=PATH):
    """Scale the color path's last layer in place, going by pixels (n, 224, 224, 3) uint8."""
    with torch.inference_mode():
        images = prepared(torch.from_numpy(np.stack([resized(image) for image in pixels])))
        middle, last = network.trunk(images.contiguous(memory_format=torch.channels_last))
        score = torch.sigmoid(network.garment(middle, last))
        pooled = network.projection["color"](network.pool(last, score)).norm(dim=1).mean()
        factor = path * pooled / network.color(images, score).norm(dim=1).mean()
    network.color.out.weight.data *= factor
    network.color.out.bias.data *= factor


if __name__ == "__main__":
    main()
