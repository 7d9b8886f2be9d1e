"""What Ray costs and gains: one catalogue indexed by one process and then on Ray, and whether the indexes are equal.

python benchmarks/on_ray.py --images DIR [--limit N] [--ray ADDRESS] [--rounds N] [--backbone NAME]
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import harness

LEFT_OUT = "imports, and without Ray loading the models; on Ray the first rate includes all, the second not the start"
FILES = ("embeddings.pkl", "filenames.pkl", "spaces.npz", "index.json", "skipped.csv")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True, help="folder of the catalogue's images")
    parser.add_argument("--limit", type=int, default=1000, help="how many of the images (default: 1000)")
    parser.add_argument("--ray", default="local", metavar="ADDRESS")
    parser.add_argument("--rounds", type=int, default=2, help="how often both sides run (default: 2)")
    parser.add_argument("--backbone", default="efficientnet-lite0", choices=("resnet50", "efficientnet-lite0"))
    parser.add_argument("--weights", help="ResNet-50's weights (default: made from a seed)")
    return parser.parse_args()


def main(options: argparse.Namespace) -> None:
    from lookalike.images.discovery import find_images

    paths = find_images(Path(options.images).resolve())[: options.limit]
    harness.print_head(f"{options.images}: {len(paths)} images", LEFT_OUT)
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder, "images")
        images.mkdir()
        for path in paths:
            (images / path.name).symlink_to(path)
        backbone = ["--backbone", options.backbone]
        if options.backbone == "resnet50":
            backbone += ["--weights", options.weights or str(harness.seeded_weights(folder))]
        for number in range(options.rounds):
            compare(images, Path(folder, str(number)), ["--ray", options.ray], backbone)


def compare(images: Path, folder: Path, ray: Sequence[str], backbone: Sequence[str]) -> None:
    """Run one round: both sides, then Ray again with nothing left to embed, which is the cost of its start."""
    count, alone = index(images, folder / "one", backbone)
    _, on_ray = index(images, folder / "many", [*backbone, *ray])
    _, start = index(images, folder / "many", [*backbone, *ray])
    rates = [count / alone, count / on_ray, count / (on_ray - start)]
    print("one process {:7.1f} images/s; on Ray {:7.1f}, without its start {:7.1f}".format(*rates))
    same = all((folder / "one" / name).read_bytes() == (folder / "many" / name).read_bytes() for name in FILES)
    ratios = [start, *(rate / rates[0] for rate in rates[1:])]
    print("start of Ray {:.1f} s; ratio {:.2f}, without its start {:.2f}".format(*ratios), end="; ")
    print("the same index, byte by byte" if same else "THE INDEXES DIFFER", flush=True)


def index(images: Path, output: Path, options: Sequence[str]) -> tuple[int, float]:
    """Index, and return how many images were embedded and how many seconds the run took."""
    command = [sys.executable, "-m", "lookalike", "index", "--images", str(images), "--output", str(output)]
    done = subprocess.run([*command, "--no-tune", *options], cwd=harness.ROOT, capture_output=True, text=True)
    summary = re.search(r"(\d+) embedded in ([\d.]+) s", done.stdout)
    if done.returncode or not summary:
        sys.exit(done.stderr[-2000:] or done.stdout[-2000:])
    return int(summary[1]), float(summary[2])


if __name__ == "__main__":
    main(parse_arguments())
