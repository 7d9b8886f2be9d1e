"""The command `lookalike`: its commands in one group."""

from collections.abc import Sequence

import click

from lookalike.cli.commands import evaluate, publish, similar, tune
from lookalike.cli.exit_codes import run
from lookalike.cli.indexing import fetch, index
from lookalike.cli.serve import serve
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


for command in (index, serve, similar, evaluate, tune, publish, fetch):
    lookalike.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; see lookalike.cli.exit_codes."""
    return run(lookalike, arguments)
