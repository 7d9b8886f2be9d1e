"""Favourites and results as a table to take along: as CSV."""

from .spreadsheet import csv_text

OWN = ("id", "path", "distance")


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
