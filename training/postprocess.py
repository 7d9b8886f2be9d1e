"""What is done with exported networks: average several of one lineage, and balance the color path."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lookalike.types import Pixels
from training import export
from training.metrics import resize
from training.network import FashionNetwork, preprocess

BALANCE_IMAGES = 512


def average(options: argparse.Namespace) -> None:
    """Write the average of several networks, described as the first one is, with the training of all."""
    descriptions = [export.read_description(path) for path in options.weights]
    training = [description["training"] for description in descriptions]
    description = {**descriptions[0], **export.usage(), "training": training}
    size = export.write_arrays(average_weights(options.weights), options.output, description)
    print(f"{options.output}: {size} bytes")


def average_weights(paths: Sequence[str | Path]) -> dict[str, NDArray[np.float16]]:
    """Return the mean of the weights in .npz files by name, float16; a file named twice counts twice.

    What each network memorized cancels out, what they share stays. If the color paths differ in shape, the first one's
    is taken.
    """
    stored = [np.load(path) for path in paths]
    first = {name: stored[0][name] for name in stored[0].files}
    color_path = {name for name in first if name.startswith("color.")}
    alike = all(one[name].shape == first[name].shape for one in stored for name in color_path)
    total = {}
    for name in first:
        summed = stored if alike or name not in color_path else stored[:1]
        total[name] = sum(one[name].astype(np.float64) / len(summed) for one in summed)
    return {name: value.astype(np.float16) for name, value in total.items()}


def balance(options: argparse.Namespace) -> None:
    """Write the network with its color path scaled; its description stays, except for the digest."""
    network = export.load_network(options.weights)
    pixels = np.load(Path(options.work) / "products-0.npy", mmap_mode="r")[:BALANCE_IMAGES]
    scale_color_path(network, pixels, options.path)
    size = export.write_network(network, options.output, export.read_description(options.weights))
    print(f"{options.output}: {size} bytes")


def scale_color_path(network: FashionNetwork, pixels: Pixels, length: float) -> None:
    """Scale the color path's last layer in place, so that its vectors have length times the pooled one's mean norm.

    In training the two are added, but each often counts alone, so that the path's own length means nothing. pixels are
    (n, 224, 224, 3).
    """
    with torch.inference_mode():
        images = preprocess(torch.from_numpy(np.stack([resize(image) for image in pixels])))
        middle, last = network.trunk(images.contiguous(memory_format=torch.channels_last))
        score = torch.sigmoid(network.garment(middle, last))
        pooled = network.projection["color"](network.pool(last, score)).norm(dim=1).mean()
        factor = length * pooled / network.color(images, score).norm(dim=1).mean()
    network.color.out.weight.data *= factor
    network.color.out.bias.data *= factor
