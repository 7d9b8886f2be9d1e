"""Noisy labels: which colors a product may have, according to small networks that never saw its own label.

Such cross-fitted predictions replace half of each color label, since the catalogue's color words are unreliable.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional as F

from lookalike.types import Mask, Matrix, Pixels
from training.dataset import Dataset
from training.losses import color_targets
from training.network import FashionNetwork, preprocess

OWN_LABEL_SHARE = 0.5  # of a product's target; the rest is what the networks predict from its picture
FOLDS, NETWORKS_PER_FOLD, EPOCHS, BATCH = 10, 2, 40, 128
HISTOGRAM_BINS, BIN_WIDTHS = (10, 14, 14), (26, 14, 14)  # of L, a and b
LOOK_COMPONENTS, HISTOGRAM_COMPONENTS = 256, 192
WHITE, WHITE_WEIGHT = 238, 0.02  # a pixel lighter than this in all channels is background, and counts this little


def estimate_color_targets(
    products: Dataset, words: Sequence[str], network: FashionNetwork, pixels: Pixels, cache: Path
) -> torch.Tensor:
    """Return each product's target distribution over the color words, float32 (products, words), zero if unknown.

    network is the untrained one: its trunk knows ImageNet but no label. pixels are (n, S, S, 3); cache is the .npy file
    that keeps the predictions.
    """
    colors = products.labels["baseColour"]
    known = np.array([color in words for color in colors])
    own = color_targets(words).numpy()[[words.index(c) if c in words else 0 for c in colors]] * known[:, None]
    if not cache.exists():
        rows = known & ~products.held_out
        np.save(cache, _cross_fit(_features(products, rows, network, pixels), own.argmax(1), rows, len(words)))
    predicted = np.load(cache)
    share = OWN_LABEL_SHARE + (1 - OWN_LABEL_SHARE) * (predicted.sum(1, keepdims=True) == 0)
    return torch.from_numpy(share * own + (1 - share) * predicted)


def _features(products: Dataset, rows: Mask, network: FashionNetwork, pixels: Pixels) -> Matrix:
    """Return look and colors of each picture, and its type and gender one-hot: float32 (n, d)."""
    look = np.concatenate([_look(network, pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH)])
    histograms = np.stack([_color_histogram(np.asarray(image)[::2, ::2]) for image in pixels])
    parts = [
        _principal_components(look, LOOK_COMPONENTS, rows),
        1.5 * _principal_components(histograms, HISTOGRAM_COMPONENTS, rows),
    ]
    for attribute, weight in (("articleType", 2), ("gender", 1)):
        values = products.labels[attribute]
        parts.append(weight * (np.array(values)[:, None] == sorted(set(values))))
    return np.concatenate(parts, 1).astype(np.float32)


def _look(network: FashionNetwork, images: Pixels) -> Matrix:
    with torch.inference_mode():
        look = network.trunk(preprocess(torch.from_numpy(np.array(images))))[1].amax((2, 3))
    return F.normalize(look, dim=1).numpy()


def _color_histogram(image: Pixels) -> Matrix:
    """Return the square roots (1960,) of how much of the picture, except for its white, is in each bin of CIELAB."""
    lab = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2LAB).reshape(-1, 3).astype(int)
    bins = np.clip((lab - (0, 30, 30)) // BIN_WIDTHS, 0, np.array(HISTOGRAM_BINS) - 1)
    weight = (image.reshape(-1, 3).min(1) < WHITE) + WHITE_WEIGHT
    counts = np.bincount(np.ravel_multi_index(bins.T, HISTOGRAM_BINS), weight, np.prod(HISTOGRAM_BINS))
    return np.sqrt(counts / counts.sum()).astype(np.float32)


def _principal_components(vectors: Matrix, count: int, rows: Mask) -> Matrix:
    """Return the first principal components (n, count) of vectors, fitted to and scaled to spread 1 on rows only."""
    centered = vectors - vectors[rows].mean(0)
    _, _, axes = np.linalg.svd(centered[rows], full_matrices=False)
    components = centered @ axes[:count].T
    return components / components[rows].std()


def _cross_fit(features: Matrix, labels: NDArray[np.int64], rows: Mask, count: int) -> Matrix:
    """Return each row's probabilities by networks trained on the other folds, float32 (n, count); zero outside rows."""
    features, labels = torch.from_numpy(features), torch.from_numpy(labels)
    order = np.random.default_rng(0).permutation(np.flatnonzero(rows))
    predicted = np.zeros((len(features), count), np.float32)
    for number, fold in enumerate(np.array_split(order, FOLDS)):
        others = torch.from_numpy(np.setdiff1d(order, fold))
        print(f"Predicting the colors of fold {number + 1} of {FOLDS} from the others", flush=True)
        with torch.random.fork_rng():  # the training's own random numbers must not depend on the cache
            networks = [
                _train_network(features, labels, others, count, NETWORKS_PER_FOLD * number + i)
                for i in range(NETWORKS_PER_FOLD)
            ]
        with torch.inference_mode():
            predicted[fold] = sum(network(features[fold]).softmax(1) for network in networks) / NETWORKS_PER_FOLD
    return predicted


def _train_network(
    features: torch.Tensor, labels: torch.Tensor, rows: torch.Tensor, count: int, seed: int
) -> nn.Module:
    """Return a small network that has learned the labels of those rows."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Dropout(0.3), nn.Linear(features.shape[1], 384), nn.GELU(), nn.Dropout(0.5), nn.Linear(384, count)
    )
    optimizer = torch.optim.AdamW(network.parameters(), 1.5e-3, weight_decay=0.05)
    steps = len(rows) // BATCH
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.5e-3, total_steps=EPOCHS * steps)
    for _ in range(EPOCHS):
        for batch in rows[torch.randperm(len(rows))].split(BATCH)[:steps]:
            loss = F.cross_entropy(network(features[batch]), labels[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rates.step()
    return network.eval()
