"""The training loop: a schedule over progress, averaged weights, checkpoints to resume from."""

import copy
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch

from training.batches import Batch
from training.losses import garment_loss, instance_loss, product_losses, shot_losses
from training.network import FashionNetwork, preprocess

TRUNK_RATE, NEW_RATE, WEIGHT_DECAY, AVERAGE_DECAY = 5e-4, 2e-3, 0.05, 0.998
WARMUP_STEPS = 150
LOSS_WEIGHTS = {"products": 0.8, "views": 0.6, "shots": 1.1, "instances": 0.5, "garment": 1.0}
Sides: TypeAlias = tuple[tuple[float, int], ...]
SIDES: Sides = ((0.28, 128), (0.75, 160), (9.0, 192))  # until which progress, pixels
# A trained network that continues with a schedule of its own has seen enough small images.
FINE_TUNING_SIDES: Sides = ((0.55, 160), (9.0, 192))
FINE_TUNING_RATE = 0.6
MAX_STEP_SECONDS = 20.0  # that one step may count for: a machine that slept has not trained
CHECKPOINT_SECONDS = 180.0


@dataclass
class Run:
    """What a checkpoint keeps: the network, its average, the optimizer, steps and seconds so far."""

    network: FashionNetwork
    average: FashionNetwork
    optimizer: torch.optim.Optimizer
    sides: Sides
    step: int = 0
    seconds: float = 0.0


def start_run(network: FashionNetwork, fine_tuning: bool = False) -> Run:
    """Return a run at its first step; layers that ImageNet did not train learn faster."""
    trunk_rate, new_rate = (rate * (FINE_TUNING_RATE if fine_tuning else 1) for rate in (TRUNK_RATE, NEW_RATE))
    trunk = list(network.trunk.parameters())
    new = [p for name, p in network.named_parameters() if not name.startswith("trunk.")]
    groups = [{"params": trunk, "peak": trunk_rate}, {"params": new, "peak": new_rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
    return Run(network, copy.deepcopy(network), optimizer, FINE_TUNING_SIDES if fine_tuning else SIDES)


def save_checkpoint(run: Run, path: Path) -> None:
    """Write a checkpoint to a temporary file and rename it into place."""
    state = {
        "network": run.network.state_dict(),
        "average": run.average.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "step": run.step,
        "seconds": run.seconds,
    }
    torch.save(state, f"{path}.part")
    Path(f"{path}.part").replace(path)


def restore_checkpoint(run: Run, path: Path) -> None:
    """Set a run to a checkpoint's state."""
    state = torch.load(path, weights_only=True)
    run.network.load_state_dict(state["network"])
    run.average.load_state_dict(state["average"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.step, run.seconds = state["step"], state["seconds"]


def side_at(run: Run, progress: float) -> int:
    """Return the side in pixels of a run's images at a progress in 0..1."""
    return next(side for until, side in run.sides if progress < until)


def _set_rates(run: Run, progress: float) -> None:
    """Warm up by steps, then follow a cosine over progress down to a hundredth."""
    warmup = min(1.0, (run.step + 1) / WARMUP_STEPS)
    cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    for group in run.optimizer.param_groups:
        group["lr"] = group["peak"] * warmup * cosine


def _update_average(run: Run) -> None:
    """Move the averaged weights towards the network's."""
    decay = min(AVERAGE_DECAY, (1 + run.step) / (10 + run.step))
    with torch.no_grad():
        for mean, current in zip(run.average.parameters(), run.network.parameters()):
            mean.lerp_(current, 1 - decay)


def _take_step(run: Run, batch: Batch, colors: torch.Tensor) -> dict[str, float]:
    """Take one step and return the losses by name."""
    run.network.train()
    parts, grid = run.network(preprocess(batch.images))
    first_shot = 2 * batch.products + batch.recolored

    def some(start: int, end: int | None) -> dict[str, torch.Tensor]:
        return {name: vectors[start:end] for name, vectors in parts.items()}

    shares = batch.labels["articleType"][2]
    losses = {
        "products": product_losses(run.network, some(0, batch.products), batch.labels, colors),
        "views": product_losses(run.network, some(batch.products, 2 * batch.products), batch.views, colors),
        "shots": shot_losses(run.network, some(first_shot, None), batch.shots, batch.other_shots, batch.shot_shares),
        "instances": instance_loss(some(0, first_shot), batch.products, batch.recolored, shares),
        "garment": garment_loss(grid, batch.masks),
    }
    run.optimizer.zero_grad()
    sum(LOSS_WEIGHTS[name] * loss for name, loss in losses.items()).backward()
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 5.0)
    run.optimizer.step()
    run.step += 1
    _update_average(run)
    return {name: loss.item() for name, loss in losses.items()}


def train(
    run: Run,
    make_batch: Callable[[int, int], Batch],
    colors: torch.Tensor,
    progress_of: Callable[[Run], float],
    report: Callable[[Run, float, dict[str, float]], None],
    checkpoint: Path,
) -> None:
    """Train until progress_of(run) reaches 1; make_batch takes a side and a step.

    colors are the target distributions of the color words, (words, words).
    """
    saved = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        next_batch = pool.submit(make_batch, side_at(run, progress_of(run)), run.step)
        while (progress := progress_of(run)) < 1:
            began, batch = time.monotonic(), next_batch.result()
            # The next batch is made while this one is learned from.
            next_batch = pool.submit(make_batch, side_at(run, progress), run.step + 1)
            _set_rates(run, progress)
            losses = _take_step(run, batch, colors)
            run.seconds += min(time.monotonic() - began, MAX_STEP_SECONDS)
            report(run, progress, losses)
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                save_checkpoint(run, checkpoint)
                saved = time.monotonic()
    save_checkpoint(run, checkpoint)
