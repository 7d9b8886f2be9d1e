"""Tables to take along: CSV that any spreadsheet opens, and none executes."""

import csv
import io

from .attributes import readable

# What makes a spreadsheet take a cell for a formula; an apostrophe makes it text again.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_text(lines):
    """Lines of cells as CSV (RFC 4180); cells that would run as formulas begin with an apostrophe."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[_harmless(str(cell)) for cell in line] for line in lines])
    return readable(text.getvalue())


def _harmless(cell):
    return "'" + cell if cell.startswith(FORMULA) else cell
