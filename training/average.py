"""Average exported networks that began as one: what each learned by heart cancels out, what they share stays."""

import argparse
import json
from pathlib import Path

import export
import numpy as np


def averaged(paths):
    """Return the weights by name, float16, that lie in the middle of those in .npz files.

    Color paths that are not all of one shape have no middle: the first's is taken.
    """
    stored = [np.load(path) for path in paths]
    first = {name: stored[0][name] for name in stored[0].files}
    path = {name for name in first if name.startswith("color.")}
    alike = all(one[name].shape == first[name].shape for one in stored for name in path)
    total = {}
    for name in first:
        summed = stored if alike or name not in path else stored[:1]
        total[name] = sum(one[name].astype(np.float64) / len(summed) for one in summed)
    return {name: value.astype(np.float16) for name, value in total.items()}


def main():
    """Write the average; what is written of it is what was written of the first, and of what it was made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", nargs="+", help="exported .npz files, of one line; one named twice counts twice")
    parser.add_argument("--output", required=True, help="the .npz to write; a .json goes beside it")
    options = parser.parse_args()
    descriptions = [json.loads(Path(p).with_suffix(".json").read_text()) for p in options.weights]
    about = {**descriptions[0], **export.usage(), "training": [d["training"] for d in descriptions]}
    print(f"{options.output}: {export.store(averaged(options.weights), options.output, about)} bytes")


if __name__ == "__main__":
    main()
