"""Average exported networks that began as one: what each learned by heart cancels out, what they share stays."""

import argparse
import json
from pathlib import Path

import export
import numpy as np


def averaged(paths):
    """Return the weights by name, float16, that lie in the middle of those in .npz files."""
    total = {}
    for path in paths:
        with np.load(path) as stored:
            for name in stored.files:
                total[name] = total.get(name, 0) + stored[name].astype(np.float64) * (1 / len(paths))
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
