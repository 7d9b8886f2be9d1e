"""What an exported network gives for four synthetic images, as a reference for other implementations."""

import argparse

import numpy as np
import torch

from lookalike.types import Matrix, Pixels
from training import augmentation
from training.export import load_network
from training.network import FashionNetwork, design, join_parts, preprocess


def main(options: argparse.Namespace) -> None:
    """Write images and outputs to an .npz file."""
    network = load_network(options.weights)
    images = make_images()
    np.savez(options.output, images=images, **outputs(network, images))


def make_images() -> Pixels:
    """Return four synthetic images, uint8 (4, 192, 192, 3)."""
    rng, side = np.random.default_rng(7), design()["input"]["side"]
    kinds = (augmentation.gradient, augmentation.boards, augmentation.checks, augmentation.bumps)
    scenes = [draw(rng, side) for draw in kinds]
    scenes[0][50:160, 60:130] = (200, 30, 40)
    scenes[1][30:170, 40:150] = (30, 40, 90)
    return np.clip(np.stack(scenes), 0, 255).astype(np.uint8)


def outputs(network: FashionNetwork, pixels: Pixels) -> dict[str, Matrix]:
    """Return vector, parts, garment grid in 0..1 and scaled head logits as float32 arrays."""
    with torch.inference_mode():
        parts, grid = network(preprocess(torch.from_numpy(pixels)))
        found = {
            "fashion": join_parts(network.pull_to_words(parts), design()["part_weights"]),
            "garment": torch.sigmoid(grid[:, 0]),
            **{f"parts.{part}": vector for part, vector in parts.items()},
            **{f"heads.{head}": network.logits(parts, head) for head in design()["heads"]},
        }
    return {name: value.numpy() for name, value in found.items()}
