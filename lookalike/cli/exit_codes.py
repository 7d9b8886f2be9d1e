"""Run a command: errors become one sentence on stderr and an exit code, here and nowhere else."""

import io
import sys
from collections.abc import Sequence

import click

from lookalike.cli.terminal import READER_GONE, announce, discard, set_up_streams
from lookalike.errors import LookalikeError, is_out_of_memory
from lookalike.settings import ensure_home

NO_MEMORY = (
    "This machine has too little memory free. Finished work is kept, and an index that was there is unchanged. "
    "Close other programs (when indexing, lower --batch-size and --workers too), then run the same command again."
)


def run(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 with one sentence, 2 wrong usage, 130 after Ctrl-C.

    It is 141 if whoever read the results has gone, as head does. arguments come after the program's name; the default
    is this process's own.
    """
    set_up_streams()
    ensure_home()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        # command.main() would turn Ctrl-C into an Abort and lose its message.
        with command.make_context(command.name, list(arguments)) as context:
            return command.invoke(context) or 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show(usage := io.StringIO())
        announce(*usage.getvalue().strip().split("\n"))
        return error.exit_code
    except BrokenPipeError:  # while click printed --help
        discard(sys.stdout)
        return READER_GONE
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
