"""The training loop: a schedule over progress, averaged weights, checkpoints to go on from."""

import copy
import math
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import export
import torch
from losses import garment_loss, photo_losses, product_losses
from network import prepared

RATE, NEW_RATE, DECAY, AVERAGE = 5e-4, 2e-3, 0.05, 0.998
WARMUP = 150  # steps
SIDES = ((0.28, 128), (0.75, 160), (9.0, 192))  # until which progress, pixels
# A trained network that goes on with a schedule of its own has seen small images enough.
FURTHER_SIDES, FURTHER_RATE = ((0.55, 160), (9.0, 192)), 0.6
LONGEST_STEP = 20.0  # seconds that one step may count for: a machine that slept has not trained


@dataclass
class Run:
    """What a checkpoint keeps: the network, its average, the optimizer, steps and seconds so far."""

    network: torch.nn.Module
    average: torch.nn.Module
    optimizer: torch.optim.Optimizer
    sides: tuple
    step: int = 0
    seconds: float = 0.0


def start(network, further=False):
    """Return a run at its first step; what ImageNet did not train learns faster."""
    rate, new_rate = (r * (FURTHER_RATE if further else 1) for r in (RATE, NEW_RATE))
    old = list(network.trunk.parameters())
    new = [p for name, p in network.named_parameters() if not name.startswith("trunk.")]
    groups = [{"params": old, "peak": rate}, {"params": new, "peak": new_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=DECAY)
    return Run(network, copy.deepcopy(network), optimizer, FURTHER_SIDES if further else SIDES)


def adopt(run, initial):
    """Begin with the exported weights in the .npz file initial; a layer of another shape begins anew."""
    for network in (run.network, run.average):
        export.read(network, initial, anew=True)


def save(run, path):
    """Write a checkpoint beside its place and rename it."""
    state = {
        "network": run.network.state_dict(),
        "average": run.average.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "step": run.step,
        "seconds": run.seconds,
    }
    torch.save(state, f"{path}.part")
    Path(f"{path}.part").replace(path)


def restore(run, path):
    """Go on from a checkpoint."""
    state = torch.load(path, weights_only=True)
    run.network.load_state_dict(state["network"])
    run.average.load_state_dict(state["average"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.step, run.seconds = state["step"], state["seconds"]


def side_at(run, progress):
    """Return the side in pixels of a run's images at a progress in 0..1."""
    return next(side for until, side in run.sides if progress < until)


def set_rates(run, progress):
    """Warm up by steps, then follow a cosine over progress down to a hundredth."""
    warm = min(1.0, (run.step + 1) / WARMUP)
    cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    for group in run.optimizer.param_groups:
        group["lr"] = group["peak"] * warm * cosine


def follow(run):
    """Move the averaged weights towards the network's."""
    keep = min(AVERAGE, (1 + run.step) / (10 + run.step))
    with torch.no_grad():
        for mean, now in zip(run.average.parameters(), run.network.parameters()):
            mean.lerp_(now, 1 - keep)


def learn(run, batch, colors, allowed):
    """Take one step; return the losses by name."""
    images, masks, labels, photo_labels = batch
    run.network.train()
    parts, grid = run.network(prepared(images))
    count = len(images) - len(photo_labels[0])
    losses = {
        "products": product_losses(run.network, {k: v[:count] for k, v in parts.items()}, labels, colors),
        "photos": photo_losses(run.network, {k: v[count:] for k, v in parts.items()}, photo_labels, allowed),
        "garment": garment_loss(grid, masks),
    }
    run.optimizer.zero_grad()
    sum(losses.values()).backward()
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 5.0)
    run.optimizer.step()
    run.step += 1
    follow(run)
    return {k: v.item() for k, v in losses.items()}


def train(run, make, colors, allowed, progress_of, report, checkpoint, every=180.0):
    """Train until progress_of(run) reaches 1; make(side, step) returns a batch."""
    saved = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        ahead = pool.submit(make, side_at(run, progress_of(run)), run.step)
        while (progress := progress_of(run)) < 1:
            began, batch = time.monotonic(), ahead.result()
            # The next batch is made while this one is learned from.
            ahead = pool.submit(make, side_at(run, progress), run.step + 1)
            set_rates(run, progress)
            losses = learn(run, batch, colors, allowed)
            run.seconds += min(time.monotonic() - began, LONGEST_STEP)
            report(run, progress, losses)
            if time.monotonic() - saved > every:
                save(run, checkpoint)
                saved = time.monotonic()
    save(run, checkpoint)
