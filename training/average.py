"""Average exported networks that began as one: what each learned by heart cancels out, what they share stays."""

import argparse
import json
from pathlib import Path

import export
import numpy as np


def averaged(paths, shares):
    """Return the weights by name, float16, of networks in .npz files, each counting its share of the sum."""
    total = {}
    for path, share in zip(paths, shares, strict=True):
        with np.load(path) as stored:
            for name in stored.files:
                total[name] = total.get(name, 0) + stored[name].astype(np.float64) * (share / sum(shares))
    return {name: value.astype(np.float16) for name, value in total.items()}


def main():
    """Write the average; what is written of it is what was written of the first, and of what it was made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", nargs="+", help="exported .npz files, of one line")
    parser.add_argument("--shares", nargs="+", type=float, help="how much each counts; default: all the same")
    parser.add_argument("--output", required=True, help="the .npz to write; a .json goes beside it")
    options = parser.parse_args()
    shares = options.shares or [1.0] * len(options.weights)
    descriptions = [json.loads(Path(p).with_suffix(".json").read_text()) for p in options.weights]
    trainings = [{**d["training"], "share": s} for d, s in zip(descriptions, shares, strict=True)]
    about = {**descriptions[0], **export.usage(), "training": trainings}
    print(f"{options.output}: {export.store(averaged(options.weights, shares), options.output, about)} bytes")


if __name__ == "__main__":
    main()
