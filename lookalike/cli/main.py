"""The command `lookalike`: its commands in one group."""

from collections.abc import Sequence
from typing import NoReturn

import click

from lookalike.cli.commands import evaluate, publish, similar, tune
from lookalike.cli.exit_codes import run, run_and_exit
from lookalike.cli.garments import garments
from lookalike.cli.indexing import fetch, index
from lookalike.cli.report import report
from lookalike.cli.search import search
from lookalike.cli.serve import serve
from lookalike.cli.tag import tag
from lookalike.cli.terminal import show


def _print_version(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        from lookalike import __version__

        show(f"lookalike {__version__}")
        context.exit()


@click.group()
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
              help="Print the version and exit.")  # fmt: skip
def lookalike() -> None:
    """Find the products of a catalogue that look most like a photo."""


for command in (index, serve, similar, search, garments, evaluate, report, tag, tune, publish, fetch):
    lookalike.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see lookalike.cli.exit_codes."""
    return run(lookalike, arguments)


def start() -> NoReturn:
    """Run the command that this process's arguments name, and end the process with its exit code."""
    run_and_exit(lookalike)
