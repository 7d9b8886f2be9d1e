"""python -m lookalike: the same as the console script `lookalike`."""

from lookalike.cli.main import start

if __name__ == "__main__":
    start()
