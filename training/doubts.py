"""Which colors a product may have, as told by those who never saw its own label: the labels are doubtful."""

import cv2
import numpy as np
import torch
from losses import color_targets
from network import prepared
from torch import nn
from torch.nn import functional as F

BELIEVED = 0.5  # of a product's target is its own label, the rest what others make of its picture
FOLDS, EACH, ROUNDS, BATCH = 10, 2, 40, 128
LEVELS, STEPS = (10, 14, 14), (26, 14, 14)  # of a histogram of L, a and b, and how wide each level is
LOOK, HISTOGRAM = 256, 192  # principal components kept of each
WHITE, FAINT = 238, 0.02  # what is lighter in all channels is background, and counts that little


def targets(products, words, network, pixels, cache):
    """Return (products, words) float32: what share of the color label each word gets, all zero where none is known.

    network is the untrained one: its trunk knows ImageNet and no label. pixels are (n, S, S, 3) uint8; cache
    is the .npy file that what was found is kept in.
    """
    colors = products.labels["baseColour"]
    known = np.array([color in words for color in colors])
    own = color_targets(words).numpy()[[words.index(c) if c in words else 0 for c in colors]] * known[:, None]
    if not cache.exists():
        free = known & ~products.held
        np.save(cache, _crossed(_features(products, free, network, pixels), own.argmax(1), free, len(words)))
    told = np.load(cache)
    share = BELIEVED + (1 - BELIEVED) * (told.sum(1, keepdims=True) == 0)
    return torch.from_numpy(share * own + (1 - share) * told)


def _features(products, free, network, pixels):
    """Return (n, d) float32: look and colors of each picture, and the words of its type and gender."""
    look = np.concatenate([_looks(network, pixels[start : start + BATCH]) for start in range(0, len(pixels), BATCH)])
    histogram = np.stack([_histogram(np.asarray(image)[::2, ::2]) for image in pixels])
    parts = [_components(look, LOOK, free), 1.5 * _components(histogram, HISTOGRAM, free)]
    for attribute, weight in (("articleType", 2), ("gender", 1)):
        values = products.labels[attribute]
        parts.append(weight * (np.array(values)[:, None] == sorted(set(values))))
    return np.concatenate(parts, 1).astype(np.float32)


def _looks(network, images):
    with torch.inference_mode():
        look = network.trunk(prepared(torch.from_numpy(np.array(images))))[1].amax((2, 3))
    return F.normalize(look, dim=1).numpy()


def _histogram(image):
    """Return the square roots (1960,) of how much of the picture, but for its white, is near each color of CIELAB."""
    lab = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2LAB).reshape(-1, 3).astype(int)
    places = np.clip((lab - (0, 30, 30)) // STEPS, 0, np.array(LEVELS) - 1)
    weight = (image.reshape(-1, 3).min(1) < WHITE) + FAINT
    counts = np.bincount(np.ravel_multi_index(places.T, LEVELS), weight, np.prod(LEVELS))
    return np.sqrt(counts / counts.sum()).astype(np.float32)


def _components(vectors, count, free):
    """Return the first principal components (n, count) of vectors, of spread one, found on the free ones alone."""
    centered = vectors - vectors[free].mean(0)
    _, _, axes = np.linalg.svd(centered[free], full_matrices=False)
    found = centered @ axes[:count].T
    return found / found[free].std()


def _crossed(features, labels, free, count):
    """Return (n, count) float32: each fold's chances by those who learned from the others; zero where not free."""
    features, labels = torch.from_numpy(features), torch.from_numpy(labels)
    rows = np.random.default_rng(0).permutation(np.flatnonzero(free))
    told = np.zeros((len(features), count), np.float32)
    for number, fold in enumerate(np.array_split(rows, FOLDS)):
        rest = torch.from_numpy(np.setdiff1d(rows, fold))
        print(f"colors of products {number + 1} of {FOLDS} by what the others taught", flush=True)
        with torch.random.fork_rng():  # the training's own numbers must not depend on whether this was kept from before
            experts = [_expert(features, labels, rest, count, EACH * number + i) for i in range(EACH)]
        with torch.inference_mode():
            told[fold] = sum(expert(features[fold]).softmax(1) for expert in experts) / EACH
    return told


def _expert(features, labels, rows, count, seed):
    """Return a small network that has learned the labels of those rows."""
    torch.manual_seed(seed)
    expert = nn.Sequential(
        nn.Dropout(0.3), nn.Linear(features.shape[1], 384), nn.GELU(), nn.Dropout(0.5), nn.Linear(384, count)
    )
    optimizer = torch.optim.AdamW(expert.parameters(), 1.5e-3, weight_decay=0.05)
    steps = len(rows) // BATCH
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.5e-3, total_steps=ROUNDS * steps)
    for _ in range(ROUNDS):
        for some in rows[torch.randperm(len(rows))].split(BATCH)[:steps]:
            lost = F.cross_entropy(expert(features[some]), labels[some], label_smoothing=0.05)
            optimizer.zero_grad()
            lost.backward()
            optimizer.step()
            rates.step()
    return expert.eval()
