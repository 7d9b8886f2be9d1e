"""python -m lookalike: the same as the console script `lookalike`."""

import sys

from lookalike.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
