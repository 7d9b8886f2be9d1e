"""python -m lookalike: the same commands as the console script."""

import sys

from lookalike.cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
