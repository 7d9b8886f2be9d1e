"""Options that name something, a file, a folder or an address: never empty, and each given once."""

from collections.abc import Iterable
from typing import Any

import click

COUNT = click.IntRange(min=1)


class _Name(click.ParamType):
    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("It is empty, which names nothing.", param, ctx)
        return value


NAME = _Name()
SERVED_INDEX = click.option(
    "--index", default=".", type=NAME, metavar="DIR", show_default=True,
    help="Folder of the index, or milvus://HOST:PORT/NAME.",
)  # fmt: skip


def read_filters(chosen: Iterable[str]) -> dict[str, list[str]]:
    """Return the filters that COLUMN=WORD options say: column → its words; raises UsageError."""
    filters: dict[str, list[str]] = {}
    for text in chosen:
        column, equals, word = text.partition("=")
        if not (column and equals and word):
            raise click.UsageError(f"--filter {text} is no filter. Write COLUMN=WORD, such as gender=Women.")
        filters.setdefault(column, []).append(word)
    return filters


class Command(click.Command):
    """A command that refuses an option of type NAME given twice: one of the two would silently count for nothing."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse and check the arguments after the command's name; raises UsageError."""
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        names = [option for option in given if option.type is NAME and option.nargs == 1 and not option.multiple]
        for option in names:
            if names.count(option) > 1:
                raise click.UsageError(f"{option.opts[0]} is given more than once. Give it once.", ctx)
        return super().parse_args(ctx, args)
