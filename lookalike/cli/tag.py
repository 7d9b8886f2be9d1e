"""`lookalike tag`: what each product's picture is believed to be, for shops whose table is empty or wrong."""

import click

from lookalike.cli.options import NAME, Command
from lookalike.cli.terminal import show


@click.command(cls=Command, context_settings={"show_default": True})
@click.option("--index", default=".", type=NAME, metavar="DIR", help="Folder of the index.")
@click.option("--output", default="tags.csv", type=NAME, metavar="FILE", help="The file to write.")
def tag(index: str, output: str) -> None:
    """Write what each product is believed to be, in the columns of styles.csv, with how sure. The index stays."""
    from lookalike.analysis.tags import tags_csv
    from lookalike.cli.output import write_output
    from lookalike.index.reading import load_index

    loaded = load_index(index)
    write_output(output, tags_csv(loaded))
    show(f"The tags of {loaded.product_count:,} products are in {output}.")
