"""Run a command: errors become one sentence on stderr and an exit code, here and nowhere else."""

import sys
from collections.abc import Sequence

import click

from lookalike.errors import LookalikeError, is_out_of_memory

NO_MEMORY = (
    "This machine has too little memory free. Finished work is kept, and an index that was there is unchanged. "
    "Close other programs (when indexing, lower --batch-size and --workers too), then run the same command again."
)


def run(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 with one sentence, 2 wrong usage, 130 after Ctrl-C.

    arguments come after the program's name; the default is this process's own.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        # command.main() would turn Ctrl-C into an Abort and lose its message.
        with command.make_context(command.name, list(arguments)) as context:
            return command.invoke(context) or 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except LookalikeError as error:
        announce(f"error: {error}")
        return 1
    except KeyboardInterrupt as interrupt:
        announce(str(interrupt) or "Stopped. Nothing is lost; run the same command again to go on.")
        return 130
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        announce(f"error: {NO_MEMORY}")
        return 1


def announce(text: str) -> None:
    """Print a sentence for the person at the terminal to stderr: stdout is for results."""
    click.echo(text, err=True)
