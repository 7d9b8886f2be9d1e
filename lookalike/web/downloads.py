"""Favorites and results as a table to take along: as CSV."""

import csv
import io

from lookalike.index.catalogue import readable

OWN = ("id", "path", "distance")


# What makes a spreadsheet take a cell for a formula; an apostrophe makes it text again.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(rows, first="rank"):
    """The bytes of a CSV file (RFC 4180, UTF-8 with BOM) of rows, each a tuple (mark, product, distance).

    The mark is a rank or a list's name, and first the name of its column; a distance that is None stays empty.
    After id, path (as the index keeps it) and distance come all attributes that any of the products has.
    """
    rows = list(rows)
    columns = list(dict.fromkeys(column for _, product, _ in rows for column in product.attributes))
    # A shop's own column of a name that is taken must not hide ours from whoever reads the file by names.
    titles = [f"attribute {column}" if column in (first, *OWN) else column for column in columns]
    lines = [(first, *OWN, *titles)]
    for mark, product, distance in rows:
        own = (mark, product.id, product.name, "" if distance is None else f"{distance:.6f}")
        lines.append(own + tuple(product.attributes.get(column, "") for column in columns))
    return csv_text(lines).encode("utf-8-sig")


def of_results(matches):
    """The rows of to_csv for matches: products with the same picture follow theirs, at its rank and distance."""
    return [(match.rank, product, match.distance) for match in matches for product in (match.product, *match.same)]


def same_pictures_csv(groups):
    """CSV text, one line a product: its group, the group's distance in look, the product and its words."""
    columns = list(dict.fromkeys(c for group in groups for product in group.products for c in product.attributes))
    lines = [("group", "distance", "id", "path", *columns)]
    for number, group in enumerate(groups, start=1):
        for product in group.products:
            words = (product.attributes.get(column, "") for column in columns)
            lines.append((number, f"{group.distance:.3f}", product.id, product.name, *words))
    return csv_text(lines)


def doubts_csv(found):
    """CSV text, one line a Doubt, in the order given."""
    lines = [("id", "path", "column", "word", "suggested", "share", "own_share")]
    for d in found:
        shares = f"{d.share:.2f}", f"{d.own_share:.2f}"
        lines.append((d.product.id, d.product.name, d.column, d.word, d.suggested, *shares))
    return csv_text(lines)


def csv_text(lines):
    """Lines of cells as CSV (RFC 4180); cells that would run as formulas begin with an apostrophe."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[_harmless(str(cell)) for cell in line] for line in lines])
    return readable(text.getvalue())


def _harmless(cell):
    return "'" + cell if cell.startswith(FORMULA) else cell
