"""Index a catalogue: python extract_features.py --images DIR. Run it once; the app reads what it writes."""

from lookalike.cli.exit_codes import run_and_exit
from lookalike.cli.indexing import index

if __name__ == "__main__":
    run_and_exit(index)
