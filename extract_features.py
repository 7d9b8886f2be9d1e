"""Index a catalogue: python extract_features.py --images DIR. Run it once; the app reads what it writes."""

import sys

from lookalike.cli.exit_codes import run
from lookalike.cli.indexing import index

if __name__ == "__main__":
    sys.exit(run(index))
