"""What Ray costs and gives: one catalogue indexed by one process, then on Ray, and whether both indexes are the same.

python benchmarks/on_ray.py --images DIR [--limit N] [--ray ADDRESS] [--rounds N] [--backbone NAME]
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import harness

LEFT_OUT = "imports, and without Ray loading the models too; on Ray the first figure has all, the second no start"
FILES = ("embeddings.pkl", "filenames.pkl", "spaces.npz", "index.json", "skipped.csv")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True, help="folder of the catalogue's images")
    parser.add_argument("--limit", type=int, default=1000, help="images of it (default: 1000)")
    parser.add_argument("--ray", default="local", metavar="ADDRESS")
    parser.add_argument("--rounds", type=int, default=2, help="how often both sides run (default: 2)")
    parser.add_argument("--backbone", default="efficientnet-lite0", choices=("resnet50", "efficientnet-lite0"))
    parser.add_argument("--weights", help="ResNet-50's weights (default: made from a seed)")
    return parser.parse_args()


def main(options):
    from lookalike.images.discovery import find_images

    paths = find_images(Path(options.images).resolve())[: options.limit]
    harness.print_head(f"{options.images}: {len(paths)} images", LEFT_OUT)
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder, "images")
        shop.mkdir()
        for path in paths:
            (shop / path.name).symlink_to(path)
        backbone = ["--backbone", options.backbone]
        if options.backbone == "resnet50":
            backbone += ["--weights", options.weights or str(harness.seeded_weights(folder))]
        for number in range(options.rounds):
            compare(shop, Path(folder, str(number)), ["--ray", options.ray], backbone)


def compare(shop, folder, ray, backbone):
    """One round: both sides, then Ray again with nothing left to embed, which is what its start costs."""
    one = index(shop, folder / "one", backbone)
    many = index(shop, folder / "many", [*backbone, *ray])
    start = index(shop, folder / "many", [*backbone, *ray])
    images = one["embedded"]
    rates = [images / one["seconds"], images / many["seconds"], images / (many["seconds"] - start["seconds"])]
    print("one process {:7.1f} images/s; on Ray {:7.1f}, without its start {:7.1f}".format(*rates))
    same = all((folder / "one" / name).read_bytes() == (folder / "many" / name).read_bytes() for name in FILES)
    ratios = [start["seconds"], *(rate / rates[0] for rate in rates[1:])]
    print("start of Ray {:.1f} s; ratio {:.2f}, without its start {:.2f}".format(*ratios), end="; ")
    print("the same index, byte by byte" if same else "THE INDEXES DIFFER", flush=True)


def index(shop, output, options):
    """What the summary of a run says."""
    command = [sys.executable, "extract_features.py", "--images", str(shop), "--output", str(output), "--no-tune"]
    done = subprocess.run([*command, *options], cwd=harness.ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    embedded, seconds = re.search(r"(\d+) embedded in ([\d.]+) s", done.stdout).groups()
    return {"embedded": int(embedded), "seconds": float(seconds)}


if __name__ == "__main__":
    main(arguments())
