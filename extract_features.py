"""Index a catalogue: python extract_features.py --images DIR. Run it once; the app reads what it writes."""

import sys

from lookalike.cli.indexing import main

if __name__ == "__main__":
    sys.exit(main())
