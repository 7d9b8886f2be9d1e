"""Run a command: errors become one sentence on stderr and an exit code, here and nowhere else."""

import _thread
import io
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn

import click

from lookalike.cli.terminal import announce, set_up_streams, show
from lookalike.errors import LookalikeError, is_out_of_memory
from lookalike.settings import ensure_home

NO_MEMORY = (
    "This machine has too little memory free. Finished work is kept, and an index that was there is unchanged. "
    "Close other programs (when indexing, lower --batch-size and --workers too), then run the same command again."
)

NO_FOLDER = "The folder that this command was started in is gone. Change to another one and run the same command again."

# Functions of threading that take or give back a lock. An interrupt in one of them may leave it locked for ever, and a
# pool of threads that wait for it never ends.
LOCKING_FUNCTIONS = {"__enter__", "__exit__", "_acquire_restore", "_release_save"}
# After so many seconds a Ctrl-C that came at such a moment is sent again.
SECONDS_TO_RETRY = 0.01

INTERRUPTED = 130
# Threads that a Ctrl-C leaves behind have so long to end.
SECONDS_TO_END = 30.0

# A Ctrl-C within so many seconds of the last one is ignored: the command is already stopping.
SECONDS_TO_STOP = 2.0


def run_and_exit(command: click.Command) -> NoReturn:
    """Run a command with this process's arguments and end the process with its exit code.

    A second Ctrl-C right after the first is ignored, and so is one while the process waits for its threads at the end:
    it would only add a traceback to the sentence that says what is saved.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # jobs in a shell's background ignore it
        signal.signal(signal.SIGINT, _interrupt_handler())
    code = run(command)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if code == INTERRUPTED:
        _thread.start_new_thread(_end_anyway, (code,))
    sys.exit(code)


def _end_anyway(code: int) -> None:
    """End the process if its other threads have not ended in time; what they were doing is not wanted any more."""
    time.sleep(SECONDS_TO_END)
    os._exit(code)


def _interrupt_handler() -> Callable[[int, FrameType | None], None]:
    """Return a signal handler that raises KeyboardInterrupt, but not within SECONDS_TO_STOP of the last time.

    Where a lock is just being taken or given back, it does so a moment later.
    """
    raised_at = -math.inf

    def handle(signal_number: int, frame: FrameType | None) -> None:
        nonlocal raised_at
        if time.monotonic() - raised_at <= SECONDS_TO_STOP:
            return
        code = frame.f_code if frame else None
        if code and code.co_filename == threading.__file__ and code.co_name in LOCKING_FUNCTIONS:
            _thread.start_new_thread(_interrupt_later, (threading.get_ident(),))  # threading.Thread takes locks itself
            return
        raised_at = time.monotonic()
        raise KeyboardInterrupt

    return handle


def _interrupt_later(thread_id: int) -> None:
    time.sleep(SECONDS_TO_RETRY)
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(thread_id, signal.SIGINT)  # it wakes a thread that waits
    else:
        _thread.interrupt_main()


def run(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 with one sentence, 2 wrong usage, 130 after Ctrl-C.

    It is 141 if whoever read the results has gone, as head does. arguments come after the program's name; the default
    is this process's own.
    """
    set_up_streams()
    ensure_home()
    _print_help_as_results(command)
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
    except LookalikeError as error:
        announce(f"error: {error}")
        return 1
    except KeyboardInterrupt as interrupt:
        announce(str(interrupt) or "Stopped. Nothing is lost; run the same command again to go on.")
        return INTERRUPTED
    except FileNotFoundError:
        if _has_folder():
            raise
        announce(f"error: {NO_FOLDER}")
        return 1
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        announce(f"error: {NO_MEMORY}")
        return 1


def _has_folder() -> bool:
    """Return whether the folder that this process runs in is still there."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _print_help_as_results(command: click.Command) -> None:
    """Let --help of a command, and of those in it, be printed as results are: click's own fails on a full disk."""
    if command.add_help_option:
        command.add_help_option = False
        command.params.append(
            click.Option(
                ["--help"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_print_help,
                help="Show this message and exit.",
            )
        )
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        _print_help_as_results(inner)


def _print_help(context: click.Context, option: click.Parameter, is_wanted: bool) -> None:
    if is_wanted:
        show(*context.get_help().split("\n"))
        context.exit()
