"""`lookalike search`: products by words, with what was understood of them."""

from typing import TYPE_CHECKING

import click

from lookalike.cli.options import COUNT, SERVED_INDEX, Command
from lookalike.cli.terminal import announce, show, show_json

if TYPE_CHECKING:
    from lookalike.search.lexicon import Understood


@click.command(cls=Command)
@click.argument("words", nargs=-1, required=True, metavar="WORDS...")
@click.option("-k", default=5, type=COUNT, metavar="N", show_default=True, help="Products to print.")
@SERVED_INDEX
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else, as similar --json does.")
def search(words: tuple[str, ...], k: int, index: str, as_json: bool) -> int:
    """Print the products that WORDS describe: "red dress", "navy sneakers for men". A shop needs no table for it.

    The exit code is 1 where no word was understood.
    """
    from lookalike.cli.output import as_dicts, as_lines
    from lookalike.index.catalogue import readable
    from lookalike.search.loading import load_catalogue
    from lookalike.search.word_ranking import WordRanking

    text = " ".join(words)
    found = WordRanking(load_catalogue(index)).find(text, k)
    announce_unknown(found.understood)
    answer = {"query": readable(text), "matches": as_dicts(found.matches)}
    if as_json:
        show_json([answer])
    else:
        show(*as_lines(answer))
    return 0 if found.understood.known else 1


def announce_unknown(understood: "Understood") -> None:
    """Say which words were not understood, and what to try if that is all of them."""
    from lookalike.index.catalogue import readable

    if understood.unknown:
        announce(f"Not understood: {', '.join(map(readable, understood.unknown))}.")
    if not understood.known:
        announce('error: None of these words is known here. Try a kind and a color, such as "red dress".')
